const mostKept = 8;
// Sizes that differ a little are the same: what is free fits.
const step = 64 * 1024;

/**
 * Memory for the text of batches that is used again and again. Left to the garbage collector, a buffer for each batch makes
 * the engine collect all its memory after every few dozen of them.
 */
export class BatchMemory {
  readonly #free: Buffer[] = [];
  readonly #mostBytes: number;

  /** @param mostBytes Larger buffers are rare, and are not kept. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** At least so many bytes, with anything in them. */
  take(bytes: number): Buffer {
    return this.find(bytes) ?? Buffer.allocUnsafeSlow(Math.ceil(bytes / step) * step);
  }

  /** The same, where there is some that was given back. */
  find(bytes: number): Buffer | undefined {
    const place = this.#free.findIndex(({ length }) => length >= bytes);
    return place === -1 ? undefined : this.#free.splice(place, 1)[0];
  }

  /** Nobody looks at it any more. */
  giveBack(buffer: Buffer): void {
    if (buffer.length === 0 || buffer.length > this.#mostBytes) return;
    this.#free.push(buffer);
    // The one that was free for longest is the one that was too small.
    if (this.#free.length > mostKept) this.#free.shift();
  }
}
