import { isUtf8 } from 'node:buffer';
import { type BsonConverter, type BsonTypes, bsonErrors, createWasmBsonConverter } from './bson-converter.ts';
import type { BsonDocuments } from './bson-documents.ts';
import { TypeScriptBsonConverter } from './bson-to-json-typescript.ts';
import type { Engine } from './json-chunk.ts';
import type { JsonRecords } from './json-records.ts';

export type { BsonTypes } from './bson-converter.ts';

export interface BsonToJsonOptions {
  /** How types that JSON does not have are written. Default `plain`. */
  readonly types?: BsonTypes | undefined;
  /** Default: WebAssembly where it was built. Both give the same bytes. */
  readonly engine?: Engine | undefined;
  /** Memory to write the text into, where it is large enough: it must not be used for anything else while the text is. */
  readonly memory?: Buffer | undefined;
}

/** A document that is not BSON. */
export interface BadBson {
  /** Its place: how many records of `json` come before it. */
  readonly index: number;
  /** Which of the given documents it is, 0-based. */
  readonly document: number;
  /** Byte offset of the mistake in the document. */
  readonly offset: number;
  readonly reason: string;
}

export interface ConvertedBson {
  readonly json: JsonRecords;
  readonly bad: readonly BadBson[];
  /** Strings that held invalid UTF-8, which is U+FFFD in `json` now. */
  readonly replaced: number;
}

const reasons: Record<number, string> = {
  [bsonErrors.size]: 'the length a document begins with is wrong, or it does not end with a zero',
  [bsonErrors.string]: 'a string has a wrong length or no zero at its end',
  [bsonErrors.past]: 'a value runs past the end of its document',
  [bsonErrors.type]: 'unknown element type',
  [bsonErrors.nestedSize]: 'a nested document has a wrong length',
  [bsonErrors.end]: 'a document does not end where its length says',
  [bsonErrors.boolean]: 'a boolean is neither 0 nor 1',
  [bsonErrors.binary]: 'binary data has a wrong length',
  [bsonErrors.depth]: 'nested deeper than 4096 levels',
};

const LARGE = 8_388_608;
const cached: Partial<Record<Engine, BsonConverter>> = {};

/**
 * Turns BSON documents into JSON text without making objects, one line a document, fields in their stored order and
 * duplicate fields kept.
 *
 * | BSON type | `plain` | `relaxed` | `canonical` |
 * |---|---|---|---|
 * | double | number, `"NaN"`, `"Infinity"`, `"-Infinity"` | number, `{"$numberDouble":"NaN"}` … | `{"$numberDouble":"1.0"}` |
 * | string, document, array, boolean, null | as JSON | as JSON | as JSON |
 * | int32 | number | number | `{"$numberInt":"1"}` |
 * | int64 | number, all digits | number, all digits | `{"$numberLong":"1"}` |
 * | decimal128 | string `"1.50"` | `{"$numberDecimal":"1.50"}` | the same |
 * | ObjectId | string of 24 hex digits | `{"$oid":"…"}` | the same |
 * | date | string `"2025-01-01T00:00:00.000Z"` | `{"$date":"2025-01-01T00:00:00Z"}` | `{"$date":{"$numberLong":"…"}}` |
 * | binary | UUID (subtype 4) as `"8-4-4-4-12"`, other as base64 | `{"$binary":{"base64":"…","subType":"00"}}` | the same |
 * | regular expression | string `"/pattern/options"` | `{"$regularExpression":{"pattern":"…","options":"…"}}` | the same |
 * | timestamp | `{"t":1,"i":2}` | `{"$timestamp":{"t":1,"i":2}}` | the same |
 * | code, symbol | string | `{"$code":"…"}`, `{"$symbol":"…"}` | the same |
 * | code with scope | `{"$code":"…","$scope":{…}}` | the same | the same |
 * | undefined | null | `{"$undefined":true}` | the same |
 * | DBPointer | `{"$ref":"…","$id":"hex"}` | `{"$dbPointer":{"$ref":"…","$id":{"$oid":"…"}}}` | the same |
 * | min key, max key | `{"$minKey":1}`, `{"$maxKey":1}` | the same | the same |
 *
 * Numbers are printed as JavaScript prints them. A date outside the years 1–9999 (`relaxed`: outside 1970–9999) is
 * `{"$date":{"$numberLong":"…"}}`. `relaxed` and `canonical` are MongoDB Extended JSON v2, byte for byte what the `bson`
 * package's `EJSON.stringify` writes, except where that loses something and the specification does not: relaxed int64
 * beyond 2^53, -0 (`-0.0`), undefined, DBPointer, and dates a JavaScript Date cannot hold.
 *
 * A string is escaped as JSON.stringify does it; what is not UTF-8 in it becomes U+FFFD and is counted. A document that is
 * not BSON is in `bad`; the others are not touched by it.
 *
 * @see https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md
 */
