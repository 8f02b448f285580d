import { runCompanion } from '../../connections/langgraph-companion.ts';
import type { ThrowawayThreads } from '../../connections/langgraph-throwaway.ts';
import { isPassing } from '../../connections/langgraph-errors.ts';
import { EtlError } from '../../errors.ts';
import type { TargetServer } from './target-server.ts';

/** A run gets threads of about so many bytes together. */
const runBytes = 8_000_000;
const maxThreads = 100;
/** Runs at the same time: a server has few workers, and a run waits for one of them. */
const maxRuns = 2;

interface Job {
  readonly threadId: string;
  readonly mode: 'json' | 'typed';
  readonly tuples: readonly object[];
  readonly bytes: number;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Has the companion graph write checkpoints. A run takes most of a second whatever it has to do, so what comes while others
 * are under way goes together in the next. Writing checkpoints a second time changes nothing.
 */
export class CompanionLoader {
  readonly #server: TargetServer;
  readonly #throwaway: ThrowawayThreads;
  readonly #graphId: string;
  readonly #signal: AbortSignal;
  #waiting: Job[] = [];
  #runs = 0;

  constructor(server: TargetServer, throwaway: ThrowawayThreads, graphId: string, signal: AbortSignal) {
    this.#server = server;
    this.#throwaway = throwaway;
    this.#graphId = graphId;
    this.#signal = signal;
  }

  /**
   * Resolves when these checkpoints of a thread are written.
   *
   * @param bytes About how long they are as JSON text.
   * @throws {EtlError} `ETL_REQUEST_FAILED` with the reason.
   */
  async load(threadId: string, mode: 'json' | 'typed', tuples: readonly object[], bytes: number): Promise<void> {
    if (tuples.length === 0) return;
    await new Promise<void>((done, failed) => {
      this.#waiting.push({ threadId, mode, tuples, bytes, done, failed });
      // Others that are as far come in the same turn.
      setImmediate(() => this.#next());
    });
  }

  #next(): void {
    if (this.#runs >= maxRuns || this.#waiting.length === 0) return;
    const jobs: Job[] = [];
    let bytes = 0;
    const mode = this.#waiting[0]?.mode;
    for (const job of this.#waiting) {
      if (job.mode !== mode || jobs.length === maxThreads || (jobs.length > 0 && bytes + job.bytes > runBytes)) break;
      jobs.push(job);
      bytes += job.bytes;
    }
    this.#waiting = this.#waiting.slice(jobs.length);
    this.#runs += 1;
    void this.#run(jobs).finally(() => {
      this.#runs -= 1;
      this.#next();
    });
    this.#next();
  }

  async #run(jobs: readonly Job[]): Promise<void> {
    try {
      const failed = await this.#tried(jobs);
      for (const { threadId, done, failed: fail } of jobs) {
        const reason = failed[threadId];
        if (reason === undefined) done();
        else fail(this.#error(`the companion graph could not write the thread: ${reason}`, threadId));
      }
    } catch (error) {
      for (const { failed } of jobs) failed(error);
    }
  }

  async #tried(jobs: readonly Job[]): Promise<Readonly<Record<string, string>>> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#once(jobs);
      } catch (error) {
        this.#signal.throwIfAborted();
        const cause = error instanceof EtlError ? error.cause : error;
        if (!isPassing(cause) || tries >= this.#server.attempts) throw error;
        await this.#server.rest(tries);
      }
    }
  }

  async #once(jobs: readonly Job[]): Promise<Readonly<Record<string, string>>> {
    const input = {
      op: 'load',
      mode: jobs[0]?.mode ?? 'json',
      jobs: jobs.map(({ threadId, tuples }) => ({ thread_id: threadId, tuples })),
    };
    const { failed } = await runCompanion(this.#server.connection, this.#throwaway, this.#graphId, input, this.#signal);
    return (failed ?? {}) as Readonly<Record<string, string>>;
  }

  #error(what: string, record?: string): EtlError {
    return new EtlError('ETL_REQUEST_FAILED', what, { where: { file: this.#server.where, record } });
  }
}
