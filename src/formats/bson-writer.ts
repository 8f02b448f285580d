const TWO_32 = 4_294_967_296;

/** Bytes of BSON, least significant first, that grow in one buffer. Only `reserve` looks whether there is room. */
export class BsonWriter {
  buffer: Buffer;
  /** Of the same bytes. */
  view: DataView;
  length = 0;

  /** `memory`: to write into; when it is full, there is other. */
  constructor(memory: Buffer) {
    this.buffer = memory;
    this.view = viewOf(memory);
  }

  /** Makes room for so many bytes more. */
  reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.ceil(this.buffer.length * 1.5)));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
    this.view = viewOf(larger);
  }

  /** Forgets what was written beyond so many bytes. */
  cutBack(length: number): void {
    this.length = length;
  }

  byte(value: number): void {
    this.buffer[this.length++] = value;
  }

  int32(value: number): void {
    this.setInt32(this.length, value);
    this.length += 4;
  }

  /** Leaves room for a length that is known later; gives its place for `setInt32`. */
  placeInt32(): number {
    this.length += 4;
    return this.length - 4;
  }

  setInt32(place: number, value: number): void {
    this.view.setInt32(place, value, true);
  }

  /** A whole number that a double holds exactly. */
  int64(value: number): void {
    this.int32(value | 0);
    this.int32(Math.floor(value / TWO_32));
  }

  bigInt64(value: bigint): void {
    this.view.setBigInt64(this.length, value, true);
    this.length += 8;
  }

  double(value: number): void {
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  bytes(value: Uint8Array): void {
    this.buffer.set(value, this.length);
    this.length += value.length;
  }

  /** Text in another encoding than UTF-8: what `Buffer` makes bytes of. Gives their number. */
  encoded(text: string, encoding: 'hex' | 'base64'): number {
    const count = this.buffer.write(text, this.length, encoding);
    this.length += count;
    return count;
  }

  /** Text with its length before it and a zero behind. */
  string(text: string): void {
    const place = this.placeInt32();
    this.cstring(text);
    this.setInt32(place, this.length - place - 4);
  }

  /** Text with a zero behind, which must not be in it. */
  cstring(text: string): void {
    this.length += this.buffer.write(text, this.length);
    this.byte(0);
  }

  /** A whole number as the name of an array's element. */
  index(value: number): void {
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits += 1;
    let rest = value;
    for (let at = this.length + digits - 1; at >= this.length; at -= 1) {
      const tenth = Math.floor(rest / 10);
      this.buffer[at] = 0x30 + rest - tenth * 10;
      rest = tenth;
    }
    this.length += digits;
    this.byte(0);
  }
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}
