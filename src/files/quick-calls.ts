interface QuickCallsOptions {
  /** A call that takes longer is slow. Default 2. */
  readonly slowMs?: number | undefined;
  /** How many calls go to the pool after a slow one. Default 1000. */
  readonly poolCalls?: number | undefined;
  /** Of so many calls one goes to the pool anyway. Default 64. */
  readonly turns?: number | undefined;
}

/**
 * For reads and writes of hundreds of kilobytes, which take 0.1 ms themselves: a thread that had to wait for a processor is
 * no slow disk, and 64 calls are 16 MB. The event loop gets its turn each megabyte: memory of buffers is given back
 * there, and with one turn in 16 MB a run over 1 GB took 50 MB more.
 */
export const largeCalls: QuickCallsOptions = { slowMs: 8, poolCalls: 64, turns: 3 };

/**
 * Says whether a short system call is better done at once or on the thread pool.
 *
 * A file that is in the page cache is opened and read in some microseconds, several times less than a turn through the pool
 * costs. Where files are slow (a cold disk, a network), waiting would hold everything else up: after a slow call the next ones
 * go to the pool. One of many goes there anyway, so that the event loop gets its turn.
 */
export class QuickCalls {
  readonly #slowMs: number;
  readonly #poolCallsWhenSlow: number;
  readonly #turns: number;
  #poolCalls = 0;
  #inARow = 0;

  constructor({ slowMs = 2, poolCalls = 1000, turns = 64 }: QuickCallsOptions = {}) {
    this.#slowMs = slowMs;
    this.#poolCallsWhenSlow = poolCalls;
    this.#turns = turns;
  }

  /** Asked once before each call. */
  isAtOnce(): boolean {
    if (this.#poolCalls > 0) {
      this.#poolCalls -= 1;
      return false;
    }
    this.#inARow = (this.#inARow + 1) % this.#turns;
    return this.#inARow !== 0;
  }

  /** Does a call at once, and sees how long it takes. */
  run<T>(call: () => T): T {
    const began = performance.now();
    try {
      return call();
    } finally {
      if (performance.now() - began > this.#slowMs) this.#poolCalls = this.#poolCallsWhenSlow;
    }
  }
}
