import { Decimal128 } from 'bson';

import type { BsonWriter } from './bson-writer.ts';
import { eachJsonMember, type JsonRange } from './json-members.ts';
import { jsonTime } from './json-time.ts';
import { shortInteger, writeInt64 } from './write-json-number.ts';

/** A type that JSON does not have, written as an object with one name of its own. */
export interface ExtendedJsonWrapper {
  /** The type's number in BSON. */
  readonly type: number;
  /** What the value under that name has to be. */
  readonly expects: string;
  /**
   * Writes the value that stands in `json` from `start` to `end`, for which there is room: BSON is never longer than the wrapper
   * and 64 bytes. False when it has the wrong form.
   */
  readonly write: (json: Buffer, start: number, end: number, writer: BsonWriter) => boolean;
}

const QUOTE = 0x22;
const LONG = Buffer.from('{"$numberLong":"');

/**
 * All of MongoDB Extended JSON v2 but `$code`, of which `$scope` may hold any document.
 *
 * Taken besides, as other readers do: `$date` with a bare integer, a day without a time (midnight UTC), or an offset without a
 * colon. Not taken is what would lose something: numbers out of their type's range, times finer than milliseconds.
 *
 * @see https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md
 */
export const extendedJsonWrappers: ReadonlyMap<string, ExtendedJsonWrapper> = new Map([
  ['$numberInt', { type: 0x10, expects: 'a string of an integer of 32 bits', write: int32 }],
  ['$numberLong', { type: 0x12, expects: 'a string of an integer of 64 bits', write: int64 }],
  ['$numberDouble', { type: 0x01, expects: 'a string of a number, NaN, Infinity or -Infinity', write: double }],
  ['$numberDecimal', { type: 0x13, expects: 'a string of a number of at most 34 digits', write: decimal }],
  ['$oid', { type: 0x07, expects: 'a string of 24 hexadecimal digits', write: objectId }],
  ['$date', { type: 0x09, expects: 'a time like "2025-01-31T00:00:00.000Z" or {"$numberLong":"…"}', write: date }],
  ['$binary', { type: 0x05, expects: '{"base64":"…","subType":"00"}', write: binary }],
  ['$uuid', { type: 0x05, expects: 'a string of 32 hexadecimal digits, grouped 8-4-4-4-12', write: uuid }],
  ['$symbol', { type: 0x0e, expects: 'a string', write: symbol }],
  [
    '$regularExpression',
    { type: 0x0b, expects: '{"pattern":"…","options":"…"} without NUL', write: regularExpression },
  ],
  ['$timestamp', { type: 0x11, expects: '{"t":1,"i":1}, both integers of 32 bits without sign', write: timestamp }],
  ['$dbPointer', { type: 0x0c, expects: '{"$ref":"…","$id":{"$oid":"…"}}', write: dbPointer }],
  ['$undefined', { type: 0x06, expects: 'true', write: (json, start, end) => isText(json, start, end, 'true') }],
  ['$minKey', { type: 0xff, expects: '1', write: (json, start, end) => isText(json, start, end, '1') }],
  ['$maxKey', { type: 0x7f, expects: '1', write: (json, start, end) => isText(json, start, end, '1') }],
]);

/** The text of a JSON string; nothing for another value. */
export function jsonString(json: Buffer, start: number, end: number): string | undefined {
  if (json[start] !== QUOTE) return undefined;
  const text = json.toString('utf8', start + 1, end - 1);
  return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text;
}

function int32(json: Buffer, start: number, end: number, writer: BsonWriter): boolean {
  const value = json[start] === QUOTE ? shortInteger(json, start + 1, end - 1) : Number.NaN;
  if ((value | 0) !== value) return false;
  writer.int32(value);
  return true;
}

function int64(json: Buffer, start: number, end: number, writer: BsonWriter): boolean {
  return json[start] === QUOTE && writeInt64(json, start + 1, end - 1, writer);
}

function double(json: Buffer, start: number, end: number, writer: BsonWriter): boolean {
  const text = jsonString(json, start, end) ?? '';
  const isNumber = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(text);
  const value = Number(text);
  if (isNumber ? !Number.isFinite(value) : !/^(?:NaN|-?Infinity)$/.test(text)) return false;
  writer.double(value);
  return true;
}

function decimal(json: Buffer, start: number, end: number, writer: BsonWriter): boolean {
  const text = jsonString(json, start, end);
  if (text === undefined) return false;
  try {
    writer.bytes(Decimal128.fromString(text).bytes);
  } catch {
    return false;
  }
  return true;
}

function objectId(json: Buffer, start: number, end: number, writer: BsonWriter): boolean {
  const text = jsonString(json, start, end) ?? '';
  if (!/^[\da-f]{24}$/i.test(text)) return false;
  writer.encoded(text, 'hex');
  return true;
}

function uuid(json: Buffer, start: number, end: number, writer: BsonWriter): boolean {
  const text = jsonString(json, start, end) ?? '';
  if (!/^[\da-f]{8}(-?)[\da-f]{4}\1[\da-f]{4}\1[\da-f]{4}\1[\da-f]{12}$/i.test(text)) return false;
  writer.int32(16);
  writer.byte(4);
  writer.encoded(text.replaceAll('-', ''), 'hex');
  return true;
}

