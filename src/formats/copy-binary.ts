import type { ByteWriter } from './byte-writer.ts';
import { writeNumeric } from './copy-numeric.ts';
import { never, postgresMicroseconds } from './copy-time.ts';
import {
  misfit,
  storableJsonText,
  storableText,
  UnstorableTime,
  UnstorableValue,
  type UnstorablePolicy,
} from './postgres-text.ts';

/**
 * PostgreSQL's binary COPY format: what goes into `COPY … FROM STDIN (FORMAT binary)`.
 *
 * A stream is the header, rows (a 16-bit field count; per field a 32-bit length, -1 for null, and the value as the type's
 * `recv` function takes it), and the trailer.
 *
 * @see PostgreSQL documentation, COPY, "Binary Format"
 */
export const copyHeader: Buffer = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
export const copyTrailer: Buffer = Buffer.from([0xff, 0xff]);

/** How values that PostgreSQL cannot hold are treated, and who counts the changes. */
export interface EncodeOptions {
  readonly unstorable: UnstorablePolicy;
  readonly changed: () => void;
}

/**
 * Writes one value in a column's binary form, without its length.
 *
 * @throws {UnstorableValue} when the value does not fit the column's type.
 */
export type ValueEncoder = (value: unknown, writer: ByteWriter, options: EncodeOptions) => void;

/** Encoders by type name, as `pg_type.typname` has it. Other types travel as text and are cast by the server. */
export const valueEncoders: Readonly<Record<string, ValueEncoder>> = {
  text,
  varchar: text,
  bpchar: text,
  name: text,
  citext: text,
  json: (value, writer, options) => void writer.text(storableJsonText(value, options.unstorable, options.changed)),
  jsonb,
  bool,
  int2: (value, writer) => writer.int16(integer(value, 'int2', 0x7fff)),
  int4: (value, writer) => writer.int32(integer(value, 'int4', 0x7fffffff)),
  int8,
  float4: (value, writer) => writer.float32(number(value)),
  float8: (value, writer) => writer.float64(number(value)),
  numeric,
  uuid,
  bytea,
  timestamptz: time,
  timestamp: time,
  date,
  _bool: (value, writer, options) => array(value, writer, options, 16, bool),
  _float8: (value, writer, options) => array(value, writer, options, 701, valueEncoders['float8'] ?? text),
  _numeric: (value, writer, options) => array(value, writer, options, 1700, numeric),
  _jsonb: (value, writer, options) => array(value, writer, options, 3802, jsonb),
  _timestamptz: (value, writer, options) => array(value, writer, options, 1184, time),
  _text: (value, writer, options) => array(value, writer, options, 25, text),
  _varchar: (value, writer, options) => array(value, writer, options, 1043, text),
  _int4: (value, writer, options) => array(value, writer, options, 23, valueEncoders['int4'] ?? text),
  _int8: (value, writer, options) => array(value, writer, options, 20, int8),
  _uuid: (value, writer, options) => array(value, writer, options, 2950, uuid),
};

/** Writes one field: its length and its value; null and undefined as null. */
export function copyField(value: unknown, encode: ValueEncoder, writer: ByteWriter, options: EncodeOptions): void {
  if (value === null || value === undefined) {
    writer.int32(-1);
    return;
  }
  const place = writer.placeInt32();
  try {
    encode(value, writer, options);
  } catch (error) {
    if (!(error instanceof UnstorableTime) || options.unstorable !== 'strip') throw error;
    options.changed();
    writer.cutBack(place);
    writer.int32(-1);
    return;
  }
  writer.setInt32(place, writer.length - place - 4);
}

function text(value: unknown, writer: ByteWriter, { unstorable, changed }: EncodeOptions): void {
  const plain = typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value);
  writer.text(storableText(plain, unstorable, changed));
}

function jsonb(value: unknown, writer: ByteWriter, { unstorable, changed }: EncodeOptions): void {
  // The version of jsonb's binary form; the rest is JSON text.
  writer.int8(1);
  writer.text(storableJsonText(value, unstorable, changed));
}

