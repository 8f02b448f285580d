import { FormatError } from './format-error.ts';

/** One row of a binary COPY: views on `bytes`, valid until the next row is asked for. An end of -1: null. */
export interface CopyRow {
  readonly bytes: Buffer;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');

/**
 * Takes PostgreSQL's binary COPY apart into rows, as its pieces come.
 *
 * @throws {FormatError} for what is not in that form; from `end`, when the last row or the trailer is missing.
 * @see PostgreSQL documentation, COPY, "Binary Format"
 */
export class CopyRowReader {
  /** Bytes taken apart so far. */
  #offset = 0;
  #rest: Buffer = Buffer.alloc(0);
  #hasHeader = false;
  #isEnded = false;
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** The rows that are complete with this piece. */
  *rows(piece: Buffer): Generator<CopyRow> {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    let at = this.#hasHeader ? 0 : this.#skipHeader(bytes);
    for (let next = this.#row(bytes, at); next > 0; next = this.#row(bytes, at)) {
      yield { bytes, starts: this.#starts, ends: this.#ends };
      at = next;
    }
    this.#offset += at;
    this.#rest = bytes.subarray(at);
  }

  /** Holds that the COPY was given to its end. */
  end(): void {
    if (!this.#isEnded)
      throw new FormatError('the COPY ends before its trailer', { offset: this.#offset, isTruncated: true });
  }

  #skipHeader(bytes: Buffer): number {
    if (bytes.length < 19) return 0;
    if (!bytes.subarray(0, signature.length).equals(signature))
      throw new FormatError('not a binary COPY', { offset: 0 });
    this.#hasHeader = true;
    return 19 + bytes.readInt32BE(15);
  }

  /** Finds the row's fields and gives the place behind it; 0 when it is not complete. */
  #row(bytes: Buffer, from: number): number {
    if (!this.#hasHeader || this.#isEnded || bytes.length < from + 2) return 0;
    const fields = bytes.readInt16BE(from);
    if (fields === -1) {
      this.#isEnded = true;
      return 0;
    }
    let at = from + 2;
    for (let field = 0; field < fields; field += 1) {
      if (bytes.length < at + 4) return 0;
      const length = bytes.readInt32BE(at);
      at += 4;
      this.#starts[field] = at;
      this.#ends[field] = length < 0 ? -1 : at + length;
      at += Math.max(length, 0);
    }
    return bytes.length < at ? 0 : at;
  }
}
