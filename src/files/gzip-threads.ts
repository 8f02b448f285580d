import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

import type { FastGzip } from '../formats/fast-gzip.ts';
import type { SharedBlock } from './shared-block.ts';

/** What is sent to a thread: the beginning of memory that both see. The member goes behind it, where there is room. */
export interface GzipJob {
  readonly memory: SharedArrayBuffer;
  readonly length: number;
}

/** What a thread says: that it is ready, the length of the member behind the block, or a member that had no room there. */
export type GzipAnswer = 'ready' | number | Uint8Array;

export interface GzipThreadsOptions {
  /** Starts a thread. Default: as the package ships it. */
  readonly start?: (() => Worker) | undefined;
  /** How many. Default: 2, where there is more than one core: they keep up with what one thread can read. */
  readonly threads?: number | undefined;
  /** They are started after so many bytes: a small file is done before they are there. Default 4 MB. */
  readonly startAfterBytes?: number | undefined;
}

// Little room for young objects: threads make none, but their memory is only given back with them.
const resourceLimits = { maxYoungGenerationSizeMb: 2 } as const;

function startGzipWorker(): Worker {
  return new Worker(new URL(import.meta.url.replace(/gzip-threads\.(\w+)$/, 'gzip-worker.$1')), { resourceLimits });
}

/**
 * Compresses blocks fast, in threads when there is much to do.
 *
 * What comes out is the same with and without them: until they are ready, and when one cannot be started or ends before its
 * time, blocks are compressed here.
 */
export class GzipThreads {
  readonly concurrency: number;
  readonly #here: FastGzip;
  readonly #start: () => Worker;
  readonly #count: number;
  readonly #startAfterBytes: number;
  #bytes = 0;
  #threads: readonly GzipThread[] | undefined;

  constructor(
    here: FastGzip,
    {
      start = startGzipWorker,
      threads = availableParallelism() > 1 ? 2 : 0,
      startAfterBytes = 4 * 1024 * 1024,
    }: GzipThreadsOptions = {},
  ) {
    this.#here = here;
    this.#start = start;
    this.#count = threads;
    this.#startAfterBytes = startAfterBytes;
    // One that each thread works on, and one that waits for it.
    this.concurrency = Math.max(1, threads * 2);
  }

  async compress(block: SharedBlock): Promise<Uint8Array> {
    this.#bytes += block.length;
    if (this.#bytes > this.#startAfterBytes) {
      this.#threads ??= Array.from({ length: this.#count }, () => new GzipThread(this.#start));
    }
    const [thread] = (this.#threads ?? []).filter(({ isReady }) => isReady).sort((a, b) => a.waiting - b.waiting);
    return (await thread?.compress(block)) ?? this.#here.compress(block).slice();
  }

  async close(): Promise<void> {
    await Promise.all((this.#threads ?? []).map((thread) => thread.close()));
    this.#threads = undefined;
    this.#bytes = 0;
  }
}

type Answer = (answer: number | Uint8Array | undefined) => void;

class GzipThread {
  isReady = false;
  #worker: Worker | undefined;
  readonly #answers: Answer[] = [];

  constructor(start: () => Worker) {
    try {
      this.#worker = start();
    } catch {
      return;
    }
    this.#worker.on('message', (message: GzipAnswer) => {
      if (message === 'ready') this.isReady = true;
      else this.#answers.shift()?.(message);
    });
    this.#worker.on('error', () => this.#leave());
    this.#worker.on('exit', () => this.#leave());
  }

  /** Blocks sent that it has not answered. */
  get waiting(): number {
    return this.#answers.length;
  }

  /** The member; nothing when the thread ended instead. */
  async compress({ buffer: memory, length }: SharedBlock): Promise<Uint8Array | undefined> {
    this.#worker?.postMessage({ memory, length } satisfies GzipJob);
    const answer = await new Promise<Parameters<Answer>[0]>((resolve) => this.#answers.push(resolve));
    return typeof answer === 'number' ? new Uint8Array(memory, length, answer) : answer;
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #leave(): void {
    this.isReady = false;
    for (const answer of this.#answers.splice(0)) answer(undefined);
  }
}
