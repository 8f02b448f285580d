import { BSON, EJSON } from 'bson';

// What a MongoDB server stores at most.
const maxDocumentBytes = 16 * 1024 * 1024;
const longestLong = 9_223_372_036_854_775_807n;
// The library takes these for 0 and NaN.
const brokenNumber =
  /"\$number(?:Int|Long)"\s*:\s*"(?!-?\d+")|"\$numberDouble"\s*:\s*"(?!-?(?:Infinity|[\d.]+(?:[eE][+-]?\d+)?)"|NaN")/;
const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * A document in MongoDB Extended JSON v2, relaxed or canonical, as BSON. Plain JSON is Extended JSON without special types.
 *
 * Numbers keep their type and all their digits: an integer is int32 or int64 by its size, any other number a double. Names
 * that are whole numbers (`"10"`) come first, in ascending order, as in every JavaScript object.
 *
 * @throws {Error} when the text is not an object, holds a special type in a wrong form, or is larger than 16 MB.
 * @see https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md
 */
export function extendedJsonToBson(text: string): Uint8Array {
  const broken = brokenNumber.exec(text);
  if (broken !== null) throw new Error(`${broken[0]}… is no number`);
  const value: unknown = EJSON.parse(withLongs(text), { relaxed: false });
  if (
    value === null ||
    typeof value !== 'object' ||
    Array.isArray(value) ||
    '_bsontype' in value ||
    value instanceof Date
  ) {
    throw new Error('expected a document, an object without a special type of its own');
  }
  if (text.includes('"$date"')) refuseBrokenDates(value);
  const bytes = BSON.serialize(value, { ignoreUndefined: false });
  if (bytes.length > maxDocumentBytes)
    throw new Error(`the document takes ${bytes.length} bytes, and MongoDB stores ${maxDocumentBytes} at most`);
  return bytes;
}

/** A date that is none would be stored as 1970. */
function refuseBrokenDates(document: object): void {
  const left: object[] = [document];
  for (let value = left.pop(); value !== undefined; value = left.pop()) {
    if (value instanceof Date && Number.isNaN(value.getTime())) throw new Error('a $date is no date');
    for (const inner of Object.values(value) as unknown[]) {
      if (inner !== null && typeof inner === 'object') left.push(inner);
    }
  }
}

/** Whole numbers that a double cannot hold exactly, marked as the int64 they are. Rare: most text has none. */
function withLongs(text: string): string {
  if (!/\d{16}/.test(text)) return text;
  return text.replace(token, (part) => (isLong(part) ? `{"$numberLong":"${part}"}` : part));
}

function isLong(part: string): boolean {
  if (!/^-?\d{16,19}$/.test(part)) return false;
  const value = BigInt(part);
  return value <= longestLong && value >= -longestLong - 1n;
}
