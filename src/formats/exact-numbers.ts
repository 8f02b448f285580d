/**
 * Numbers in JSON that JavaScript does not keep, carried through `JSON.parse` and `JSON.stringify` as marked text: integers with
 * more digits than a double has, and, for servers that tell them from integers, whole floats (`3.0`).
 *
 * The mark is two characters of Unicode's private use area, which nobody else has in front of a number.
 */
const MARK = '\ue0f1\ue0f2';
const markBytes = Buffer.from(`"${MARK}`);
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;

/** `digits`: integers whose digits would change. `forms`: also floats that would become integers. */
export type KeptNumbers = 'digits' | 'forms';

/** The text of a marked number; nothing for any other value. */
export function exactNumber(value: unknown): string | undefined {
  if (typeof value !== 'string' || !value.startsWith(MARK)) return undefined;
  const text = value.slice(MARK.length);
  return /^-?[0-9]+(\.0)?$/.test(text) ? text : undefined;
}

const marked = new RegExp(`"${MARK}(-?[0-9]+(?:\\.0)?)"`, 'g');

/** JSON text with the marked numbers as numbers again. */
export function unmarkNumbers(json: string): string {
  return json.includes(MARK) ? json.replaceAll(marked, '$1') : json;
}

/** JSON text in which numbers that would not be kept are marked; the same bytes when there are none. */
export function markNumbers(json: Uint8Array, kept: KeptNumbers): Uint8Array {
  const marker = new NumberMarker(kept);
  const first = marker.push(json);
  const last = marker.end();
  return last.length === 0 ? first : Buffer.concat([first, last]);
}

/** Marks numbers in JSON text that comes in pieces, cut anywhere. */
export class NumberMarker {
  readonly #kept: KeptNumbers;
  #isText = false;
  #isEscaped = false;
  /** A number whose end has not come. */
  #open: Uint8Array = Buffer.alloc(0);

  constructor(kept: KeptNumbers) {
    this.#kept = kept;
  }

  push(piece: Uint8Array): Uint8Array {
    const bytes = this.#open.length === 0 ? piece : Buffer.concat([this.#open, piece]);
    this.#open = this.#open.subarray(0, 0);
    const pieces: Uint8Array[] = [];
    let from = 0;
    for (let at = 0; at < bytes.length; ) {
      if (this.#isText) {
        at = this.#textEnd(bytes, at);
        continue;
      }
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) this.#isText = true;
      if (byte !== MINUS && !isDigit(byte)) {
        at += 1;
        continue;
      }
      const end = numberEnd(bytes, at);
      if (end === bytes.length) {
        this.#open = bytes.slice(at);
        pieces.push(bytes.subarray(from, at));
        return joined(pieces);
      }
      const odd = oddNumber(bytes, at, end, this.#kept);
      if (odd !== undefined) {
        pieces.push(bytes.subarray(from, at), odd);
        from = end;
      }
      at = end;
    }
    if (from === 0) return bytes;
    pieces.push(bytes.subarray(from));
    return joined(pieces);
  }

  /** What was held back: the text ended with a number. */
  end(): Uint8Array {
    const open = this.#open;
    this.#open = open.subarray(0, 0);
    return oddNumber(open, 0, open.length, this.#kept) ?? open;
  }

  /** The place behind the end of a string, or of what there is of it. */
  #textEnd(bytes: Uint8Array, from: number): number {
    let at = from;
    if (this.#isEscaped) {
      this.#isEscaped = false;
      at += 1;
    }
    for (; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        this.#isText = false;
        return at + 1;
      }
      if (byte === BACKSLASH) at += 1;
    }
    // An escape whose second byte is in the next piece.
    this.#isEscaped = at > bytes.length;
    return bytes.length;
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** The place behind a number: digits, signs, a point, an exponent. */
function numberEnd(bytes: Uint8Array, from: number): number {
  let at = from + 1;
  for (; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    const isMore = isDigit(byte) || byte === MINUS || byte === 0x2b || byte === 0x2e || (byte | 0x20) === 0x65;
    if (!isMore) break;
  }
  return at;
}

/** A number that JavaScript would write otherwise, marked; nothing when it keeps it. */
function oddNumber(bytes: Uint8Array, start: number, end: number, kept: KeptNumbers): Uint8Array | undefined {
  // Up to here an integer is exact, and a float is at least `0.0`.
  if (end - start < (kept === 'forms' ? 3 : 16)) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
  const value = Number(text);
  let exact: string;
  if (/^-?[0-9]+$/.test(text)) {
    if (text.length < 16 || String(value) === text) return undefined;
    exact = text;
  } else {
    // From 1e21 on JavaScript writes an exponent, by which the others know a float.
    if (kept === 'digits' || !Number.isInteger(value) || Math.abs(value) >= 1e21) return undefined;
    exact = `${Object.is(value, -0) ? '-0' : String(value)}.0`;
  }
  return Buffer.concat([markBytes, Buffer.from(`${exact}"`)]);
}