export function bsonToJson(documents: BsonDocuments, options: BsonToJsonOptions = {}): ConvertedBson {
  const { types = 'plain', engine = 'wasm', memory } = options;
  const converter = (cached[engine] ??=
    (engine === 'wasm' ? createWasmBsonConverter() : undefined) ?? new TypeScriptBsonConverter());
  const { starts, ends, count } = documents;
  const { buffer, byteOffset, byteLength } = documents.bytes;
  const input = Buffer.from(buffer, byteOffset, byteLength);
  const out = new Output(count, starts, ends, memory);
  const bad: BadBson[] = [];
  for (let i = 0; i < count; i++) {
    const length = converter.convert(input, starts[i] ?? 0, ends[i] ?? 0, types);
    if (length >= 0) out.add(converter.bytes, length);
    else bad.push({ index: out.count, document: i, offset: converter.errorAt, reason: reasons[length] ?? '' });
  }
  // A very long document makes the module's memory grow, and that never shrinks.
  if (converter.bytes.buffer.byteLength > LARGE) delete cached[engine];
  if (isUtf8(out.bytes)) return { json: out.records(), bad, replaced: 0 };
  return repaired(input, documents, types, bad);
}

/** The same again, for the rare input where strings are not UTF-8. */
function repaired(input: Buffer, documents: BsonDocuments, types: BsonTypes, bad: readonly BadBson[]): ConvertedBson {
  const { starts, ends, count } = documents;
  const converter = new TypeScriptBsonConverter({ repair: true });
  const out = new Output(count, starts, ends);
  for (let i = 0; i < count; i++) {
    const before = converter.replaced;
    const length = converter.convert(input, starts[i] ?? 0, ends[i] ?? 0, types);
    if (length >= 0) out.add(converter.bytes, length);
    else converter.replaced = before;
  }
  return { json: out.records(), bad, replaced: converter.replaced };
}

class Output {
  count = 0;
  private used = 0;
  private buffer: Buffer;
  private readonly starts: Uint32Array;
  private readonly ends: Uint32Array;

  constructor(documents: number, from: Uint32Array, to: Uint32Array, memory?: Buffer) {
    let size = 0;
    for (let i = 0; i < documents; i++) size += (to[i] ?? 0) - (from[i] ?? 0);
    const expected = size + (size >>> 3) + 1024;
    this.buffer = memory !== undefined && memory.length >= expected ? memory : Buffer.allocUnsafeSlow(expected);
    this.starts = new Uint32Array(documents);
    this.ends = new Uint32Array(documents);
  }

  get bytes(): Buffer {
    return this.buffer.subarray(0, this.used);
  }

  add(text: Buffer, length: number): void {
    const end = this.used + length + 1;
    if (end > this.buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, Math.ceil(this.buffer.length * 1.5)));
      this.bytes.copy(larger);
      this.buffer = larger;
    }
    text.copy(this.buffer, this.used, 0, length + 1);
    this.starts[this.count] = this.used;
    this.ends[this.count++] = end - 1;
    this.used = end;
  }

  records(): JsonRecords {
    const { count } = this;
    return { bytes: this.bytes, starts: this.starts.subarray(0, count), ends: this.ends.subarray(0, count), count };
  }
}
