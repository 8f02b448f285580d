import type { BsonWriter } from './bson-writer.ts';

const MINUS = 0x2d;
const ZERO = 0x30;
// An integer of so many digits is exact in a double.
const exactDigits = 15;
const mostInt64 = 2n ** 63n - 1n;
const types = { double: 0x01, int32: 0x10, int64: 0x12 } as const;

/**
 * Writes a number as it stands in JSON, and gives its type in BSON: an integer is an int32, or an int64 when it is larger; one
 * that is larger still, -0, and whatever has a fraction or an exponent is a double.
 *
 * Nothing is written, and 0 given, for what is no number or beyond a double's range.
 */
export function writeJsonNumber(json: Buffer, start: number, end: number, writer: BsonWriter): number {
  const short = shortInteger(json, start, end);
  if (short === (short | 0) && (short !== 0 || json[start] !== MINUS)) {
    writer.int32(short);
    return types.int32;
  }
  if (short !== 0 && writeInt64(json, start, end, writer)) return types.int64;
  const value = Number(json.toString('latin1', start, end));
  if (!Number.isFinite(value)) return 0;
  writer.double(value);
  return types.double;
}

/** Writes digits as an int64. False, with nothing written, when they are none, or too many. */
export function writeInt64(json: Buffer, start: number, end: number, writer: BsonWriter): boolean {
  const short = shortInteger(json, start, end);
  if (!Number.isNaN(short)) {
    writer.int64(short);
    return true;
  }
  const text = json.toString('latin1', start, Math.min(end, start + 32));
  if (!/^-?\d+$/.test(text)) return false;
  const value = BigInt(text);
  if (value > mostInt64 || value < -mostInt64 - 1n) return false;
  writer.bigInt64(value);
  return true;
}

/** An integer of so few digits that it is exact; NaN for anything else. -0 is 0. */
export function shortInteger(json: Buffer, start: number, end: number): number {
  const first = json[start] === MINUS ? start + 1 : start;
  if (end === first || end - first > exactDigits) return Number.NaN;
  let value = 0;
  for (let at = first; at < end; at += 1) {
    const digit = (json[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return first === start ? value : 0 - value;
}
