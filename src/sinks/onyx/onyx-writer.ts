import { randomUUID } from 'node:crypto';

import pLimit from 'p-limit';

import {
  closePostgres,
  isRetryablePostgres,
  openPostgres,
  postgresFault,
  type PostgresClient,
} from '../../connections/postgres.ts';
import type { Json } from '../../json.ts';
import type { PostgresLedger } from '../../ledger/postgres.ts';
import { retry } from '../../retry.ts';
import type { Commit, StageContext } from '../../stage.ts';
import type { ChatFiles } from './chat-files.ts';
import { chatRows, type RowOptions } from './chat-rows.ts';
import type { ChatTables } from './chat-tables.ts';
import { isTakenMeanwhile } from './data-fault.ts';
import { fitTexts, type LongText } from './fit-texts.ts';
import type { OnyxDatabase } from './generation.ts';
import { olderLosses } from './older-losses.ts';
import type { OnyxLoad, PlannedRecord } from './load.ts';
import type { PlacedChat } from './placed-chat.ts';
import type { Placement } from './place-chats.ts';
import type { Placer } from './placer.ts';
import { useSchema } from './use-schema.ts';
import { writeChats, type RefusedRecord } from './write-chats.ts';

export interface OnyxWriterOptions {
  readonly connectionString: string;
  readonly connections: number;
  readonly schema: string;
  readonly longText: LongText;
  readonly database: OnyxDatabase;
  readonly placer: Placer;
  readonly files: ChatFiles | undefined;
  readonly ledger: PostgresLedger | undefined;
  readonly pipeline: string;
  /** How conversations are mapped: kept beside the chats, so that they can be compared later. */
  readonly mapping: Json;
  readonly ctx: StageContext;
}

/** A load on its way: what was decided and told once stays, however often the writing has to be repeated. */
interface Submission {
  readonly id: string;
  readonly load: OnyxLoad;
  readonly turn: Promise<void>;
  placement: Placement;
  ready?: Ready;
  settled?: { readonly progress: Json | undefined; readonly written: number };
}

interface Ready {
  readonly chats: readonly PlacedChat[];
  /** The chats as rows. */
  readonly rows: ChatTables;
  readonly refused: readonly RefusedRecord[];
  /** What was found out on the way, to be counted. */
  readonly findings: readonly (readonly [kind: string, record: PlannedRecord])[];
}

/** A transaction that waits longer than this for another import gives way to it. */
const lockTimeoutMs = 60_000;

/**
 * Writes loads over several connections and commits them in the order they were submitted, each with the run's progress in one
 * transaction: all of a conversation or nothing of it. What may succeed on a second try is tried again. The rows of one load
 * more than are being written are made meanwhile, on a connection of its own.
 */
export class OnyxWriter {
  readonly #options: OnyxWriterOptions;
  readonly #idle: (PostgresClient | undefined)[];
  readonly #underway: Promise<Commit>[] = [];
  readonly #run = randomUUID();
  /** Loads are let into the database in their order: one that waited for its turn in a later one's place would wait for ever. */
  readonly #writing: ReturnType<typeof pLimit>;
  #admitted: Promise<void> = Promise.resolve();
  #turn: Promise<void> = Promise.resolve();

  constructor(options: OnyxWriterOptions) {
    this.#options = options;
    this.#idle = Array.from({ length: options.connections + 1 }, () => undefined);
    this.#writing = pLimit(options.connections);
  }

