import { isUtf8 } from 'node:buffer';
import {
  type BsonConverter,
  type BsonTypes,
  bsonErrors,
  createWasmBsonConverter,
  type WasmBsonConverter,
} from './bson-converter.ts';
import type { BsonDocuments } from './bson-documents.ts';
import { TypeScriptBsonConverter } from './bson-to-json-typescript.ts';
import type { Engine } from './json-chunk.ts';
import type { JsonRecords } from './json-records.ts';
import { JsonText } from './json-text.ts';

export type { BsonTypes } from './bson-converter.ts';

export interface BsonToJsonOptions {
  /** How types that JSON does not have are written. Default `plain`. */
  readonly types?: BsonTypes | undefined;
  /** Default: WebAssembly where it was built. Both give the same bytes. */
  readonly engine?: Engine | undefined;
  /**
   * Memory to write the text into, as far as it is large enough: it must not be used for anything else while the text is. Large
   * memory that turns out too small is freed.
   */
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

// A longer document is converted in TypeScript: in WebAssembly it would be held three times over.
const wasmBytes = 1_048_576;
// What its escapes can make of such a document, and that never shrinks.
const mostWasmMemory = 8_388_608;
const typescript = new TypeScriptBsonConverter();
let wasm: WasmBsonConverter | undefined;

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
  if (engine === 'wasm') wasm ??= createWasmBsonConverter();
  const usual = engine === 'wasm' ? (wasm ?? typescript) : typescript;
  const size = expectedBytes(documents);
  const out = new JsonText(memory !== undefined && memory.length >= size ? memory : Buffer.allocUnsafeSlow(size));
  const converted = convertAll(documents, types, out, (bytes) => (bytes > wasmBytes ? typescript : usual));
  if (wasm !== undefined && wasm.memoryBytes > mostWasmMemory) wasm = undefined;
  if (isUtf8(out.bytes)) return converted;
  // The same again, for the rare input where strings are not UTF-8.
  return convertAll(documents, types, new JsonText(Buffer.allocUnsafeSlow(size), { repair: true }), () => typescript);
}

function convertAll(
  { bytes, starts, ends, count }: BsonDocuments,
  types: BsonTypes,
  out: JsonText,
  converterFor: (bytes: number) => BsonConverter,
): ConvertedBson {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const textStarts = new Uint32Array(count);
  const textEnds = new Uint32Array(count);
  const bad: BadBson[] = [];
  let index = 0;
  for (let document = 0; document < count; document++) {
    const [start = 0, end = 0] = [starts[document], ends[document]];
    const converter = converterFor(end - start);
    const at = out.length;
    const length = converter.append(out, input, start, end, types);
    if (length < 0) {
      bad.push({ index, document, offset: converter.errorAt, reason: reasons[length] ?? '' });
      continue;
    }
    textStarts[index] = at;
    textEnds[index++] = at + length;
  }
  const places = { starts: textStarts.subarray(0, index), ends: textEnds.subarray(0, index) };
  return { json: { bytes: out.bytes, ...places, count: index }, bad, replaced: out.replaced };
}

/** As text they are a little larger, as a rule. */
function expectedBytes({ starts, ends, count }: BsonDocuments): number {
  let size = 0;
  for (let i = 0; i < count; i++) size += (ends[i] ?? 0) - (starts[i] ?? 0);
  return size + (size >>> 3) + 1024;
}
