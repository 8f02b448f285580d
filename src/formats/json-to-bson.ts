import type { BsonDocuments } from './bson-documents.ts';
import { BsonDocumentEncoder } from './bson-document-encoder.ts';
import { BsonWriter } from './bson-writer.ts';
import { FormatError } from './format-error.ts';
import { asBuffer, type JsonRecords, jsonRecordsByteLength } from './json-records.ts';

export interface JsonToBsonOptions {
  /** Memory to write into, where it is large enough: it must not be used for anything else while the documents are. */
  readonly memory?: Buffer | undefined;
}

/** A record that is no document. */
export interface BadDocument {
  /** Its place: how many of the documents come before it. */
  readonly index: number;
  /** Which of the given records it is, 0-based. */
  readonly record: number;
  /** Byte offset of the mistake in the record. */
  readonly offset: number;
  /** With the names that lead to the mistake. */
  readonly reason: string;
}

export interface EncodedBson {
  /** One behind the other, nothing between them. */
  readonly documents: BsonDocuments;
  readonly bad: readonly BadDocument[];
}

/**
 * Turns JSON text into BSON documents without making objects, names in their order and equal names kept: the way back from
 * `bsonToJson`.
 *
 * The text is MongoDB Extended JSON v2, canonical, relaxed or mixed; plain JSON is Extended JSON without special types. What
 * `bsonToJson` wrote as `canonical` becomes the same bytes again, deprecated types included. That leaves aside what the text
 * does not tell any more: bytes that were no UTF-8, options of a regular expression that were not sorted, names of array
 * elements that were not `0`, `1` and so on, a NaN's payload, a Decimal128 that was not written in its canonical way.
 *
 * - A bare number is an int32, or an int64 when it is larger. -0, a number with a fraction or an exponent (`1.0`, `1e3`), and
 *   an integer beyond 64 bits is a double.
 * - An object with a name like `$oid` is that type, wherever that name stands in it. Extended JSON cannot tell such an object
 *   from a document that only looks like it: a dump's document `{"$oid":"<24 digits>"}` comes back as an ObjectId.
 * - Such an object in a wrong form, or with more in it, makes the record bad, as the specification asks: what was meant as a
 *   date must not be stored as something else. Names with `$` that are no type's stay what they are, so do `$ref` and `$id` of
 *   a DBRef, and all names of the record itself and of a `$scope`, which are documents anyway.
 * - Forms of Extended JSON v1 are not taken, but for milliseconds as a bare number in `$date`: `{"$regex":"a","$options":"i"}`
 *   is a document, as in a stored query, and `{"$binary":"…","$type":"00"}` is bad.
 * - Half a surrogate pair (`"\\ud800"`) becomes U+FFFD.
 *
 * Bad are also records that are no objects, names with NUL, more than 4096 levels (what `bsonToJson` reads; MongoDB promises to
 * store 100), and documents over 16 MB. The text must be valid JSON, as all `JsonRecords` are.
 *
 * @see https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md
 */
export function jsonToBson(json: JsonRecords, { memory }: JsonToBsonOptions = {}): EncodedBson {
  const { starts, ends, count } = json;
  const size = expectedBytes(json);
  const writer = new BsonWriter(memory !== undefined && memory.length >= size ? memory : Buffer.allocUnsafeSlow(size));
  const encoder = new BsonDocumentEncoder(asBuffer(json.bytes), writer);
  const documentStarts = new Uint32Array(count);
  const documentEnds = new Uint32Array(count);
  const bad: BadDocument[] = [];
  let index = 0;
  for (let record = 0; record < count; record += 1) {
    const [start = 0, end = 0] = [starts[record], ends[record]];
    const at = writer.length;
    try {
      encoder.encode(start, end);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      writer.cutBack(at);
      bad.push({ index, record, offset: error.offset - start, reason: error.message });
      continue;
    }
    documentStarts[index] = at;
    documentEnds[index++] = writer.length;
  }
  const places = { starts: documentStarts.subarray(0, index), ends: documentEnds.subarray(0, index), count: index };
  return { documents: { bytes: writer.buffer.subarray(0, writer.length), ...places }, bad };
}

/** As BSON they are a little larger, as a rule. */
function expectedBytes(json: JsonRecords): number {
  const size = jsonRecordsByteLength(json);
  return size + (size >>> 3) + 1024;
}
