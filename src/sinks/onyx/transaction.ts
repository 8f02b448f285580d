import { randomUUID } from 'node:crypto';

import {
  closePostgres,
  isRetryablePostgres,
  openPostgres,
  postgresFault,
  type PostgresClient,
} from '../../connections/postgres.ts';
import { EtlError } from '../../errors.ts';
import { storableText } from '../../formats/postgres-text.ts';
import type { Json } from '../../json.ts';
import type { PostgresLedger } from '../../ledger/postgres.ts';
import { cutText, safeTextBytes, splitOnyxMessage } from '../../mappings/conversation-to-onyx-split.ts';
import { retry } from '../../retry.ts';
import type { Commit, StageContext } from '../../stage.ts';
import type { OnyxDatabase } from './generation.ts';
import { insertChats, type InsertOptions } from './insert-chats.ts';
import type { OnyxLoad } from './load.ts';
import { placeChats, type PlacedChat, type Placement } from './place-chats.ts';

export interface OnyxWriterOptions {
  readonly connectionString: string;
  readonly schema: string;
  readonly persona: number;
  readonly missingUser: 'skip' | 'fail';
  readonly longText: 'split' | 'reject';
  readonly database: OnyxDatabase;
  readonly ledger: PostgresLedger | undefined;
  readonly pipeline: string;
  readonly ctx: StageContext;
}

interface Rejected {
  readonly placed: PlacedChat;
  readonly cause: unknown;
}

/** What is told to the run once, however often the writing itself has to be repeated. */
interface Settled {
  readonly progress: Json | undefined;
  readonly written: number;
}

/**
 * Writes loads, each with the run's progress in one transaction: all of a chat or nothing of it. A chat that the database
 * refuses is found by halving and rejected alone; what may succeed on a second try is tried again.
 */