  /** Starts a load; gives the commits that had to be waited for. */
  async *submit(load: OnyxLoad): AsyncGenerator<Commit> {
    let placement: Placement;
    try {
      placement = await this.#options.placer.place(load.records);
    } catch (error) {
      yield* this.drain();
      throw error;
    }
    if (this.#idle.length === 0) yield await (this.#underway.shift() as Promise<Commit>);
    const client = this.#idle.pop();
    const commit = this.#write({ id: randomUUID(), load, turn: this.#turn, placement }, client);
    this.#turn = commit.then(() => undefined);
    // Whoever waits for this turn, or for the commit, gets the error; until then it is not unhandled.
    this.#turn.catch(() => undefined);
    this.#underway.push(commit);
  }

  async *drain(): AsyncGenerator<Commit> {
    for (let commit = this.#underway.shift(); commit !== undefined; commit = this.#underway.shift()) yield await commit;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#underway);
    await Promise.all(this.#idle.map(async (client) => client && closePostgres(client)));
  }

  async #write(submission: Submission, idle: PostgresClient | undefined): Promise<Commit> {
    const { placer } = this.#options;
    const connection = { client: idle };
    const before = this.#admitted;
    let admit: () => void = () => undefined;
    this.#admitted = new Promise((resolve) => {
      admit = resolve;
    });
    try {
      // Only to gain time: whatever fails here is met again, and handled, in the transaction.
      await this.#makeReady(submission, connection).catch(() => undefined);
      await before;
      const written = this.#writing(() => this.#persist(submission, connection));
      admit();
      const { load } = submission;
      return { records: await written, bytes: load.bytes, cursor: load.cursor, saved: load.cursor !== undefined };
    } finally {
      admit();
      placer.release(submission.placement);
      this.#idle.push(connection.client);
    }
  }

