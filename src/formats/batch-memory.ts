import { freeWhole } from './free-memory.ts';

/** How much memory is kept for use. */
export interface KeptMemory {
  /** Buffers that are free at a time. Default 8. */
  readonly mostKept?: number | undefined;
  /** Bytes of which each is a multiple: sizes that differ a little are the same, and what is free fits. Default 64 KB. */
  readonly step?: number | undefined;
}

/**
 * Memory for the text of batches that is used again and again. Left to the garbage collector, a buffer for each batch makes
 * the engine collect all its memory after every few dozen of them.
 */
export class BatchMemory {
  readonly #free: Buffer[] = [];
  readonly #mostBytes: number;
  readonly #mostKept: number;
  readonly #step: number;

  /** @param mostBytes Larger buffers are rare, and freed instead of kept. */
  constructor(mostBytes: number, { mostKept = 8, step = 64 * 1024 }: KeptMemory = {}) {
    this.#mostBytes = mostBytes;
    this.#mostKept = mostKept;
    this.#step = step;
  }

  /** At least so many bytes, with anything in them. */
  take(bytes: number): Buffer {
    return this.find(bytes) ?? Buffer.allocUnsafeSlow(Math.ceil(bytes / this.#step) * this.#step);
  }

  /** The same, where there is some that was given back. */
  find(bytes: number): Buffer | undefined {
    const place = this.#free.findIndex(({ length }) => length >= bytes);
    return place === -1 ? undefined : this.#free.splice(place, 1)[0];
  }

  /** Whether so many bytes are worth being taken from here: they are kept when they come back. */
  keeps(bytes: number): boolean {
    return bytes <= this.#mostBytes;
  }

  /** Nobody looks at it any more: it is used again, and what is larger freed. */
  giveBack(buffer: Buffer): void {
    const { length } = buffer;
    if (!this.keeps(length)) {
      freeWhole(buffer);
      return;
    }
    if (length === 0) return;
    this.#free.push(buffer);
    // The one that was free for longest is the one that was too small.
    if (this.#free.length > this.#mostKept) this.#free.shift();
  }

  /** The same for all the memory that bytes lie in, if it is there still. */
  giveBackAround({ buffer }: Uint8Array): void {
    if (buffer.byteLength > 0) this.giveBack(Buffer.from(buffer as ArrayBuffer));
  }
}
