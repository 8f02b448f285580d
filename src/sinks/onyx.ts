import type { z } from 'zod';

import { defineSink } from '../component.ts';
import { OnyxApi } from '../connections/onyx-api.ts';
import { addressOf, closePostgres, openPostgres, postgresError, type PostgresClient } from '../connections/postgres.ts';
import type { Json } from '../json.ts';
import { postgresLedger, type PostgresLedger } from '../ledger/postgres.ts';
import type { Conversation } from '../models/conversation.ts';
import type { Batch, Commit, Sink, StageContext } from '../stage.ts';
import { ChatFiles } from './onyx/chat-files.ts';
import { probeOnyx } from './onyx/generation.ts';
import { releases } from './onyx/layout.ts';
import { OnyxLoad, type LoadOptions } from './onyx/load.ts';
import { OnyxWriter } from './onyx/onyx-writer.ts';
import { openPersonas, requirePersona } from './onyx/personas.ts';
import { Placer } from './onyx/placer.ts';
import { createProvenance } from './onyx/provenance.ts';
import type { OnyxWork } from './onyx/rights.ts';
import { onyxSinkOptions, type OnyxWriting } from './onyx/sink-options.ts';
import { useSchema } from './onyx/use-schema.ts';

/** The first transactions are small and the next ones twice as large, so that no connection waits long for work. */
const firstBytes = 256 * 1024;

export type OnyxSinkOptions = z.input<typeof onyxSinkOptions>;

/**
 * Writes conversations into Onyx's database: sessions, the whole tree with all branches, tool calls, thoughts, citations,
 * feedback, projects and, through its API, files.
 *
 * Each conversation arrives whole and once: a repeated import finds it by its key and leaves alone what is there, also when
 * it was changed or deleted in Onyx since. Owners are found by e-mail address. What came from where is kept in the schema
 * `etl`. Memory holds about three times `batchBytes` for each connection, and once more. Onyx since v2.6; the older forms of
 * its tables are filled as far as they go.
 *
 * @throws {EtlError} `ETL_CONNECT_FAILED`, `ETL_AUTH_FAILED`; `ETL_CONFIG_INVALID` for tables of an unknown generation and
 *   for a persona that is not there; `ETL_SINK_FAILED` for what the server refuses and for an owner without an account.
 */
export function onyxSink(input: OnyxSinkOptions): Sink<Conversation> {
  const parsed = onyxSinkOptions.parse(input);
  const { connectionString, schema } = parsed;
  let opened: { ledger: PostgresLedger; pipeline: string } | undefined;
  return {
    role: 'sink',
    name: 'onyx',
    config: configOf(parsed),
    ifExists: 'skip-existing',
    ledger(run) {
      const ledger = postgresLedger(connectionString, `onyx:${schema}`, run);
      opened = { ledger, pipeline: run.pipeline };
      return {
        ...ledger,
        async open() {
          // A database that is refused gets no schema of ours.
          await withClient(parsed, (client) => probeOnyx(client, schema, worksOf(parsed)));
          return ledger.open();
        },
      };
    },
    check: (signal) =>
      withClient(parsed, async (client) => {
        const uploads = await checkApi(parsed, signal);
        const { retentionDays, generation } = await probeOnyx(client, schema, worksOf(parsed));
        await openPersonas(client, parsed.persona);
        const kept = retentionDays === undefined ? '' : `; chats are deleted after ${retentionDays} days`;
        return `${addressOf(connectionString)}, schema ${schema}, Onyx ${releases[generation]}${kept}${uploads}`;
      }),
    write: (batches, ctx) => write(batches, ctx, parsed, opened),
  };
}

function worksOf({ users }: OnyxWriting): OnyxWork[] {
  return users === 'create' ? ['import', 'accounts'] : ['import'];
}

async function checkApi({ files }: OnyxWriting, signal: AbortSignal): Promise<string> {
  if (files === 'off') return '';
  const api = await OnyxApi.open(files);
  try {
    await api.personas(signal);
    return `; files by ${api.address}`;
  } finally {
    await api.close();
  }
}

