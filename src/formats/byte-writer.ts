/** Appends bytes to a buffer that grows, for encoders: what is written is taken off with `take`. */
export class ByteWriter {
  readonly #capacity: number;
  readonly #spare: Buffer[];
  #buffer: Buffer;
  #length = 0;

  /** `spare` are buffers of that capacity that may be used again; see {@link reuseBuffer}. */
  constructor(capacity = 64 * 1024, spare: Buffer[] = []) {
    this.#capacity = capacity;
    this.#spare = spare;
    this.#buffer = this.#next();
  }

  get length(): number {
    return this.#length;
  }

  /** The buffer, with room for so many bytes from `length` on; good until the next call. `advance` says how many were used. */
  room(bytes: number): Buffer {
    this.#reserve(bytes);
    return this.#buffer;
  }

  advance(bytes: number): void {
    this.#length += bytes;
  }

  /** Forgets what was written after `length`. */
  cutBack(length: number): void {
    this.#length = length;
  }

  /** The bytes written so far, as a buffer of their own; the writer starts anew. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#length);
    // Not as large as this one has become: one long value must not make all that come after as large.
    this.#buffer = this.#next();
    this.#length = 0;
    return taken;
  }

  int8(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  int16(value: number): void {
    this.#reserve(2);
    this.#length = this.#buffer.writeInt16BE(value, this.#length);
  }

  int32(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeInt32BE(value, this.#length);
  }

  int64(value: bigint): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeBigInt64BE(value, this.#length);
  }

  float32(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeFloatBE(value, this.#length);
  }

  float64(value: number): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeDoubleBE(value, this.#length);
  }

  /** Text as UTF-8; gives the number of bytes. */
  text(value: string): number {
    // A UTF-16 unit takes at most three bytes.
    this.#reserve(value.length * 3);
    const bytes = this.#buffer.write(value, this.#length, 'utf8');
    this.#length += bytes;
    return bytes;
  }

  bytes(value: Uint8Array, from = 0, to = value.length): void {
    this.#reserve(to - from);
    this.#buffer.set(from === 0 && to === value.length ? value : value.subarray(from, to), this.#length);
    this.#length += to - from;
  }

  /** Leaves room for a length that is known later; gives its place for `setInt32`. */
  placeInt32(): number {
    this.int32(0);
    return this.#length - 4;
  }

  setInt32(place: number, value: number): void {
    this.#buffer.writeInt32BE(value, place);
  }

  #next(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#capacity);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** Puts what a writer gave with `take`, and what nobody needs any more, among the spare buffers, unless it is of another size. */
export function reuseBuffer(taken: Buffer, capacity: number, spare: Buffer[]): void {
  if (taken.buffer.byteLength === capacity) spare.push(Buffer.from(taken.buffer));
}
