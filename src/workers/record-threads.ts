import { Worker } from 'node:worker_threads';

import { describeCause, EtlError } from '../errors.ts';
import { jsonLinesByteLength, writeJsonLines } from '../formats/json-lines-out.ts';
import type { JsonRecords } from '../formats/json-records.ts';
import { jobMemory } from './job-memory.ts';
import { unpackError, type PackedError } from './packed-error.ts';
import type { RecordWork, WorkDone } from './record-work.ts';

/** What is sent to a thread: records as lines at the beginning of memory that goes there, and how long each is. */
export interface RecordJob {
  readonly memory: ArrayBuffer;
  readonly lengths: Uint32Array<ArrayBuffer>;
}

/** What it answers, with memory for another job: where records come out, they lie in it. */
export interface RecordAnswer extends Pick<WorkDone, 'kept' | 'json'> {
  readonly problems: readonly { readonly index: number; readonly error: PackedError }[];
  readonly memory: ArrayBuffer;
}

/** What a thread made of records. */
export interface ThreadsWorkDone extends WorkDone {
  /** Where records came out: takes the memory they lie in back, to be used again. */
  readonly takeBack?: (() => void) | undefined;
}

/** Starts a thread for a work. */
export type StartRecordThread = (work: RecordWork) => Worker;

// What a thread makes of a batch is gone with the next: more room would only be kept from others.
const resourceLimits = { maxYoungGenerationSizeMb: 4 } as const;

/** As the package ships it. */
export const startRecordThread: StartRecordThread = (workerData) =>
  new Worker(new URL(import.meta.url.replace(/record-threads\.(\w+)$/, 'record-worker.$1')), {
    workerData,
    resourceLimits,
  });

/** As many as are under way in two threads, and behind them on their way to a file. */
const mostKept = 16;

/** Threads that all do the same work. */
export class RecordThreads {
  readonly #threads: readonly RecordThread[];
  readonly #memory = jobMemory(mostKept);

  constructor(work: RecordWork, count: number, start: StartRecordThread) {
    this.#threads = Array.from({ length: count }, () => new RecordThread(() => start(work)));
  }

  /** Why no thread could be started, if so. */
  get problem(): unknown {
    return this.#threads[0]?.problem;
  }

  /**
   * What a thread makes of the records; nothing when it could not be started.
   *
   * @throws {EtlError} `ETL_WORKER_FAILED` when it ended instead.
   */
  async work(json: JsonRecords): Promise<ThreadsWorkDone | undefined> {
    const [thread] = this.#threads.toSorted((a, b) => a.waiting - b.waiting);
    const size = jsonLinesByteLength(json);
    const lines = this.#memory.take(size + (size >>> 3));
    writeJsonLines(json, 0, lines, 0);
    // Made here, or come from a thread.
    const memory = lines.buffer as ArrayBuffer;
    const lengths = Uint32Array.from({ length: json.count }, (_, i) => (json.ends[i] ?? 0) - (json.starts[i] ?? 0));
    const answer = await thread?.answer({ memory, lengths });
    if (answer === undefined) return undefined;
    const { problems, memory: free, ...made } = answer;
    const takeBack = (): void => this.#memory.giveBack(Buffer.from(free));
    if (made.json === undefined) takeBack();
    return {
      ...made,
      problems: problems.map(({ index, error }) => ({ index, error: unpackError(error) })),
      takeBack: made.json && takeBack,
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}

interface Waiting {
  readonly resolve: (answer: RecordAnswer | undefined) => void;
  readonly reject: (error: unknown) => void;
}

class RecordThread {
  /** Why it could not be started. */
  problem: unknown;
  #worker: Worker | undefined;
  #isReady = false;
  #isClosing = false;
  #end: EtlError | undefined;
  readonly #waiting: Waiting[] = [];

  constructor(start: () => Worker) {
    try {
      this.#worker = start();
    } catch (error) {
      this.problem = error;
      return;
    }
    this.#worker.on('message', (message: RecordAnswer | 'ready') => {
      if (message === 'ready') this.#isReady = true;
      else this.#waiting.shift()?.resolve(message);
    });
    this.#worker.on('error', (error) => this.#leave(error));
    this.#worker.on('exit', (code) => this.#leave(new Error(`it ended with code ${code}`)));
  }

  /** Jobs sent that it has not answered. */
  get waiting(): number {
    return this.#waiting.length;
  }

  answer(job: RecordJob): Promise<RecordAnswer | undefined> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    if (this.problem !== undefined) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker?.postMessage(job, [job.memory, job.lengths.buffer]);
    });
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#worker?.terminate();
  }

  #leave(cause: unknown): void {
    const waiting = this.#waiting.splice(0);
    if (this.#isReady || this.#isClosing) {
      this.#end ??= new EtlError('ETL_WORKER_FAILED', `a thread of this stage ended: ${describeCause(cause)}`, {
        cause,
      });
      for (const { reject } of waiting) reject(this.#end);
      return;
    }
    this.problem ??= cause;
    for (const { resolve } of waiting) resolve(undefined);
  }
}