function bool(value: unknown, writer: ByteWriter): void {
  if (value === true || value === 'true' || value === 't' || value === 1) writer.int8(1);
  else if (value === false || value === 'false' || value === 'f' || value === 0) writer.int8(0);
  else throw misfit(value, 'bool');
}

function integer(value: unknown, type: string, max: number): number {
  const whole = typeof value === 'string' && /^[+-]?\d{1,15}$/.test(value.trim()) ? Number(value) : value;
  if (typeof whole !== 'number' || !Number.isInteger(whole)) throw misfit(value, type);
  if (whole > max || whole < -max - 1) throw new UnstorableValue(`${whole} is out of range for ${type}`);
  return whole;
}

const maxInt8 = 2n ** 63n - 1n;

function int8(value: unknown, writer: ByteWriter): void {
  let whole: bigint;
  if (typeof value === 'bigint') whole = value;
  else if (typeof value === 'number' && Number.isInteger(value)) whole = BigInt(value);
  else if (typeof value === 'string' && /^[+-]?\d{1,20}$/.test(value.trim()))
    whole = BigInt(value.trim().replace(/^\+/, ''));
  else throw misfit(value, 'int8');
  if (whole > maxInt8 || whole < -maxInt8 - 1n) throw new UnstorableValue(`${whole} is out of range for int8`);
  writer.int64(whole);
}

function number(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') {
    const named = { nan: Number.NaN, infinity: Number.POSITIVE_INFINITY, '-infinity': Number.NEGATIVE_INFINITY }[
      value.trim().toLowerCase()
    ];
    if (named !== undefined) return named;
    if (value.trim() !== '' && Number.isFinite(Number(value))) return Number(value);
  }
  throw misfit(value, 'float');
}

function numeric(value: unknown, writer: ByteWriter): void {
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'string')
    throw misfit(value, 'numeric');
  writeNumeric(String(value), writer);
}

function uuid(value: unknown, writer: ByteWriter): void {
  const hex = typeof value === 'string' ? value.replace(/^\{(.*)\}$/, '$1').replaceAll('-', '') : '';
  if (!/^[0-9a-fA-F]{32}$/.test(hex)) throw misfit(value, 'uuid');
  writer.bytes(Buffer.from(hex, 'hex'));
}

function bytea(value: unknown, writer: ByteWriter): void {
  if (value instanceof Uint8Array) writer.bytes(value);
  else if (typeof value === 'string' && /^\\x(?:[0-9a-fA-F]{2})*$/.test(value))
    writer.bytes(Buffer.from(value.slice(2), 'hex'));
  else if (typeof value === 'string') writer.bytes(Buffer.from(value, 'base64'));
  else throw misfit(value, 'bytea');
}

function time(value: unknown, writer: ByteWriter, options: EncodeOptions): void {
  writer.int64(storableMicroseconds(value, options));
}

/** Under `replace`, what is out of range is `infinity` or `-infinity`. */
function storableMicroseconds(value: unknown, { unstorable, changed }: EncodeOptions): bigint {
  try {
    return postgresMicroseconds(value);
  } catch (error) {
    if (!(error instanceof UnstorableTime) || unstorable !== 'replace') throw error;
    changed();
    return error.isLate ? never.late : never.early;
  }
}

function date(value: unknown, writer: ByteWriter, options: EncodeOptions): void {
  const at = storableMicroseconds(value, options);
  if (at === never.late || at === never.early) {
    writer.int32(at === never.late ? 0x7fffffff : -0x80000000);
    return;
  }
  const day = at / 86_400_000_000n;
  writer.int32(Number(at % 86_400_000_000n < 0n ? day - 1n : day));
}

function array(value: unknown, writer: ByteWriter, options: EncodeOptions, oid: number, encode: ValueEncoder): void {
  if (!Array.isArray(value)) throw misfit(value, 'an array');
  writer.int32(value.length === 0 ? 0 : 1);
  writer.int32(value.some((item) => item === null || item === undefined) ? 1 : 0);
  writer.int32(oid);
  if (value.length === 0) return;
  writer.int32(value.length);
  writer.int32(1);
  for (const item of value) copyField(item, encode, writer, options);
}
