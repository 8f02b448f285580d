import { closePostgres, openPostgres, postgresError, type PostgresClient } from '../connections/postgres.ts';
import { EtlError } from '../errors.ts';
import { probeOnyx, type OnyxDatabase } from '../sinks/onyx/generation.ts';
import { hasProvenance } from '../sinks/onyx/provenance.ts';
import { useSchema } from '../sinks/onyx/use-schema.ts';
import { dropHelperIndexes, makeHelperIndexes } from './onyx-undo-indexes.ts';

/** Which run to take back, and how. */
export interface OnyxUndoOptions {
  readonly connectionString: string;
  readonly schema?: string;
  /** As `onyxRuns` names it. */
  readonly run: string;
  /** Without it nothing is changed. */
  readonly apply?: boolean;
  /** Chats that a person has gone on with since, too. */
  readonly changedToo?: boolean;
  readonly signal?: AbortSignal;
  readonly onWarning?: (message: string) => void;
  /** Told after each transaction. */
  readonly onProgress?: (done: number, of: number) => void;
}

/** What was taken back, or would be. */
export interface OnyxUndoReport {
  readonly schema: 'threadmill/onyx-undo@1';
  readonly run: string;
  readonly applied: boolean;
  readonly chats: number;
  readonly messages: number;
  /** Chats that stay because somebody has gone on with them since. */
  readonly kept: readonly string[];
}

/** An import into this Onyx. */
export interface OnyxRun {
  readonly run: string;
  readonly pipeline: string;
  readonly chats: number;
  readonly from: string;
  readonly to: string;
}

const sessionsAtOnce = 500;

/** The imports whose chats are in this Onyx, the latest first. */
export async function onyxRuns(connectionString: string, schema = 'public'): Promise<OnyxRun[]> {
  const client = await openPostgres(connectionString);
  try {
    if (!(await hasProvenance(client))) return [];
    const { rows } = await client.query<OnyxRun>(
      `select run, min(pipeline) as pipeline, sum(chats)::int as chats, min(loaded_at)::text as "from", max(loaded_at)::text as "to"
         from (select l.*, (select count(*) from etl.onyx_chat c where c.load = l.load) as chats from etl.onyx_load l where schema = $1) l
        group by run having sum(chats) > 0 order by max(loaded_at) desc`,
      [schema],
    );
    return rows;
  } catch (error) {
    throw postgresError(error, 'ETL_SINK_FAILED', connectionString);
  } finally {
    await closePostgres(client);
  }
}

/**
 * Takes an import back: deletes its chats with all that belongs to them, and forgets that they were imported, so that the
 * same command imports them anew. Chats that somebody has gone on with stay, unless `changedToo`.
 *
 * Onyx has no index for most of what points at a message, and each deletion would search whole tables: such indexes are made
 * for the time of the work. It may be broken off and repeated; each transaction deletes whole chats.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` for a run that is not known; `ETL_RUN_LOCKED` while it is going on.
 */
export async function undoOnyx(options: OnyxUndoOptions): Promise<OnyxUndoReport> {
  const { connectionString, schema = 'public', run, apply = false, changedToo = false, signal, onProgress } = options;
  const client = await openPostgres(connectionString);
  try {
    await useSchema(client, schema);
    await requireRun(client, schema, run);
    const database = await probeOnyx(client, schema, apply ? ['undo'] : ['read']);
    const chats = await chatsOf(client, schema, run);
    const kept = changedToo ? [] : chats.filter(({ isChanged }) => isChanged).map(({ id }) => id);
    const keep = new Set(kept);
    const doomed = chats.filter(({ id }) => !keep.has(id));
    const messages = doomed.reduce((sum, { messages: count }) => sum + count, 0);
    const report = {
      schema: 'threadmill/onyx-undo@1',
      run,
      applied: apply,
      chats: doomed.length,
      messages,
      kept,
    } as const;
    if (!apply) return report;
    const callColumn = database.generation === 'C' ? 'parent_chat_message_id' : 'message_id';
    await holdRuns(client, schema, run);
    await makeHelperIndexes(client, schema, options.onWarning ?? (() => undefined));
    try {
      // First of all: when this is broken off, an import looks at every chat again, and brings in those that are gone.
      await forgetProgress(client, schema);
      for (let from = 0; from < doomed.length; from += sessionsAtOnce) {
        signal?.throwIfAborted();
        const some = doomed.slice(from, from + sessionsAtOnce).map(({ id }) => id);
        await client.query('begin');
        await deleteChats(client, schema, some, callColumn);
        await client.query('commit');
        onProgress?.(Math.min(from + sessionsAtOnce, doomed.length), doomed.length);
      }
      await client.query('begin');
      await forgetRun(client, schema, run, database);
      await client.query('commit');
    } finally {
      await client.query('rollback').catch(() => undefined);
      await dropHelperIndexes(client, schema).catch(() => undefined);
    }
    return report;
  } catch (error) {
    throw postgresError(error, 'ETL_SINK_FAILED', connectionString);
  } finally {
    await closePostgres(client);
  }
}

