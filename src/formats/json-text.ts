import { isUtf8 } from 'node:buffer';

import { freeWhole } from './free-memory.ts';

// For each byte: 0 as it is, 1 to be written as \u00xx, else the letter after the backslash.
const escapes = new Uint8Array(256);
escapes.fill(1, 0, 0x20);
for (const [c, letter] of [
  ['"', '"'],
  ['\\', '\\'],
  ['\n', 'n'],
  ['\r', 'r'],
  ['\t', 't'],
  ['\b', 'b'],
  ['\f', 'f'],
] as const) {
  escapes[c.charCodeAt(0)] = letter.charCodeAt(0);
}
const HEX = Buffer.from('0123456789abcdef');

// Text is escaped in slices of so much, so that room for the worst case stays small.
const sliceBytes = 65_536;
const longText = 1_048_576;
// A multiple of 3: base64 of one slice goes on in the next.
const base64Bytes = 49_152;

/**
 * JSON text that grows in one buffer: large memory that becomes too small is freed. With `repair`, what is not UTF-8 becomes
 * U+FFFD and is counted.
 */
export class JsonText {
  /** Strings that held invalid UTF-8, since the beginning. */
  replaced = 0;
  readonly #repair: boolean;
  #out: Buffer;
  #used = 0;

  /** `memory`: to write into; when it is full, there is other. */
  constructor(memory: Buffer, { repair = false } = {}) {
    this.#out = memory;
    this.#repair = repair;
  }

  /** What is written so far. */
  get bytes(): Buffer {
    return this.#out.subarray(0, this.#used);
  }

  get length(): number {
    return this.#used;
  }

  /** Forgets what was written beyond so many bytes. */
  cutBack(length: number): void {
    this.#used = length;
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#out.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#used + bytes, Math.ceil(this.#out.length * 1.5)));
    this.#out.copy(larger, 0, 0, this.#used);
    if (this.#out.length > longText) freeWhole(this.#out);
    this.#out = larger;
  }

  /** JSON text as it is. */
  raw(text: Buffer): void {
    this.#reserve(text.length);
    this.#used += text.copy(this.#out, this.#used);
  }

  /** Text of which each character is one byte, as it is. */
  ascii(text: string): void {
    const { length } = text;
    this.#reserve(length);
    const out = this.#out;
    let o = this.#used;
    for (let i = 0; i < length; i++) out[o++] = text.charCodeAt(i);
    this.#used = o;
  }

  /** Bytes as base64, without quotes. */
  base64(bytes: Buffer, from: number, to: number): void {
    for (let p = from; p < to; p += base64Bytes) this.ascii(bytes.toString('base64', p, Math.min(to, p + base64Bytes)));
  }

  /** A length-prefixed string of BSON, with quotes. */
  string(b: Buffer, p: number, length: number): void {
    this.ascii('"');
    this.text(b, p + 4, p + 4 + length - 1);
    this.ascii('"');
  }

  /** Bytes of UTF-8, escaped as JSON.stringify does it. */
  text(bytes: Buffer, from: number, to: number): void {
    let b = bytes;
    let p = from;
    let end = to;
    if (this.#repair && !isUtf8(b.subarray(p, end))) {
      b = Buffer.from(b.toString('utf8', p, end));
      p = 0;
      end = b.length;
      this.replaced++;
    }
    // Grown once, and not again and again.
    if (end - p > longText) this.#reserve(escapedBytes(b, p, end));
    for (; p < end; p += sliceBytes) this.#escaped(b, p, Math.min(end, p + sliceBytes));
  }

  #escaped(b: Buffer, from: number, end: number): void {
    // Where the worst case has no room, what is really needed may have: large memory is not made anew for nothing.
    if (this.#used + (end - from) * 6 > this.#out.length) this.#reserve(escapedBytes(b, from, end));
    const out = this.#out;
    let o = this.#used;
    for (let p = from; p < end; p++) {
      let stop = p;
      while (stop < end && escapes[b[stop] as number] === 0) stop++;
      if (stop - p > 32) {
        out.set(b.subarray(p, stop), o);
        o += stop - p;
      } else {
        for (let i = p; i < stop; i++) out[o++] = b[i] as number;
      }
      p = stop;
      if (stop === end) break;
      const c = b[stop] as number;
      const escape = escapes[c] as number;
      out[o++] = 0x5c;
      if (escape !== 1) {
        out[o++] = escape;
        continue;
      }
      out[o++] = 0x75;
      out[o++] = 0x30;
      out[o++] = 0x30;
      out[o++] = HEX[c >> 4] as number;
      out[o++] = HEX[c & 15] as number;
    }
    this.#used = o;
  }
}

function escapedBytes(bytes: Buffer, from: number, end: number): number {
  let size = end - from;
  for (let p = from; p < end; p++) {
    const escape = escapes[bytes[p] as number] as number;
    if (escape !== 0) size += escape === 1 ? 5 : 1;
  }
  return size;
}
