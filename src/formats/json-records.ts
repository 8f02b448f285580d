import { isAscii } from 'node:buffer';

import { largeRecord } from './json-pieces.ts';
import { JsonRecordsWriter } from './json-records-writer.ts';
import { parseLargeJson } from './parse-large-json.ts';

const NEWLINE = 0x0a;

/**
 * Records as UTF-8 JSON text: views on one buffer.
 *
 * Record i is `bytes[starts[i] .. ends[i])`, one valid JSON value without raw line breaks or outer white space. The
 * buffer is never reused or changed by whoever made it, and must not be changed by whoever gets it.
 */
export interface JsonRecords {
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly count: number;
}

/** No records. */
export const noJsonRecords: JsonRecords = {
  bytes: Buffer.alloc(0),
  starts: new Uint32Array(0),
  ends: new Uint32Array(0),
  count: 0,
};

/** The records as values: what `JSON.parse` gives of each. */
export function decodeJsonRecords(json: JsonRecords): unknown[] {
  const { starts, ends, count } = json;
  const bytes = asBuffer(json.bytes);
  // latin1 is a plain copy; UTF-8 has to be looked at. Asking once for the whole buffer is nearly free.
  const encoding = isAscii(bytes) ? 'latin1' : 'utf8';
  const values = new Array<unknown>(count);
  for (let i = 0; i < count; i++) {
    const [start = 0, end = 0] = [starts[i], ends[i]];
    values[i] =
      end - start > largeRecord ? parseLargeJson(bytes, start, end) : JSON.parse(bytes.toString(encoding, start, end));
  }
  return values;
}

/** The JSON text of record i. */
export function jsonRecordText(json: JsonRecords, i: number): string {
  checkIndex(json, i);
  return asBuffer(json.bytes).toString('utf8', json.starts[i], json.ends[i]);
}

/** Records `from` up to but not including `to`, on the same buffer. */
export function sliceJsonRecords(json: JsonRecords, from: number, to: number = json.count): JsonRecords {
  if (from === 0 && to === json.count) return json;
  const starts = json.starts.subarray(from, to);
  return { bytes: json.bytes, starts, ends: json.ends.subarray(from, to), count: starts.length };
}

/**
 * The records at these indexes, in this order, on the same buffer.
 *
 * @throws {RangeError} for an index that is not a record's.
 */
export function pickJsonRecords(json: JsonRecords, indexes: ArrayLike<number>): JsonRecords {
  const count = indexes.length;
  const starts = new Uint32Array(count);
  const ends = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const index = indexes[i] ?? -1;
    checkIndex(json, index);
    starts[i] = json.starts[index] ?? 0;
    ends[i] = json.ends[index] ?? 0;
  }
  return { bytes: json.bytes, starts, ends, count };
}

/** Bytes of JSON text in all the records together, separators not counted. */
export function jsonRecordsByteLength({ starts, ends, count }: JsonRecords): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += (ends[i] ?? 0) - (starts[i] ?? 0);
  return total;
}

/**
 * Values as records, laid out as lines (a single `\n` after each).
 *
 * @throws {TypeError} for a value that has no JSON form (`undefined`, a function, a cycle, a bigint).
 */
export function encodeJsonRecords(values: readonly unknown[]): JsonRecords {
  const writer = new JsonRecordsWriter(values.length);
  for (const [i, value] of values.entries()) {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined) throw new TypeError(`record ${i} has no JSON form: ${typeof value}`);
    writer.add(text);
  }
  return writer.records();
}

/** Records of which each has a buffer of its own, copied into one. */
export function gatherJsonRecords(texts: readonly Uint8Array[]): JsonRecords {
  const count = texts.length;
  const starts = new Uint32Array(count);
  const ends = new Uint32Array(count);
  let length = 0;
  for (const [index, text] of texts.entries()) {
    starts[index] = length;
    length += text.length;
    ends[index] = length;
  }
  return { bytes: Buffer.concat(texts, length), starts, ends, count };
}

/** Records of several buffers, copied into one, laid out as lines. */
export function joinJsonRecords(parts: readonly JsonRecords[]): JsonRecords {
  let count = 0;
  let size = 0;
  for (const part of parts) {
    count += part.count;
    size += jsonRecordsByteLength(part) + part.count;
  }
  const bytes = Buffer.allocUnsafeSlow(size);
  const starts = new Uint32Array(count);
  const ends = new Uint32Array(count);
  let used = 0;
  let next = 0;
  for (const part of parts) {
    for (let i = 0; i < part.count; i++) {
      starts[next] = used;
      const text = part.bytes.subarray(part.starts[i], part.ends[i]);
      bytes.set(text, used);
      used += text.length;
      ends[next++] = used;
      bytes[used++] = NEWLINE;
    }
  }
  return { bytes, starts, ends, count };
}

function checkIndex(json: JsonRecords, i: number): void {
  if (!(i >= 0 && i < json.count)) throw new RangeError(`no record ${i} among ${json.count}`);
}

/** The same memory as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
