import { z } from 'zod';

import { defineSink } from '../component.ts';
import { addressOf, closePostgres, openPostgres, postgresError } from '../connections/postgres.ts';
import type { Json } from '../json.ts';
import { postgresLedger, type PostgresLedger } from '../ledger/postgres.ts';
import type { Conversation } from '../models/conversation.ts';
import type { Batch, Commit, Sink, StageContext } from '../stage.ts';
import { probeOnyx, type OnyxDatabase } from './onyx/generation.ts';
import { OnyxLoad } from './onyx/load.ts';
import { createProvenance } from './onyx/provenance.ts';
import { OnyxWriter, useSchema } from './onyx/transaction.ts';

const options = z.strictObject({
  connectionString: z
    .string()
    .describe("Where Onyx's database is.")
    .meta({ secret: true, examples: ['${ONYX_DATABASE_URL}'] }),
  schema: z
    .string()
    .min(1)
    .default('public')
    .describe("The schema with Onyx's tables; with several tenants, the tenant's.")
    .meta({ examples: ['public'] }),
  persona: z
    .int()
    .min(0)
    .default(0)
    .describe('The assistant that imported chats belong to: its id. 0 is the built-in one.'),
  missingUser: z
    .enum(['skip', 'fail'])
    .default('fail')
    .describe(
      'What to do with a conversation whose owner has no account of that e-mail address: leave it out, or stop.',
    ),
  longText: z
    .enum(['split', 'reject'])
    .default('split')
    .describe(
      'What to do with a text of too many different words for the search column: spread it over messages, or reject.',
    ),
  batchRecords: z.int().positive().default(500).describe('Conversations in a transaction, at most (by whole batches).'),
  batchBytes: z
    .int()
    .positive()
    .default(8 * 1024 * 1024)
    .describe('Size of the texts in a transaction, at most (by whole batches).'),
});
export type OnyxSinkOptions = z.input<typeof options>;
type Options = z.output<typeof options>;

/**
 * Writes conversations into Onyx's database: sessions, the whole tree with all branches, tool calls, thoughts, citations
 * and feedback (Onyx 2.6 or newer).
 *
 * Each conversation arrives whole and once: a repeated import finds it by its key and leaves alone what is there, also when
 * it was changed or deleted in Onyx since. Owners are found by e-mail address. Files are not carried over. What came from
 * where is kept in the schema `etl`. Memory holds about three times `batchBytes`.
 *
 * @throws {EtlError} `ETL_CONNECT_FAILED`, `ETL_AUTH_FAILED`; `ETL_CONFIG_INVALID` for tables of an unknown generation;
 *   `ETL_SINK_FAILED` for what the server refuses and for an owner without an account.
 */
export function onyxSink(input: OnyxSinkOptions): Sink<Conversation> {
  const parsed = options.parse(input);
  const { connectionString, schema, persona, missingUser, longText } = parsed;
  let opened: { ledger: PostgresLedger; pipeline: string } | undefined;
  return {
    role: 'sink',
    name: 'onyx',
    config: { schema, persona, missingUser, longText, database: addressOf(connectionString) } satisfies Json,
    ifExists: 'skip-existing',
    ledger(run) {
      const ledger = postgresLedger(connectionString, `onyx:${schema}`, run);
      opened = { ledger, pipeline: run.pipeline };
      return ledger;
    },
    async check() {
      const { retentionDays } = await probe(parsed, false);
      const kept = retentionDays === undefined ? '' : `; chats are deleted after ${retentionDays} days`;
      return `${addressOf(connectionString)}, schema ${schema}, Onyx 2.6 or newer${kept}`;
    },
    write: (batches, ctx) => write(batches, ctx, parsed, opened),
  };
}

async function probe({ connectionString, schema, persona }: Options, isWriting: boolean): Promise<OnyxDatabase> {
  const client = await openPostgres(connectionString);
  try {
    await useSchema(client, schema);
    const database = await probeOnyx(client, schema, persona);
    if (isWriting) await createProvenance(client);
    return database;
  } catch (error) {
    throw postgresError(error, 'ETL_SINK_FAILED', connectionString);
  } finally {
    await closePostgres(client);
  }
}

async function* write(
  batches: AsyncIterable<Batch<unknown>>,
  ctx: StageContext,
  parsed: Options,
  run: { readonly ledger: PostgresLedger; readonly pipeline: string } | undefined,
): AsyncGenerator<Commit> {
  const { connectionString, batchRecords, batchBytes } = parsed;
  const database = await probe(parsed, true);
  if (database.retentionDays !== undefined) {
    ctx.warn(
      `this Onyx deletes chats ${database.retentionDays} days after their last message: older ones will be gone soon after the import`,
    );
  }
  const writer = new OnyxWriter({ ...parsed, database, ledger: run?.ledger, pipeline: run?.pipeline ?? '', ctx });
  try {
    let load = new OnyxLoad(ctx);
    for await (const batch of batches) {
      load.add(batch);
      if (load.chats.length < batchRecords && load.size < batchBytes) continue;
      yield await writer.write(load);
      load = new OnyxLoad(ctx);
    }
    if (load.chats.length > 0 || load.cursor !== undefined) yield await writer.write(load);
  } catch (error) {
    throw postgresError(error, 'ETL_SINK_FAILED', connectionString);
  } finally {
    await writer.close();
  }
}

export const onyxSinkComponent = defineSink({
  type: 'onyx',
  summary: "Writes conversations into Onyx's database, with all branches, each exactly once",
  details:
    'Owners are found by e-mail address. A conversation that was imported before is left alone, whatever became of it in Onyx. Files are not carried over. To import one branch of each conversation, or each branch as a chat, put `linearize` before this.',
  accepts: 'conversation',
  options,
  examples: ['type: onyx\nconnectionString: "${ONYX_DATABASE_URL}"\nmissingUser: skip'],
  create: onyxSink,
});
