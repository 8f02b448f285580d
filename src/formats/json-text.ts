import { isUtf8 } from 'node:buffer';

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

/** JSON text that grows in one buffer. With `repair`, what is not UTF-8 becomes U+FFFD and is counted. */
export class JsonText {
  /** Strings that held invalid UTF-8, since the beginning. */
  replaced = 0;
  readonly #repair: boolean;
  #out: Buffer = Buffer.allocUnsafeSlow(65_536);
  #used = 0;

  constructor({ repair = false } = {}) {
    this.#repair = repair;
  }

  get bytes(): Buffer {
    return this.#out;
  }

  get length(): number {
    return this.#used;
  }

  clear(): void {
    this.#used = 0;
  }

  /** One very long text should not hold its memory for ever. */
  shrink(): void {
    if (this.#out.length > 4_194_304 && this.#used < 1_048_576)
      this.#out = Buffer.from(this.#out.subarray(0, Math.max(65_536, this.#used)));
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#out.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#used + bytes, this.#out.length * 2));
    this.#out.copy(larger, 0, 0, this.#used);
    this.#out = larger;
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
    // In slices, so that room for the worst case stays small.
    for (; p < end; p += 65_536) this.#escaped(b, p, Math.min(end, p + 65_536));
  }

  #escaped(b: Buffer, from: number, end: number): void {
    this.#reserve((end - from) * 6);
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