/** The options that decide what is written. */
function configOf({
  connectionString,
  connections: _,
  files,
  batchRecords: _1,
  batchBytes: _2,
  ...rest
}: OnyxWriting): Json {
  const uploads = files === 'off' ? 'off' : { apiBase: files.apiBase, roots: files.roots };
  // What was parsed from JSON is JSON; what is not given is left out.
  return JSON.parse(JSON.stringify({ ...rest, files: uploads, database: addressOf(connectionString) })) as Json;
}

async function withClient<T>(
  { connectionString, schema }: OnyxWriting,
  work: (client: PostgresClient) => Promise<T>,
): Promise<T> {
  const client = await openPostgres(connectionString);
  try {
    await useSchema(client, schema);
    return await work(client);
  } catch (error) {
    throw postgresError(error, 'ETL_SINK_FAILED', connectionString);
  } finally {
    await closePostgres(client);
  }
}

async function* write(
  batches: AsyncIterable<Batch<unknown>>,
  ctx: StageContext,
  parsed: OnyxWriting,
  run: { readonly ledger: PostgresLedger; readonly pipeline: string } | undefined,
): AsyncGenerator<Commit> {
  const { connectionString, schema, users, branches, projects, archived, batchRecords, batchBytes } = parsed;
  const { database, personas } = await withClient(parsed, async (client) => {
    const database = await probeOnyx(client, schema, worksOf(parsed));
    const found = { database, personas: await openPersonas(client, parsed.persona) };
    await createProvenance(client);
    return found;
  });
  if (database.retentionDays !== undefined) {
    ctx.warn(
      `this Onyx deletes chats ${database.retentionDays} days after their last message: older ones will be gone soon after the import`,
    );
  }
  const files =
    parsed.files === 'off'
      ? undefined
      : await ChatFiles.open({ ...parsed.files, connectionString, schema, database, ctx });
  const mapping = {
    projects,
    archived: archived === 'project' ? 'project' : 'keep',
    files: files !== undefined,
  } as const;
  const personaOf = (conversation: Conversation): number => requirePersona(personas, conversation);
  const taking: LoadOptions = { branches, mapping, skipArchived: archived === 'skip', personaOf };
  const placer = new Placer(connectionString, { schema, users, database, ctx });
  const writer = new OnyxWriter({
    ...parsed,
    database,
    placer,
    files,
    ledger: run?.ledger,
    pipeline: run?.pipeline ?? '',
    mapping: { ...mapping, branches, users, archived, longText: parsed.longText, personas: { ...personas } },
    ctx,
  });
  try {
    let load = new OnyxLoad(taking, ctx);
    let enough = firstBytes;
    for await (const batch of batches) {
      load.add(batch);
      if (load.records.length < batchRecords && load.size < Math.min(enough, batchBytes)) continue;
      yield* writer.submit(load);
      load = new OnyxLoad(taking, ctx);
      enough *= 2;
    }
    if (load.records.length > 0 || load.cursor !== undefined) yield* writer.submit(load);
    yield* writer.drain();
  } catch (error) {
    throw postgresError(error, 'ETL_SINK_FAILED', connectionString);
  } finally {
    await writer.close();
    await placer.close();
    await files?.close();
  }
}

export const onyxSinkComponent = defineSink({
  type: 'onyx',
  summary: "Writes conversations into Onyx's database, with all branches, each exactly once",
  details:
    'Owners are found by e-mail address. A conversation that was imported before is left alone, whatever became of it in Onyx. `etl onyx verify` compares what is there with the source, `etl onyx undo` takes an import back.',
  accepts: 'conversation',
  options: onyxSinkOptions,
  examples: ['type: onyx\nconnectionString: "${ONYX_DATABASE_URL}"\nusers: skip'],
  create: onyxSink,
});
