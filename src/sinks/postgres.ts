import { z } from 'zod';

import { recordCount } from '../batch.ts';
import { defineSink } from '../component.ts';
import { qualifiedName } from '../connections/postgres-table.ts';
import { addressOf, closePostgres, openPostgres, postgresError, type PostgresClient } from '../connections/postgres.ts';
import type { Json } from '../json.ts';
import { postgresLedger, type PostgresLedger } from '../ledger/postgres.ts';
import type { Batch, Commit, Sink, StageContext } from '../stage.ts';
import { Committer } from './postgres/committer.ts';
import { Load } from './postgres/load.ts';
import { replacement, type Place, type Replacement } from './postgres/replace.ts';
import { openTarget, type Target } from './postgres/target.ts';
import { LoadWriter } from './postgres/writer.ts';

const options = z.strictObject({
  connectionString: z
    .string()
    .describe('Where the database is.')
    .meta({ secret: true, examples: ['${DATABASE_URL}'] }),
  table: z
    .string()
    .describe('Table to write: `name` or `schema.name`.')
    .meta({ examples: ['messages', 'chat.messages'] }),
  columns: z
    .record(z.string(), z.string())
    .optional()
    .describe(
      'Column → path of the field that fills it. Left out: each column without a default, from the field of its name.',
    ),
  document: z
    .string()
    .optional()
    .describe('A json or jsonb column that takes the whole record.')
    .meta({ examples: ['doc'] }),
  mode: z
    .enum(['append', 'upsert', 'skip-existing', 'replace'])
    .default('append')
    .describe(
      'What to do with rows that are there: add to them, update those with the same key, leave those alone, or put the new rows in their place at the end.',
    ),
  key: z.array(z.string()).min(1).optional().describe('Columns that identify a row. Left out: the primary key.'),
  createTable: z
    .boolean()
    .default(false)
    .describe('Make the table from the shape of the first records when it is not there.'),
  connections: z
    .int()
    .min(1)
    .max(32)
    .default(1)
    .describe('Connections that load side by side. Transactions are committed in the order of the input.'),
  batchRecords: z.int().positive().default(5000).describe('Rows in a transaction, at most (by whole batches).'),
  batchBytes: z
    .int()
    .positive()
    .default(6 * 1024 * 1024)
    .describe('Bytes in a transaction, at most (by whole batches).'),
  unstorable: z
    .enum(['replace', 'strip', 'reject', 'fail'])
    .default('replace')
    .describe(
      'What PostgreSQL cannot hold: NUL characters and halves of surrogate pairs in text, NaN and infinity in JSON, times out of range. Put U+FFFD, a string, `infinity` in their place, leave them out (null for a number or a time), reject the record, or stop. Counted in the report.',
    ),
});
export type PostgresSinkOptions = z.input<typeof options>;
type Options = z.output<typeof options>;

/**
 * Writes records into a PostgreSQL table by COPY (13 or newer).
 *
 * Rows and the run's progress are committed in the same transaction, so every record arrives exactly once, whatever is
 * killed when. A record that does not fit costs itself only: it is found by the line the server names and rejected with
 * SQLSTATE, column and constraint. Memory holds about `batchBytes` times `connections` plus two, as JSON text and as rows.
 *
 * @throws {EtlError} `ETL_CONNECT_FAILED`, `ETL_AUTH_FAILED`; `ETL_CONFIG_INVALID` when table and options do not fit;
 *   `ETL_SINK_FAILED` for what the server refuses; `ETL_RUN_LOCKED` when another process has taken the run over.
 */
export function postgresSink(input: PostgresSinkOptions): Sink<unknown> {
  const parsed = options.parse(input);
  const { connectionString, ...config } = parsed;
  const target = qualifiedName(parsed.table);
  let ledger: PostgresLedger | undefined;
  return {
    role: 'sink',
    name: 'postgres',
    config: JSON.parse(
      JSON.stringify({ ...config, connections: undefined, database: addressOf(connectionString) }),
    ) as Json,
    ifExists: parsed.mode,
    ledger(run) {
      ledger = postgresLedger(connectionString, target, run);
      return ledger;
    },
    async check() {
      const client = await openPostgres(connectionString);
      try {
        await openTarget(client, { ...parsed, createTable: false, needsKey: needsKey(parsed) }, () => []);
        return `${addressOf(connectionString)}, table ${target}`;
      } finally {
        await closePostgres(client);
      }
    },
    write: (batches, ctx) => write(batches, ctx, parsed, ledger),
  };
}

