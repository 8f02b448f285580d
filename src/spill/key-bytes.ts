import { canonicalJson } from '../canonical-json.ts';
import type { Json } from '../json.ts';

// The order of the kinds. Never change a number: key files of runs under way hold them.
const kinds = { null: 0x10, false: 0x20, true: 0x21, number: 0x30, string: 0x40, illFormed: 0x41, json: 0x50 } as const;

const loneSurrogate = /\p{Surrogate}/u;
const nul = /\0/;

/**
 * A key of one or more values as bytes whose order is the order of keys: `null` (and absent), false, true, numbers, strings
 * by code point, then arrays and objects by their canonical JSON text. Different values have different bytes: the number 1
 * is not the string "1".
 */
export function encodeKey(values: readonly unknown[]): Buffer {
  const [only] = values;
  if (values.length === 1) return encodeValue(only);
  return Buffer.concat(values.map(encodeValue));
}

/** The values of a key. */
export function decodeKey(key: Uint8Array): Json[] {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
  const values: Json[] = [];
  let at = 0;
  while (at < bytes.length) {
    const kind = bytes[at++];
    if (kind === kinds.null) values.push(null);
    else if (kind === kinds.false || kind === kinds.true) values.push(kind === kinds.true);
    else if (kind === kinds.number) {
      values.push(decodeNumber(bytes, at));
      at += 8;
    } else {
      const end = endOfText(bytes, at);
      const text = bytes.toString('utf8', at, end).replaceAll('\0\x01', '\0');
      values.push(kind === kinds.string ? text : (JSON.parse(text) as Json));
      at = end + 2;
    }
  }
  return values;
}

function encodeValue(value: unknown): Buffer {
  if (typeof value === 'string') {
    // UTF-8 has no lone surrogates: two such strings would become one.
    return loneSurrogate.test(value)
      ? encodeText(kinds.illFormed, JSON.stringify(value))
      : encodeText(kinds.string, value);
  }
  if (value === null || value === undefined) return Buffer.from([kinds.null]);
  if (typeof value === 'boolean') return Buffer.from([value ? kinds.true : kinds.false]);
  if (typeof value === 'number' && Number.isFinite(value)) return encodeNumber(value);
  const text = canonicalJson(value);
  // Dates and ids are what their JSON form is.
  if (!text.startsWith('{') && !text.startsWith('[')) return encodeValue(JSON.parse(text));
  return encodeText(kinds.json, text);
}

/** Text ends in two zeros; a zero in it is followed by a one, so that shorter texts come first. */
function encodeText(kind: number, text: string): Buffer {
  const escaped = nul.test(text) ? text.replaceAll('\0', '\0\x01') : text;
  const bytes = Buffer.allocUnsafe(Buffer.byteLength(escaped) + 3);
  bytes[0] = kind;
  const end = 1 + bytes.write(escaped, 1, 'utf8');
  bytes[end] = 0;
  bytes[end + 1] = 0;
  return bytes;
}

/** IEEE 754 with the sign turned round: all bits for negative numbers, the first one otherwise. */
function encodeNumber(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(9);
  bytes[0] = kinds.number;
  // Adding 0 makes one zero of the two.
  bytes.writeDoubleBE(value + 0, 1);
  const flip = value < 0 ? 0xff : 0x80;
  bytes[1] = (bytes[1] ?? 0) ^ flip;
  if (value < 0) for (let i = 2; i < 9; i += 1) bytes[i] = (bytes[i] ?? 0) ^ 0xff;
  return bytes;
}

function decodeNumber(bytes: Buffer, at: number): number {
  const copy = Buffer.from(bytes.subarray(at, at + 8));
  const negative = (copy[0] ?? 0) < 0x80;
  copy[0] = (copy[0] ?? 0) ^ (negative ? 0xff : 0x80);
  if (negative) for (let i = 1; i < 8; i += 1) copy[i] = (copy[i] ?? 0) ^ 0xff;
  return copy.readDoubleBE(0);
}

function endOfText(bytes: Buffer, from: number): number {
  let end = bytes.indexOf(0, from);
  while (end !== -1 && bytes[end + 1] !== 0) end = bytes.indexOf(0, end + 2);
  return end;
}
