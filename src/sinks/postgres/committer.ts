import { PostgresWriters, type Turn } from '../../connections/postgres-writers.ts';
import { openPostgres, type PostgresClient } from '../../connections/postgres.ts';
import { EtlError } from '../../errors.ts';
import type { Json } from '../../json.ts';
import type { PostgresLedger } from '../../ledger/postgres.ts';
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
  settled?: { readonly progress: Json | undefined; readonly written: number };
}

/** Writes loads over several connections and commits them in their order, each with the run's progress in its transaction. */
export class Committer {
  readonly #options: CommitterOptions;
  readonly #writers: PostgresWriters<Commit>;

  constructor(options: CommitterOptions) {
    this.#options = options;
    const { connections, ctx } = options;
    this.#writers = new PostgresWriters({
      connections,
      open: () => this.#connect(),
      signal: ctx.signal,
      warn: (text) => ctx.warn(text),
    });
  }

  /** Starts a load; gives the commits that had to be waited for. */
  submit(load: Load): AsyncGenerator<Commit> {
    const submission = { load };
    return this.#writers.submit({
      write: (turn) => this.#transaction(turn, submission),
      ended: () => load.release(),
    });
  }

  drain(): AsyncGenerator<Commit> {
    return this.#writers.drain();
  }

  close(): Promise<void> {
    return this.#writers.close();
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

  async #transaction({ client, turn, isSending }: Turn, submission: Submission): Promise<Commit> {
    const { ledger, ctx, writer } = this.#options;
    const { load, settled } = submission;
    if (settled !== undefined && (await this.#isCommitted(settled.progress))) return commitOf(load, settled.written);
    let round = writer.contest.round;
    let prepared = await writer.prepare(client, load, ctx.signal, isSending);
    while (prepared.how === 'copied' && !(await writer.contest.isMyTurn(turn, round))) {
      // A load before this one may be waiting for a row of this one.
      await client.query('rollback');
      round = writer.contest.round;
      prepared = await writer.prepare(client, load, ctx.signal, isSending);
    }
    await turn;
    const result = await writer.finish(client, load, prepared);
    // Rows of a process that has taken the run over would be rejected as doubles.
    if (result.rejected.length > 0) await ledger?.holdIn(client);
    submission.settled ??= await this.#settle(load, result);
    const { progress, written } = submission.settled;
    if (ledger !== undefined && progress !== undefined) await ledger.saveIn(client, progress);
    await client.query('commit');
    return commitOf(load, written);
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

function commitOf({ bytes, cursor }: Load, records: number): Commit {
  return { records, bytes, cursor, saved: cursor !== undefined };
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
