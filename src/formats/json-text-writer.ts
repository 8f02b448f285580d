import type { BsonWriter } from './bson-writer.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const QUOTES = 0x22222222;
const BACKSLASHES = 0x5c5c5c5c;
const REPLACEMENT = 0xfffd;
/** What an escape of one letter stands for. */
const escapes = new Uint8Array(256);
for (const [letter, code] of Object.entries({ '"': 34, '\\': 92, '/': 47, b: 8, f: 12, n: 10, r: 13, t: 9 })) {
  escapes[letter.charCodeAt(0)] = code;
}

/** Writes strings of valid JSON as UTF-8, without their escapes; half a surrogate pair becomes U+FFFD. */
export class JsonTextWriter {
  readonly #json: Buffer;
  readonly #view: DataView;
  readonly #writer: BsonWriter;

  constructor(json: Buffer, writer: BsonWriter) {
    this.#json = json;
    this.#view = new DataView(json.buffer, json.byteOffset, json.length);
    this.#writer = writer;
  }

  /**
   * Writes the text that begins at `from`, behind its opening quote, and gives the place of the closing one.
   *
   * There must be room for as many bytes as the text has in JSON: no escape is shorter than what it stands for.
   */
  write(from: number): number {
    const json = this.#json;
    const view = this.#view;
    const { buffer: out, view: outView } = this.#writer;
    const lastFour = json.length - 4;
    let to = this.#writer.length;
    let at = from;
    while (at < json.length) {
      // Four bytes at a time, as long as none of them is a quote or a backslash: that halves the time.
      while (at <= lastFour) {
        const four = view.getInt32(at, true);
        if (holdsZero(four ^ QUOTES) || holdsZero(four ^ BACKSLASHES)) break;
        outView.setInt32(to, four, true);
        at += 4;
        to += 4;
      }
      let byte = json[at];
      while (byte !== QUOTE && byte !== BACKSLASH && byte !== undefined) {
        out[to++] = byte;
        byte = json[++at];
      }
      if (byte !== BACKSLASH) break;
      const letter = json[at + 1] as number;
      if (letter === LETTER_U) {
        const code = codePoint(json, at);
        at += code < 0x10000 ? 6 : 12;
        to = writeCodePoint(code, out, to);
      } else {
        out[to++] = escapes[letter] as number;
        at += 2;
      }
    }
    this.#writer.length = to;
    return at;
  }
}

/** Whether one of the four bytes is zero. */
function holdsZero(four: number): boolean {
  return ((four - 0x01010101) & ~four & 0x80808080) !== 0;
}

/** What the escape at `at` stands for, with the one behind it when both are a pair. */
function codePoint(json: Buffer, at: number): number {
  const first = unit(json, at);
  if (first < 0xd800 || first > 0xdfff) return first;
  const isFirst = first < 0xdc00 && json[at + 6] === BACKSLASH && json[at + 7] === LETTER_U;
  const second = isFirst ? unit(json, at + 6) : 0;
  if (second < 0xdc00 || second > 0xdfff) return REPLACEMENT;
  return 0x10000 + ((first - 0xd800) << 10) + second - 0xdc00;
}

/** The UTF-16 unit of `\u` and four hexadecimal digits. */
function unit(json: Buffer, at: number): number {
  let value = 0;
  for (let i = at + 2; i < at + 6; i += 1) {
    const digit = json[i] as number;
    value = value * 16 + (digit <= 0x39 ? digit - 0x30 : (digit | 0x20) - 0x57);
  }
  return value;
}

function writeCodePoint(code: number, out: Buffer, place: number): number {
  let to = place;
  if (code < 0x80) {
    out[to++] = code;
    return to;
  }
  if (code < 0x800) {
    out[to++] = 0xc0 | (code >> 6);
  } else {
    if (code < 0x10000) {
      out[to++] = 0xe0 | (code >> 12);
    } else {
      out[to++] = 0xf0 | (code >> 18);
      out[to++] = 0x80 | ((code >> 12) & 0x3f);
    }
    out[to++] = 0x80 | ((code >> 6) & 0x3f);
  }
  out[to++] = 0x80 | (code & 0x3f);
  return to;
}
