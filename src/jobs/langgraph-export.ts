import { closePostgres, openPostgres } from '../connections/postgres.ts';
import { EtlError } from '../errors.ts';
import type { ThreadRecord } from '../models/langgraph.ts';
import { pipeline } from '../pipeline.ts';
import type { PipelinePlan } from '../plan.ts';
import { postgresSink } from '../sinks/postgres.ts';
import { threadsBackupSink, type ThreadsBackupSinkOptions } from '../sinks/threads-backup.ts';
import { langgraphSource, type LanggraphSourceOptions } from '../sources/langgraph.ts';
import { threadsBackupSource } from '../sources/threads-backup.ts';
import type { Source } from '../stage.ts';
import { threadRows } from '../transforms/thread-rows.ts';
import { scopedThreads, type ThreadScope } from './scoped-threads.ts';
import { checkThreads, isThreadBundle } from './verify-threads.ts';

/** Where threads are: on a server, or in a bundle or backup on the disk. */
export type ThreadPlace = LanggraphSourceOptions | ThreadFiles;

/** Threads on the disk. `isChecked` false: also a bundle that was not completed, or changed since. */
export interface ThreadFiles {
  readonly path: string;
  readonly isChecked?: boolean;
  /** Which of them. */
  readonly scope?: ThreadScope | undefined;
}

/** The source of the threads there. */
export function threadSource(place: ThreadPlace): Source<ThreadRecord> {
  if (!('path' in place)) return langgraphSource(place);
  const { path, isChecked, scope } = place;
  const source = threadsBackupSource({ path, ...(isChecked === undefined ? {} : { requireComplete: isChecked }) });
  return scope === undefined ? source : scopedThreads(source, scope);
}

/**
 * Holds that a bundle of threads is what it was when it was made. Other files have nothing to be held to.
 *
 * @throws {EtlError} `ETL_SOURCE_INVALID` with what is wrong.
 */
export async function checkThreadFiles({ path, isChecked }: ThreadFiles, signal: AbortSignal): Promise<void> {
  if (isChecked !== false && (await isThreadBundle(path))) await checkThreads(path, signal);
}

/** The place for people, without secrets. */
export function placeName(place: ThreadPlace): string {
  if ('path' in place) return place.path;
  const { origin, pathname } = new URL(place.apiUrl);
  return `${origin}${pathname}`.replace(/\/+$/, '');
}

/** The pipeline that writes threads to a bundle, or to a `threads_backup.json`. */
export function langgraphExport(from: ThreadPlace, sink: ThreadsBackupSinkOptions): PipelinePlan {
  return pipeline(threadSource(from), { name: 'langgraph-export' }).to(
    threadsBackupSink({ source: placeName(from), ...sink }),
  ).plan;
}

/**
 * The pipelines that write threads to PostgreSQL, one after the other: `langgraph_threads`, then `langgraph_checkpoints`.
 * Rows that are there are brought up to date.
 */
export function langgraphToPostgres(from: ThreadPlace, connectionString: string): readonly PipelinePlan[] {
  // A thread's row needs its last checkpoint only.
  const heads: ThreadPlace = 'path' in from ? from : { ...from, historyLimit: 1, subgraphs: false };
  const into = { connectionString, mode: 'upsert' as const };
  return [
    pipeline(threadSource(heads), { name: 'langgraph-threads' })
      .through(threadRows({ table: 'threads', sourceUrl: placeName(from) }))
      .to(postgresSink({ ...into, table: 'langgraph_threads' })).plan,
    pipeline(threadSource(from), { name: 'langgraph-checkpoints' })
      .through(threadRows({ table: 'checkpoints' }))
      .to(postgresSink({ ...into, table: 'langgraph_checkpoints' })).plan,
  ];
}

/**
 * The tables, when they are not there.
 *
 * @throws {EtlError} `ETL_SINK_EXISTS` when there are tables of these names that another tool made.
 */
export async function makeThreadTables(connectionString: string): Promise<void> {
  const client = await openPostgres(connectionString);
  try {
    await client.query(threadTables);
    const { rows } = await client.query<{ readonly name: string; readonly columns: string }>(keyColumns);
    for (const { name, columns } of rows) {
      if (columns === keys[name]) continue;
      throw new EtlError('ETL_SINK_EXISTS', `the table ${name} was made by another tool: its key is ${columns}`, {
        hint: 'Name another database, or rename the table: what is in it stays as it is.',
      });
    }
  } finally {
    await closePostgres(client);
  }
}

const keys: Readonly<Record<string, string>> = {
  langgraph_threads: 'thread_id',
  langgraph_checkpoints: 'thread_id, checkpoint_ns, checkpoint_id',
};

/** The primary keys of the tables that these names mean; nothing where there is none. */
const keyColumns = `select t.name, coalesce((
    select string_agg(a.attname, ', ' order by array_position(i.indkey::int2[], a.attnum))
    from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
    where i.indrelid = t.name::regclass and i.indisprimary
  ), 'none') as columns
  from (values ('langgraph_threads'), ('langgraph_checkpoints')) as t(name)`;

/** The tables of threads and their checkpoints. */
const threadTables = `create table if not exists langgraph_threads (
  thread_id text primary key,
  metadata jsonb not null,
  values jsonb not null,
  status text,
  created_at timestamptz,
  updated_at timestamptz,
  source_url text,
  exported_at timestamptz not null default now()
);
create table if not exists langgraph_checkpoints (
  thread_id text not null,
  checkpoint_ns text not null,
  checkpoint_id text not null,
  parent_checkpoint_id text,
  step integer,
  source text,
  next jsonb not null,
  tasks jsonb not null,
  values jsonb not null,
  metadata jsonb not null,
  created_at timestamptz,
  primary key (thread_id, checkpoint_ns, checkpoint_id)
);`;