async function* write(
  batches: AsyncIterable<Batch<unknown>>,
  ctx: StageContext,
  parsed: Options,
  ledger: PostgresLedger | undefined,
): AsyncGenerator<Commit> {
  const { connectionString, mode } = parsed;
  const control = await openPostgres(connectionString);
  // What this sink leaves with its first commit: where the rows of a replacement wait.
  const resumed = ctx.cursor === undefined ? undefined : (ctx.cursor as { readonly place: Place }).place;
  const replace = mode === 'replace' ? replacement(control, qualifiedName(parsed.table), resumed) : undefined;
  let committer: Committer | undefined;
  try {
    for await (const { load, target, place } of loads(batches, ctx, parsed, control, replace)) {
      if (committer === undefined && place !== undefined && resumed === undefined)
        yield { records: 0, state: { place } };
      committer ??= committerFor(target, parsed, ledger, ctx);
      yield* committer.submit(load);
    }
    if (committer !== undefined) yield* committer.drain();
    if (replace !== undefined && !ctx.halted) await replace.swap();
  } catch (error) {
    throw postgresError(error, 'ETL_SINK_FAILED', connectionString);
  } finally {
    await committer?.close();
    await closePostgres(control);
  }
}

function needsKey({ mode }: Options): boolean {
  return mode === 'upsert' || mode === 'skip-existing';
}

function committerFor(
  target: Target,
  parsed: Options,
  ledger: PostgresLedger | undefined,
  ctx: StageContext,
): Committer {
  const { connectionString, connections, mode } = parsed;
  const writer = new LoadWriter(target, mode === 'replace' ? 'append' : mode, connections);
  return new Committer({ connectionString, connections, ledger, ctx, writer, takesSamples: needsKey(parsed) });
}

/** Cuts the batches into loads; the table is looked up with the first records at hand. */
async function* loads(
  batches: AsyncIterable<Batch<unknown>>,
  ctx: StageContext,
  parsed: Options,
  control: PostgresClient,
  replace: Replacement | undefined,
): AsyncGenerator<{ load: Load; target: Target; place: Place | undefined }> {
  let target: Target | undefined;
  let place: Place | undefined;
  let load: Load | undefined;
  const spare: Buffer[] = [];
  let waiting: Batch<unknown>[] = [];
  for await (const batch of batches) {
    if (target === undefined && recordCount(batch) === 0) {
      waiting.push(batch);
      continue;
    }
    if (target === undefined) {
      const opened = await replace?.open(parsed.createTable);
      place = opened?.place;
      target = await openTarget(
        control,
        { ...parsed, table: opened?.table ?? parsed.table, needsKey: needsKey(parsed) },
        () => batch.records,
      );
    }
    load ??= new Load(target.plan, ctx, spare);
    for (const earlier of waiting) load.add(earlier);
    waiting = [];
    load.add(batch);
    if (load.rows < parsed.batchRecords && load.bytes < parsed.batchBytes) continue;
    yield { load, target, place };
    load = undefined;
  }
  if (load !== undefined && target !== undefined) yield { load, target, place };
}

export const postgresSinkComponent = defineSink({
  type: 'postgres',
  summary: 'Writes records into a PostgreSQL table by COPY, exactly once',
  details:
    'Rows and progress are committed in one transaction. Bad rows are found and rejected one by one. Values travel in binary form; types without a binary form here travel as text and are cast by the server.',
  accepts: 'any',
  options,
  examples: [
    'type: postgres\nconnectionString: "${DATABASE_URL}"\ntable: messages\nmode: upsert\nkey: [id]\ncolumns: { id: id, sent_at: createdAt, body: text }',
    'type: postgres\nconnectionString: "${DATABASE_URL}"\ntable: documents\ndocument: doc\ncreateTable: true',
  ],
  create: postgresSink,
});