export class OnyxWriter {
  readonly #options: OnyxWriterOptions;
  readonly #changed = (): void =>
    this.#options.ctx.warn(
      'text with NUL characters or halves of surrogate pairs was changed: PostgreSQL cannot hold them',
    );
  #client: PostgresClient | undefined;

  constructor(options: OnyxWriterOptions) {
    this.#options = options;
  }

  async write(load: OnyxLoad): Promise<Commit> {
    const { ctx } = this.#options;
    const id = randomUUID();
    const state: { settled?: Settled } = {};
    const written = await retry(
      async () => {
        this.#client ??= await this.#connect();
        try {
          return await this.#transaction(this.#client, load, id, state);
        } catch (error) {
          await this.close();
          throw error;
        }
      },
      {
        signal: ctx.signal,
        isRetryable: isRetryablePostgres,
        attempts: 6,
        onRetry: (error) => ctx.warn(`tried again after: ${postgresFault(error).message}`),
      },
    );
    return { records: written, bytes: load.bytes, cursor: load.cursor, saved: load.cursor !== undefined };
  }

  async close(): Promise<void> {
    if (this.#client !== undefined) await closePostgres(this.#client);
    this.#client = undefined;
  }

  async #connect(): Promise<PostgresClient> {
    const client = await openPostgres(this.#options.connectionString);
    await useSchema(client, this.#options.schema);
    return client;
  }

  async #transaction(
    client: PostgresClient,
    load: OnyxLoad,
    id: string,
    state: { settled?: Settled },
  ): Promise<number> {
    const { schema, missingUser, ledger, ctx } = this.#options;
    // After a connection broke during COMMIT nobody knows whether it took place; the chats tell.
    if (state.settled !== undefined && (await isCommitted(client, id))) return state.settled.written;
    ctx.signal.throwIfAborted();
    await client.query('begin');
    // Two imports at once would both find a chat missing.
    await client.query('select pg_advisory_xact_lock(hashtextextended($1, 7))', [`etl:onyx:${schema}`]);
    const placement = await placeChats(client, load.chats, { schema, missingUser });
    const rejected: Rejected[] = [];
    const ready: PlacedChat[] = [];
    for (const placed of placement.place) {
      const fitted = await this.#withinSearchLimit(client, placed, rejected);
      if (fitted !== undefined) ready.push(fitted);
    }
    await this.#insert(client, ready, rejected, id);
    state.settled ??= await this.#settle(load, placement, rejected);
    const { progress, written } = state.settled;
    if (ledger !== undefined && progress !== undefined) await ledger.saveIn(client, progress);
    await client.query('commit');
    return written;
  }

  async #insert(
    client: PostgresClient,
    chats: readonly PlacedChat[],
    rejected: Rejected[],
    load: string,
  ): Promise<void> {
    if (chats.length === 0) return;
    const { database, schema, pipeline, persona } = this.#options;
    const options: InsertOptions = { database, schema, pipeline, load, persona, changed: this.#changed };
    const error = await attempt(client, () => insertChats(client, chats, options));
    if (error === undefined) return;
    const [only] = chats;
    if (chats.length === 1 && only !== undefined) {
      rejected.push({ placed: only, cause: error });
      return;
    }
    const half = Math.ceil(chats.length / 2);
    await this.#insert(client, chats.slice(0, half), rejected, load);
    await this.#insert(client, chats.slice(half), rejected, load);
  }

  /** Asks the server about texts that may have too many different words for Onyx's search column. */
  async #withinSearchLimit(
    client: PostgresClient,
    placed: PlacedChat,
    rejected: Rejected[],
  ): Promise<PlacedChat | undefined> {
    const { longText } = this.#options;
    let { chat } = placed;
    // From the end, so that places before stay as they are.
    for (let place = chat.messages.length - 1; place >= 0; place -= 1) {
      const text = chat.messages[place]?.text ?? '';
      if (text.length * 3 <= safeTextBytes || Buffer.byteLength(text) <= safeTextBytes) continue;
      const storable = storableText(text, 'strip', this.#changed);
      const error = await attempt(client, () => client.query("select length(to_tsvector('english', $1))", [storable]));
      if (error === undefined) continue;
      if (longText === 'reject') {
        rejected.push({ placed, cause: error });
        return undefined;
      }
      chat = splitOnyxMessage(chat, place, cutText(storable));
    }
    return chat === placed.chat ? placed : { ...placed, chat };
  }

  /** Hands in what was rejected and skipped, and takes the progress up to here: once a load. */
  async #settle(load: OnyxLoad, { place, skip }: Placement, rejected: readonly Rejected[]): Promise<Settled> {
    const { ctx } = this.#options;
    const refused = new Set(rejected.map(({ placed }) => placed.planned));
    for (const { placed, cause } of rejected) {
      const { conversation, batch, index } = placed.planned;
      ctx.reject(conversation, cause, { batch, index });
    }
    for (const { planned, why } of skip) {
      ctx.count('skipped', 1, { batch: planned.batch });
      ctx.finding(`skipped: ${why}`, 1, { batch: planned.batch });
    }
    let written = 0;
    for (const { planned } of place) {
      if (refused.has(planned)) continue;
      written += 1;
      for (const { kind, detail } of planned.losses)
        ctx.finding(`left behind: ${kind} in ${detail}`, 1, { batch: planned.batch });
    }
    const progress = load.cursor === undefined ? undefined : await ctx.progressAt(load.cursor, { records: written });
    return { progress, written };
  }
}

/** Unqualified names are those of the tenant's schema. */
export async function useSchema(client: PostgresClient, schema: string): Promise<void> {
  await client.query("select set_config('search_path', quote_ident($1) || ', public', false)", [schema]);
}

/** Does something that the server may refuse for its data, and undoes it then; other errors are thrown. */
async function attempt(client: PostgresClient, work: () => Promise<unknown>): Promise<unknown> {
  await client.query('savepoint attempt');
  try {
    await work();
  } catch (error) {
    if (!isDataFault(error)) throw error;
    await client.query('rollback to savepoint attempt');
    return new EtlError('ETL_RECORD_INVALID', describe(error), { cause: error });
  }
  await client.query('release savepoint attempt');
  return undefined;
}

/** Data exceptions, broken constraints, and limits of the program; not a sequence that has come to its end. */
function isDataFault(error: unknown): boolean {
  const { sqlState } = postgresFault(error);
  return sqlState !== undefined && sqlState !== '2200H' && /^(22|23|54)/.test(sqlState);
}

function describe(error: unknown): string {
  const { message, sqlState, constraint } = postgresFault(error);
  return `PostgreSQL: ${message}${constraint === undefined ? '' : ` (${constraint})`} [${sqlState}]`;
}

async function isCommitted(client: PostgresClient, load: string): Promise<boolean> {
  const { rows } = await client.query('select 1 from etl.onyx_chat where load = $1 limit 1', [load]);
  return rows.length > 0;
}