function date(json: Buffer, start: number, end: number, writer: BsonWriter): boolean {
  if (json[start] !== QUOTE) {
    // As canonical text nearly always has it: looking for members takes five times as long.
    if (startsWith(json, start, LONG) && writeInt64(json, start + LONG.length, end - 2, writer)) return true;
    const [long] = exactMembers(json, start, ['$numberLong']) ?? [];
    return long === undefined ? writeInt64(json, start, end, writer) : int64(json, long.start, long.end, writer);
  }
  // That form is looked for with its wrapper: `{"$date":` and `}`, as they stand in JSON without white space.
  const ms = jsonTime(json, start - 9, end + 1) ?? timeOf(jsonString(json, start, end) ?? '');
  if (Number.isNaN(ms)) return false;
  writer.int64(ms);
  return true;
}

/** Milliseconds since 1970 of a time as RFC 3339 writes it, NaN when it is none. */
function timeOf(text: string): number {
  const parts =
    /^(\d{4}-\d\d-\d\d|[-+]\d{6}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(?:(\.\d{1,3})0*)?(Z|[-+]\d\d:?\d\d))?$/i.exec(text);
  if (parts === null) return Number.NaN;
  const [, day = '', time = '00:00:00', fraction = '', zone = 'Z'] = parts;
  const midnight = Date.parse(`${day}T00:00:00Z`);
  // The 31st of a shorter month is taken for the 1st of the next one.
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().includes(day.slice(-5))) return Number.NaN;
  const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
  return Date.parse(`${day}T${time}${fraction}${offset}`);
}

function binary(json: Buffer, start: number, _end: number, writer: BsonWriter): boolean {
  const [data, type] = exactMembers(json, start, ['base64', 'subType']) ?? [];
  const base64 = data && jsonString(json, data.start, data.end);
  const subType = type && jsonString(json, type.start, type.end);
  if (base64 === undefined || subType === undefined || !/^[\da-f]{1,2}$/i.test(subType)) return false;
  if (!/^[A-Za-z\d+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0) return false;
  const code = Number.parseInt(subType, 16);
  const place = writer.placeInt32();
  writer.byte(code);
  // The old form has its length a second time inside.
  const inner = code === 2 ? writer.placeInt32() : undefined;
  const length = writer.encoded(base64, 'base64');
  writer.setInt32(place, inner === undefined ? length : length + 4);
  if (inner !== undefined) writer.setInt32(inner, length);
  return true;
}

function symbol(json: Buffer, start: number, end: number, writer: BsonWriter): boolean {
  const text = jsonString(json, start, end);
  if (text !== undefined) writer.string(text);
  return text !== undefined;
}

function regularExpression(json: Buffer, start: number, _end: number, writer: BsonWriter): boolean {
  const texts = exactMembers(json, start, ['pattern', 'options'])?.map((part) =>
    jsonString(json, part.start, part.end),
  );
  const [pattern, options] = texts ?? [];
  if (pattern === undefined || options === undefined || `${pattern}${options}`.includes('\0')) return false;
  writer.cstring(pattern);
  // Sorted, as the specification asks.
  writer.cstring([...options].sort().join(''));
  return true;
}

function timestamp(json: Buffer, start: number, _end: number, writer: BsonWriter): boolean {
  const [t, i] = exactMembers(json, start, ['t', 'i'])?.map((part) => shortInteger(json, part.start, part.end)) ?? [];
  if (t === undefined || i === undefined || t >>> 0 !== t || i >>> 0 !== i) return false;
  writer.int32(i);
  writer.int32(t);
  return true;
}

function dbPointer(json: Buffer, start: number, _end: number, writer: BsonWriter): boolean {
  const [ref, id] = exactMembers(json, start, ['$ref', '$id']) ?? [];
  const namespace = ref && jsonString(json, ref.start, ref.end);
  const [oid] = (id && exactMembers(json, id.start, ['$oid'])) ?? [];
  if (namespace === undefined || oid === undefined) return false;
  writer.string(namespace);
  return objectId(json, oid.start, oid.end, writer);
}

/** The values of an object that has just these members, in the order of `names`; nothing for any other value. */
function exactMembers(json: Buffer, start: number, names: readonly string[]): JsonRange[] | undefined {
  const found = new Map<string, JsonRange>();
  let count = 0;
  eachJsonMember(json, start, json.length, (name, from, to) => {
    found.set(name, { start: from, end: to });
    count += 1;
  });
  const values = names.flatMap((name) => found.get(name) ?? []);
  return count === names.length && values.length === count ? values : undefined;
}

function startsWith(json: Buffer, start: number, beginning: Buffer): boolean {
  for (let i = 0; i < beginning.length; i += 1) if (json[start + i] !== beginning[i]) return false;
  return true;
}

function isText(json: Buffer, start: number, end: number, text: string): boolean {
  return end - start === text.length && json.toString('latin1', start, end) === text;
}
