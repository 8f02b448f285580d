import {
  closePostgres,
  isRetryablePostgres,
  openPostgres,
  postgresFault,
  type PostgresClient,
} from '../../connections/postgres.ts';
import { EtlError } from '../../errors.ts';
import type { Json } from '../../json.ts';
import type { PostgresLedger } from '../../ledger/postgres.ts';
import { retry } from '../../retry.ts';
import type { Commit, StageContext } from '../../stage.ts';
import type { Load } from './load.ts';
import type { LoadResult, LoadWriter } from './writer.ts';

interface CommitterOptions {
  readonly connectionString: string;
  readonly connections: number;
  readonly ledger: PostgresLedger | undefined;
  readonly ctx: StageContext;
  readonly writer: LoadWriter;
  /** Whether a limited run may write: a full run later must be able to overwrite its rows. */
  readonly takesSamples: boolean;
}

/** A load on its way: once its rejects are handed in and its progress is taken, a repetition only repeats the writing. */
interface Submission {
  readonly load: Load;
  readonly turn: Promise<void>;
  settled?: { readonly progress: Json | undefined; readonly written: number };
}

/**
 * Writes loads over several connections and commits them in the order they were submitted, each with the run's progress in
 * its transaction. What may succeed on a second try (a deadlock, a broken connection) is tried again.
 */
export class Committer {
  readonly #options: CommitterOptions;
  readonly #idle: (PostgresClient | undefined)[];
  readonly #underway: Promise<Commit>[] = [];
  #turn: Promise<void> = Promise.resolve();

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#idle = Array.from({ length: options.connections }, () => undefined);
  }

  /** Starts a load; gives the commits that had to be waited for. */
  async *submit(load: Load): AsyncGenerator<Commit> {
    // The oldest may have ended long ago, and its connection may be at work again.
    while (this.#idle.length === 0) yield await (this.#underway.shift() as Promise<Commit>);
    const client = this.#idle.pop();
    const commit = this.#write({ load, turn: this.#turn }, client);
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
    const { signal } = this.#options.ctx;
    let client = idle;
    try {
      const written = await retry(
        async () => {
          client ??= await this.#connect();
          try {
            return await this.#transaction(client, submission);
          } catch (error) {
            await closePostgres(client);
            client = undefined;
            throw error;
          }
        },
        {
          signal,
          isRetryable: isRetryablePostgres,
          attempts: 6,
          onRetry: (error) => this.#options.ctx.warn(`tried again after: ${postgresFault(error).message}`),
        },
      );
      const { load } = submission;
      load.release();
      return { records: written, bytes: load.bytes, cursor: load.cursor, saved: load.cursor !== undefined };
    } finally {
      this.#idle.push(client);
    }
  }

  async #connect(): Promise<PostgresClient> {
    const client = await openPostgres(this.#options.connectionString);
    // A server that crashes may lose the last transactions, and the progress with them, which is in the same ones: the run
    // goes on from there. What ends a run is committed by others, and waits for all before it.
    await client.query('set synchronous_commit = off');
    // A load is sorted in memory to be merged, and the stage is not read from a file.
    await client.query("set work_mem = '32MB'; set temp_buffers = '16MB'; set client_min_messages = warning");
    // lz4 costs the server much less than its default; a server without it refuses the setting, and that is all.
    await client.query("set default_toast_compression = 'lz4'").catch(() => undefined);
    return client;
  }

  async #transaction(client: PostgresClient, submission: Submission): Promise<number> {
    const { ledger, ctx, writer } = this.#options;
    const { load, turn, settled } = submission;
    if (settled !== undefined && (await this.#isCommitted(settled.progress))) return settled.written;
    let round = writer.contest.round;
    let prepared = await writer.prepare(client, load, ctx.signal);
    while (prepared.how === 'copied' && !(await writer.contest.isMyTurn(turn, round))) {
      // A load before this one may be waiting for a row of this one.
      await client.query('rollback');
      round = writer.contest.round;
      prepared = await writer.prepare(client, load, ctx.signal);
    }
    await turn;
    const result = await writer.finish(client, load, prepared);
    // Rows of a process that has taken the run over would be rejected as doubles.
    if (result.rejected.length > 0) await ledger?.holdIn(client);
    submission.settled ??= await this.#settle(load, result);
    const { progress, written } = submission.settled;
    if (ledger !== undefined && progress !== undefined) await ledger.saveIn(client, progress);
    await client.query('commit');
    return written;
  }

  /** Hands in what was rejected and skipped, and takes the progress up to here: once a load. */
  async #settle(load: Load, { written, rejected }: LoadResult): Promise<NonNullable<Submission['settled']>> {
    for (const { row, cause } of rejected) load.reject(row, cause);
    load.countSkipped(load.rows - rejected.length - written);
    const progress =
      load.cursor === undefined ? undefined : await this.#options.ctx.progressAt(load.cursor, { records: written });
    if (!this.#options.takesSamples && isSample(progress)) {
      throw new EtlError(
        'ETL_LIMIT_REFUSED',
        'rows of a sample cannot be told from others later, and would come twice',
        {
          hint: 'Use a dry run, another table, or `mode: upsert` or `skip-existing`.',
        },
      );
    }
    return { progress, written };
  }

  /** After a connection broke during COMMIT nobody knows whether it took place; the ledger does. */
  async #isCommitted(progress: Json | undefined): Promise<boolean> {
    const saved = await this.#options.ledger?.peek();
    if (progress === undefined || saved === undefined || typeof progress !== 'object' || progress === null)
      return false;
    return (
      'position' in progress &&
      JSON.stringify(sortedKeys(saved.position)) === JSON.stringify(sortedKeys(progress.position ?? null))
    );
  }
}

function isSample(progress: Json | undefined): boolean {
  return typeof progress === 'object' && progress !== null && 'status' in progress && progress.status === 'sampled';
}

/** jsonb keeps no order of keys. */
function sortedKeys(value: Json): Json {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(sortedKeys);
  const entries = Object.entries(value as { readonly [key: string]: Json });
  return Object.fromEntries(
    entries.sort(([left], [right]) => (left < right ? -1 : 1)).map(([key, item]) => [key, sortedKeys(item)]),
  );
}
