import { randomUUID } from 'node:crypto';

import { PostgresWriters, type Turn } from '../../connections/postgres-writers.ts';
import { openPostgres, type PostgresClient } from '../../connections/postgres.ts';
import type { Json } from '../../json.ts';
import type { PostgresLedger } from '../../ledger/postgres.ts';
import type { Commit, StageContext } from '../../stage.ts';
import type { ChatFiles } from './chat-files.ts';
import { chatRows } from './chat-rows.ts';
import type { ChatTables, RowOptions } from './chat-tables.ts';
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

const nothing: Placement = { place: [], skip: [] };

/** A transaction that waits longer than this for another import gives way to it. */
const lockTimeoutMs = 60_000;

/**
 * Writes loads over several connections and commits them in their order, each with the run's progress in one transaction: all
 * of a conversation or nothing of it. The rows of the next load are made while others are written.
 */
export class OnyxWriter {
  readonly #options: OnyxWriterOptions;
  readonly #writers: PostgresWriters<Commit>;
  readonly #run = randomUUID();

  constructor(options: OnyxWriterOptions) {
    this.#options = options;
    const { connections, ctx } = options;
    this.#writers = new PostgresWriters({
      connections,
      open: () => this.#connect(),
      signal: ctx.signal,
      warn: (text) => ctx.warn(text),
      isRetryable: isTakenMeanwhile,
    });
  }

  /** Starts a load; gives the commits that had to be waited for. */
  async *submit(load: OnyxLoad): AsyncGenerator<Commit> {
    const submission: Submission = { id: randomUUID(), load, placement: nothing };
    const ended = (): void => this.#options.placer.release(submission.placement);
    try {
      await this.#makeReady(submission);
    } catch (error) {
      ended();
      // What was submitted before is good.
      yield* this.drain();
      throw error;
    }
    yield* this.#writers.submit({ write: (turn) => this.#transaction(turn, submission), ended });
  }

  drain(): AsyncGenerator<Commit> {
    return this.#writers.drain();
  }

  close(): Promise<void> {
    return this.#writers.close();
  }

  /** What has to be done before the transaction: which chats, and their rows. */
  async #makeReady(submission: Submission): Promise<Ready> {
    const { placer } = this.#options;
    placer.release(submission.placement);
    submission.placement = nothing;
    submission.placement = await placer.place(submission.load.records);
    submission.ready = await placer.use((client) => this.#prepare(client, submission));
    return submission.ready;
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

  async #transaction({ client, turn, isSending }: Turn, submission: Submission): Promise<Commit> {
    const { ledger, ctx } = this.#options;
    const { id, load, settled } = submission;
    // After a connection broke during COMMIT nobody knows whether it took place; the load's row tells.
    if (settled !== undefined && (await isCommitted(client, id))) return commitOf(load, settled.written);
    ctx.signal.throwIfAborted();
    const ready = submission.ready ?? (await this.#makeReady(submission));
    const options = { ...this.#rowOptions(id), signal: ctx.signal, isSending };
    await client.query('begin');
    const alsoRefused = await writeChats(client, ready.chats, options, ready.rows).catch((error: unknown) => {
      // Another import was quicker: what is left is decided anew, without what this transaction holds.
      if (isTakenMeanwhile(error)) delete submission.ready;
      throw error;
    });
    await turn;
    const refused = [...ready.refused, ...alsoRefused];
    submission.settled ??= await this.#settle(load, submission.placement, ready, refused);
    const { progress, written } = submission.settled;
    await this.#saveLoad(client, id, progress);
    if (ledger !== undefined && progress !== undefined) await ledger.saveIn(client, progress);
    await client.query('commit');
    return commitOf(load, written);
  }

  /** What has to be done before the rows can be sent: long texts, files, ids. */
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

function commitOf({ bytes, cursor }: OnyxLoad, records: number): Commit {
  return { records, bytes, cursor, saved: cursor !== undefined };
}

async function isCommitted(client: PostgresClient, load: string): Promise<boolean> {
  const { rows } = await client.query('select 1 from etl.onyx_load where load = $1', [load]);
  return rows.length > 0;
}
