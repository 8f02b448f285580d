import type { JsonRecords } from './json-records.ts';

const NEWLINE = 0x0a;
/** Beyond twice what is needed. */
const mostGuessed = 1024 * 1024;

/** Writes JSON text into records one by one, laid out as lines (a single `\n` after each). */
export class JsonRecordsWriter {
  readonly #most: number;
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  #bytes: Buffer;
  #used = 0;
  #count = 0;

  /**
   * @param most Records at the most.
   * @param memory To write into. Where it has no room for all of them, they lie in other memory.
   */
  constructor(most: number, memory: Buffer = Buffer.allocUnsafeSlow(Math.max(4096, most * 256))) {
    this.#most = most;
    this.#starts = new Uint32Array(most);
    this.#ends = new Uint32Array(most);
    this.#bytes = memory;
  }

  /** @param text What `JSON.stringify` gave. */
  add(text: string): void {
    // A UTF-16 unit takes at most 3 bytes. Lone surrogates cannot occur: JSON.stringify escapes them.
    if (this.#used + text.length * 3 + 1 > this.#bytes.length) this.#reserve(Buffer.byteLength(text) + 1);
    this.#starts[this.#count] = this.#used;
    this.#used += this.#bytes.write(text, this.#used, 'utf8');
    this.#ends[this.#count++] = this.#used;
    this.#bytes[this.#used++] = NEWLINE;
  }

  /** @param pieces What `jsonPieces` gave: one record. */
  addPieces(pieces: Iterable<string>): void {
    this.#starts[this.#count] = this.#used;
    for (const piece of pieces) {
      // Room for the line break behind the last one, too.
      if (this.#used + piece.length * 3 + 1 > this.#bytes.length) this.#reserve(Buffer.byteLength(piece) + 1);
      this.#used += this.#bytes.write(piece, this.#used, 'utf8');
    }
    this.#ends[this.#count++] = this.#used;
    this.#bytes[this.#used++] = NEWLINE;
  }

  /** Those that were added. */
  records(): JsonRecords {
    const count = this.#count;
    const bytes = this.#bytes.subarray(0, this.#used);
    return { bytes, starts: this.#starts.subarray(0, count), ends: this.#ends.subarray(0, count), count };
  }

  #reserve(more: number): void {
    const needed = this.#used + more;
    if (needed <= this.#bytes.length) return;
    // As much as they take if those that are to come are as long as those before, which one long one is no sign of.
    const averaged = Math.ceil((needed / (this.#count + 1)) * this.#most * 1.1);
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(averaged, needed * 2 + mostGuessed)));
    this.#bytes.copy(larger, 0, 0, this.#used);
    this.#bytes = larger;
  }
}