async function requireRun(client: PostgresClient, schema: string, run: string): Promise<void> {
  const isUuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(run);
  const { rows } =
    isUuid && (await hasProvenance(client))
      ? await client.query('select 1 from etl.onyx_load where schema = $1 and run = $2 limit 1', [schema, run])
      : { rows: [] };
  if (rows.length > 0) return;
  throw new EtlError(
    'ETL_SOURCE_NOT_FOUND',
    `no run ${run} has imported anything into schema "${schema}" of this Onyx`,
    {
      hint: '`etl onyx undo` without --run lists the runs.',
    },
  );
}

/** Keeps the pipeline of that run from starting while its chats are deleted, and refuses when it is under way. */
async function holdRuns(client: PostgresClient, schema: string, run: string): Promise<void> {
  const { rows } = await client.query<{ held: boolean; pipeline: string }>(
    `select pg_try_advisory_lock(hashtextextended('etl:' || pipeline || ':onyx:' || $1, 7)) as held, pipeline
       from (select distinct pipeline from etl.onyx_load where schema = $1 and run = $2) p`,
    [schema, run],
  );
  const busy = rows.find(({ held }) => !held);
  if (busy === undefined) return;
  throw new EtlError('ETL_RUN_LOCKED', `the import "${busy.pipeline}" is going on`, {
    hint: 'Stop it first, then take it back.',
  });
}

interface ImportedChat {
  readonly id: string;
  readonly messages: number;
  readonly isChanged: boolean;
}

/** The chats of a run that are there, and whether they hold messages that the import did not bring. */
async function chatsOf(client: PostgresClient, schema: string, run: string): Promise<ImportedChat[]> {
  const { rows } = await client.query<ImportedChat>(
    `with own as materialized (
       select c.session_id from etl.onyx_chat c join etl.onyx_load l using (load) where c.schema = $1 and l.run = $2),
     rows as (
       select m.chat_session_id as id, count(*)::int as n, count(o.message_id)::int as known
         from chat_message m left join etl.onyx_message o on o.schema = $1 and o.session_id = m.chat_session_id and o.message_id = m.id
        where m.chat_session_id in (select session_id from own) group by 1)
     select own.session_id as id, coalesce(n, 0) as messages, coalesce(n > known, false) as "isChanged"
       from own left join rows on rows.id = own.session_id order by 1`,
    [schema, run],
  );
  return rows;
}

async function deleteChats(
  client: PostgresClient,
  schema: string,
  ids: readonly string[],
  callColumn: string,
): Promise<void> {
  const messages = 'select id from chat_message where chat_session_id = any($1::uuid[])';
  // A document belongs to the messages that name it: those of other chats keep theirs.
  const { rows: documents } = await client.query<{ id: number }>(
    `delete from chat_message__search_doc where chat_message_id in (${messages}) returning search_doc_id as id`,
    [ids],
  );
  await client.query(
    `delete from search_doc d where id = any($1::int[])
        and not exists (select 1 from chat_message__search_doc j where j.search_doc_id = d.id)`,
    [documents.map(({ id }) => id)],
  );
  for (const statement of [
    `delete from chat_feedback where chat_message_id in (${messages})`,
    `delete from tool_call where ${callColumn} in (${messages})`,
    'delete from chat_message where chat_session_id = any($1::uuid[])',
    'delete from chat_session where id = any($1::uuid[])',
  ])
    await client.query(statement, [ids]);
  for (const table of ['etl.onyx_message', 'etl.onyx_chat'])
    await client.query(`delete from ${table} where schema = $1 and session_id = any($2::uuid[])`, [schema, ids]);
}

/**
 * Has every import into this Onyx begin anew: another one may have left chats out because this run had brought them in. What
 * is there is known by its key, and stays.
 */
async function forgetProgress(client: PostgresClient, schema: string): Promise<void> {
  await client.query('update etl.run set progress = null, run = null where target = $1', [`onyx:${schema}`]);
}

/** Takes back what was made for the chats and nothing uses any more. */
async function forgetRun(client: PostgresClient, schema: string, run: string, { has }: OnyxDatabase): Promise<void> {
  await client.query(
    `delete from etl.onyx_load l where l.schema = $1 and l.run = $2 and not exists (select 1 from etl.onyx_chat c where c.load = l.load)`,
    [schema, run],
  );
  if (has('tool', 'id'))
    await client.query(
      `with gone as (delete from etl.onyx_tool o where schema = $1 and not exists (select 1 from tool_call c where c.tool_id = o.tool_id)
                     returning tool_id)
       delete from tool where id in (select tool_id from gone)`,
      [schema],
    );
  if (!has('user_project', 'id') || !has('chat_session', 'project_id')) return;
  await client.query(
    `with gone as (delete from etl.onyx_project o where schema = $1
                    and not exists (select 1 from chat_session s where s.project_id = o.project_id) returning project_id)
     delete from user_project where id in (select project_id from gone)`,
    [schema],
  );
}