  async #makeReady(submission: Submission, connection: { client: PostgresClient | undefined }): Promise<void> {
    connection.client ??= await this.#connect();
    try {
      submission.ready ??= await this.#prepare(connection.client, submission);
    } catch (error) {
      await closePostgres(connection.client);
      connection.client = undefined;
      throw error;
    }
  }

  /** Writes a load, however often it has to be tried; gives the records written. */
  async #persist(submission: Submission, connection: { client: PostgresClient | undefined }): Promise<number> {
    const { ctx } = this.#options;
    return retry(
      async () => {
        connection.client ??= await this.#connect();
        try {
          return await this.#transaction(connection.client, submission);
        } catch (error) {
          await closePostgres(connection.client);
          connection.client = undefined;
          if (isTakenMeanwhile(error)) await this.#placeAgain(submission);
          throw error;
        }
      },
      {
        signal: ctx.signal,
        isRetryable: (error) => isRetryablePostgres(error) || isTakenMeanwhile(error),
        attempts: 6,
        onRetry: (error) => ctx.warn(`tried again after: ${postgresFault(error).message}`),
      },
    );
  }

  async #connect(): Promise<PostgresClient> {
    const client = await openPostgres(this.#options.connectionString);
    await useSchema(client, this.#options.schema);
    // Two imports whose loads wait for each other, each for its turn, are no deadlock that the server could see.
    await client.query("select set_config('lock_timeout', $1, false)", [String(lockTimeoutMs)]);
    // The settings of the server stay for the run's progress, which goes with the rows: either both are lost or none.
    await client.query('set synchronous_commit = off').catch(() => undefined);
    return client;
  }

  async #transaction(client: PostgresClient, submission: Submission): Promise<number> {
    const { ledger, ctx } = this.#options;
    const { id, load, turn } = submission;
    // After a connection broke during COMMIT nobody knows whether it took place; the load's row tells.
    if (submission.settled !== undefined && (await isCommitted(client, id))) return submission.settled.written;
    ctx.signal.throwIfAborted();
    submission.ready ??= await this.#prepare(client, submission);
    const { chats, refused, rows } = submission.ready;
    await client.query('begin');
    const alsoRefused = await writeChats(client, chats, this.#rowOptions(id), ctx.signal, rows);
    await turn;
    submission.settled ??= await this.#settle(load, submission.placement, submission.ready, [
      ...refused,
      ...alsoRefused,
    ]);
    const { progress, written } = submission.settled;
    await this.#saveLoad(client, id, progress);
    if (ledger !== undefined && progress !== undefined) await ledger.saveIn(client, progress);
    await client.query('commit');
    return written;
  }

  /** Another import was quicker: what is left is decided anew. */
  async #placeAgain(submission: Submission): Promise<void> {
    const { placer } = this.#options;
    placer.release(submission.placement);
    submission.placement = { place: [], skip: [] };
    submission.placement = await placer.place(submission.load.records);
    delete submission.ready;
  }

  /** What has to be done before the transaction: long texts, files, rows. */
  async #prepare(client: PostgresClient, { id, placement: { place } }: Submission): Promise<Ready> {
    const { longText, database, files } = this.#options;
    const refused = new Map<PlannedRecord, RefusedRecord>();
    const findings: (readonly [string, PlannedRecord])[] = [];
    const fitted: PlacedChat[] = [];
    for (const placed of place) {
      const { record } = placed;
      try {
        const { chat, split, cut } = await fitTexts(client, placed, longText, this.#changed);
        for (let times = 0; times < split; times += 1) findings.push(['mended: long text split', record]);
        for (let times = 0; times < cut; times += 1) findings.push(['mended: long text cut', record]);
        for (const kind of olderLosses(chat, database)) findings.push([`left behind: ${kind}`, record]);
        fitted.push(chat === placed.chat ? placed : { ...placed, chat });
      } catch (error) {
        if (!(error instanceof Error) || !('code' in error) || error.code !== 'ETL_RECORD_INVALID') throw error;
        refused.set(record, { record, cause: error });
      }
    }
    const whole = fitted.filter(({ record }) => !refused.has(record));
    const chats = files === undefined ? whole : await files.bring(whole);
    const rows = await chatRows(client, chats, this.#rowOptions(id));
    return { chats, rows, refused: [...refused.values()], findings };
  }

  #rowOptions(load: string): RowOptions {
    const { database, schema } = this.#options;
    return { database, schema, load, changed: this.#changed };
  }

  /** Hands in what was rejected and skipped, and takes the progress up to here: once a load. */
  async #settle(
    load: OnyxLoad,
    { place, skip }: Placement,
    { findings }: Ready,
    refused: readonly RefusedRecord[],
  ): Promise<NonNullable<Submission['settled']>> {
    const { ctx } = this.#options;
    for (const { record, cause } of refused)
      ctx.reject(record.conversation, cause, { batch: record.batch, index: record.index });
    for (const { record, why } of skip) {
      ctx.count('skipped', 1, { batch: record.batch });
      ctx.finding(`skipped: ${why}`, 1, { batch: record.batch });
    }
    const lost = new Set(refused.map(({ record }) => record));
    const written = [...new Set(place.map(({ record }) => record))].filter((record) => !lost.has(record));
    for (const { losses, batch } of written)
      for (const { kind, detail } of losses) ctx.finding(`left behind: ${kind} in ${detail}`, 1, { batch });
    for (const [kind, record] of findings) if (!lost.has(record)) ctx.finding(kind, 1, { batch: record.batch });
    const records = written.length;
    const progress = load.cursor === undefined ? undefined : await ctx.progressAt(load.cursor, { records });
    return { progress, written: records };
  }

  /** Notes which run wrote these chats, and how: to take them back, and to compare them. */
  async #saveLoad(client: PostgresClient, id: string, progress: Json | undefined): Promise<void> {
    const { schema, pipeline, mapping } = this.#options;
    const known = progress as { readonly run?: string } | undefined;
    await client.query('insert into etl.onyx_load (load, run, schema, pipeline, options) values ($1, $2, $3, $4, $5)', [
      id,
      known?.run ?? this.#run,
      schema,
      pipeline,
      JSON.stringify(mapping),
    ]);
  }

  readonly #changed = (): void =>
    this.#options.ctx.warn(
      'text with NUL characters or halves of surrogate pairs was changed: PostgreSQL cannot hold them',
    );
}

async function isCommitted(client: PostgresClient, load: string): Promise<boolean> {
  const { rows } = await client.query('select 1 from etl.onyx_load where load = $1', [load]);
  return rows.length > 0;
}
