import type { ByteWriter } from './byte-writer.ts';
import { writeNumeric } from './copy-numeric.ts';
import { mayHoldUnstorable } from './postgres-text.ts';

/**
 * Writes a value's binary form, its length included, straight from its JSON text (`start` to `end`; valid, UTF-8). False, with nothing
 * written, for a form it leaves to the encoder of values.
 */
export type JsonEncoder = (json: Buffer, start: number, end: number, writer: ByteWriter) => boolean;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const COLON = 0x3a;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** What an escape of one letter stands for. `\u` is left to the decoder of strings. */
const escapes = new Uint8Array(128);
for (const [letter, code] of Object.entries({ '"': 34, '\\': 92, '/': 47, b: 8, f: 12, n: 10, r: 13, t: 9 })) {
  escapes[letter.charCodeAt(0)] = code;
}

/** Encoders by type name. Types that are not here are decoded first. */
export const jsonEncoders: Readonly<Record<string, JsonEncoder>> = {
  text,
  varchar: text,
  bpchar: text,
  bool,
  int2: (json, start, end, writer) => integer(json, start, end, writer, 2),
  int4: (json, start, end, writer) => integer(json, start, end, writer, 4),
  int8: (json, start, end, writer) => integer(json, start, end, writer, 8),
  numeric,
  timestamptz: time,
  timestamp: time,
  json: (json, start, end, writer) => document(json, start, end, writer, 0),
  jsonb: (json, start, end, writer) => document(json, start, end, writer, 1),
};

function text(json: Buffer, start: number, end: number, writer: ByteWriter): boolean {
  if (json[start] !== QUOTE) return false;
  const buffer = writer.room(end - start + 4);
  const first = writer.length + 4;
  const escaped = json.subarray(start, end).indexOf(BACKSLASH);
  let at = escaped < 0 ? end - 1 : start + escaped;
  let to = first + json.copy(buffer, first, start + 1, at);
  // Texts with escapes have many of them: calls to find and copy what is in between would cost more.
  for (; at < end - 1; at += 1) {
    let byte = json[at] as number;
    if (byte === BACKSLASH) {
      at += 1;
      byte = escapes[json[at] as number] as number;
      if (byte === 0) return false;
    }
    buffer[to++] = byte;
  }
  writer.int32(to - first);
  writer.advance(to - first);
  return true;
}

function bool(json: Buffer, start: number, end: number, writer: ByteWriter): boolean {
  const length = end - start;
  // `true` and `false` are the only values of these lengths that begin with these letters.
  const isTrue = length === 4 && json[start] === 0x74;
  if (!isTrue && !(length === 5 && json[start] === 0x66)) return false;
  writer.int32(1);
  writer.int8(isTrue ? 1 : 0);
  return true;
}

const maxInt8 = 2n ** 63n - 1n;

/** Whole numbers of up to nine digits, which fit, and longer ones for int8, exact where a double is not. */
function integer(json: Buffer, start: number, end: number, writer: ByteWriter, size: 2 | 4 | 8): boolean {
  const isNegative = json[start] === MINUS;
  const first = isNegative ? start + 1 : start;
  const digits = end - first;
  if (size === 8 && digits > 9 && digits < 20) return longInteger(json.toString('latin1', start, end), writer);
  if (digits < 1 || digits > (size === 2 ? 4 : 9)) return false;
  let value = 0;
  for (let at = first; at < end; at += 1) {
    const byte = json[at] as number;
    if (byte < ZERO || byte > NINE) return false;
    value = value * 10 + byte - ZERO;
  }
  if (isNegative) value = -value;
  writer.int32(size);
  if (size === 2) writer.int16(value);
  else if (size === 4) writer.int32(value);
  else {
    writer.int32(value < 0 ? -1 : 0);
    writer.int32(value | 0);
  }
  return true;
}

function longInteger(digits: string, writer: ByteWriter): boolean {
  if (!/^-?\d+$/.test(digits)) return false;
  const value = BigInt(digits);
  if (value > maxInt8 || value < -maxInt8 - 1n) return false;
  writer.int32(8);
  writer.int64(value);
  return true;
}

/** From the number's own digits: a double has at most 17 of them. */
function numeric(json: Buffer, start: number, end: number, writer: ByteWriter): boolean {
  const first = json[start] as number;
  if (first !== MINUS && !(first >= ZERO && first <= NINE)) return false;
  const place = writer.placeInt32();
  writeNumeric(json.toString('latin1', start, end), writer);
  writer.setInt32(place, writer.length - place - 4);
  return true;
}

// Days from 1970-01-01 to 2000-01-01, where PostgreSQL's time begins.
const epochDays = 10_957;
// Outside of these years the microseconds are not exact in a double.
const earliestYear = 1720;
const latestYear = 2280;

/** `"2026-01-02T03:04:05.678Z"`, with up to six digits of a second or none; other forms are looked at more closely. */
function time(json: Buffer, start: number, end: number, writer: ByteWriter): boolean {
  const from = start + 1;
  const length = end - start - 2;
  if (json[start] !== QUOTE || length < 20 || length > 27 || json[end - 2] !== 0x5a) return false;
  const year = number(json, from, 4);
  const month = number(json, from + 5, 2);
  const day = number(json, from + 8, 2);
  const hour = number(json, from + 11, 2);
  const minute = number(json, from + 14, 2);
  const second = number(json, from + 17, 2);
  const digits = length - 21;
  const fraction = digits <= 0 ? 0 : number(json, from + 20, digits);
  const isTime =
    json[from + 4] === MINUS &&
    json[from + 7] === MINUS &&
    json[from + 10] === 0x54 &&
    json[from + 13] === COLON &&
    json[from + 16] === COLON &&
    (digits < 0 || (digits > 0 && json[from + 19] === DOT));
  // What is not a number is NaN, and no comparison holds.
  const isInRange =
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= (month === 2 ? 28 : 30) &&
    hour <= 23 &&
    minute <= 59 &&
    second <= 59;
  if (!isTime || !isInRange || !(year >= earliestYear && year <= latestYear) || Number.isNaN(fraction)) return false;
  const seconds = (daysOf(year, month, day) - epochDays) * 86_400 + hour * 3600 + minute * 60 + second;
  const value = seconds * 1e6 + fraction * 10 ** (6 - Math.max(digits, 0));
  writer.int32(8);
  writer.int32(Math.floor(value / 2 ** 32));
  writer.int32(value | 0);
  return true;
}

function number(json: Buffer, from: number, digits: number): number {
  let value = 0;
  for (let at = from; at < from + digits; at += 1) {
    const byte = json[at] as number;
    if (!(byte >= ZERO && byte <= NINE)) return Number.NaN;
    value = value * 10 + byte - ZERO;
  }
  return value;
}

/** Days since 1970-01-01 of a day of the Gregorian calendar: the year begins in March, so that the leap day ends it. */
function daysOf(year: number, month: number, day: number): number {
  const years = month <= 2 ? year - 1 : year;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return years * 365 + Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400) + dayOfYear - 719_468;
}

/** The text as it stands, unless it may hold what PostgreSQL cannot. `version` is the first byte of jsonb's form. */
function document(json: Buffer, start: number, end: number, writer: ByteWriter, version: 0 | 1): boolean {
  const view = json.subarray(start, end);
  if (view.includes('\\u') && mayHoldUnstorable(view.toString('latin1'))) return false;
  writer.int32(view.length + version);
  if (version === 1) writer.int8(version);
  writer.bytes(view);
  return true;
}
