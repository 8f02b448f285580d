const slowMs = 2;
const poolCallsWhenSlow = 1000;
const atOnceInARow = 64;

/**
 * Says whether a short system call is better done at once or on the thread pool.
 *
 * A file that is in the page cache is opened and read in some microseconds, several times less than a turn through the pool
 * costs. Where files are slow (a cold disk, a network), waiting would hold everything else up: after one call that took more
 * than 2 ms the next thousand go to the pool. Every 64th goes there anyway, so that the event loop gets its turn.
 */
export class QuickCalls {
  #poolCalls = 0;
  #inARow = 0;

  /** Asked once before each call. */
  isAtOnce(): boolean {
    if (this.#poolCalls > 0) {
      this.#poolCalls -= 1;
      return false;
    }
    this.#inARow = (this.#inARow + 1) % atOnceInARow;
    return this.#inARow !== 0;
  }

  /** Does a call at once, and sees how long it takes. */
  run<T>(call: () => T): T {
    const began = performance.now();
    try {
      return call();
    } finally {
      if (performance.now() - began > slowMs) this.#poolCalls = poolCallsWhenSlow;
    }
  }
}
