import type { BsonTypes } from './bson-converter.ts';
import { doubleText } from './bson-converter.ts';

const YEAR_1 = -62_135_596_800_000n;
const YEAR_10000 = 253_402_300_800_000n;

/** A double as JSON text in the form asked for. */
export function bsonDoubleText(x: number, types: BsonTypes): string {
  const isFinite = Number.isFinite(x);
  if (isFinite && types !== 'canonical') return doubleText(x, false);
  const text = isFinite ? doubleText(x, true) : `${x}`;
  return types === 'plain' ? `"${text}"` : `{"$numberDouble":"${text}"}`;
}

/** A date as JSON text in the form asked for. */
export function bsonDateText(ms: bigint, types: BsonTypes): string {
  if (types === 'plain' && ms >= YEAR_1 && ms < YEAR_10000) return `"${new Date(Number(ms)).toISOString()}"`;
  if (types === 'relaxed' && ms >= 0n && ms < YEAR_10000)
    return `{"$date":"${new Date(Number(ms)).toISOString().replace('.000Z', 'Z')}"}`;
  return `{"$date":{"$numberLong":"${ms}"}}`;
}

/** Binary data as the text of a UUID, where it is one. */
export function bsonUuidText(data: Buffer, subtype: number): string | undefined {
  if (subtype !== 4 || data.length !== 16) return undefined;
  const hex = data.toString('hex');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return `"${parts.join('-')}"`;
}
