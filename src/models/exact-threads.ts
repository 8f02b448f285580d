import { jsonBatch } from '../batch.ts';
import { markNumbers, unmarkNumbers, type KeptNumbers } from '../formats/exact-numbers.ts';
import { asBuffer, type JsonRecords } from '../formats/json-records.ts';
import type { Batch } from '../stage.ts';

/** What a thread of a server in JavaScript says of itself: it has parsed its numbers already. */
const fromJs = Buffer.from('"origin":{"runtime":"js"');

/** Threads that keep, as marked text, the numbers that parsing would change; the same batch when there are none. */
export function exactThreads<T>(batch: Batch<T>, kept: KeptNumbers): Batch<T> {
  const { json, bytes, cursor, at } = batch;
  if (json === undefined) return batch;
  const text = asBuffer(json.bytes);
  let isChanged = false;
  const records = Array.from({ length: json.count }, (_, index) => {
    const record = text.subarray(json.starts[index], json.ends[index]);
    const exact = record.includes(fromJs) ? record : markNumbers(record, kept);
    if (exact !== record) isChanged = true;
    return exact;
  });
  return isChanged ? jsonBatch<T>(asRecords(records), { bytes, cursor, at }) : batch;
}

/** The same batch with the text of its records, in which marked numbers are numbers again. */
export function withExactText<T>({ records, bytes, cursor, at }: Batch<T>): Batch<T> {
  const texts = records.map((record) => Buffer.from(exactText(record)));
  return jsonBatch<T>(asRecords(texts), { bytes, cursor, at });
}

/** A value as JSON text, with the numbers that were marked. */
export function exactText(value: unknown): string {
  return unmarkNumbers(JSON.stringify(value));
}

function asRecords(texts: readonly Uint8Array[]): JsonRecords {
  const starts = new Uint32Array(texts.length);
  const ends = new Uint32Array(texts.length);
  let length = 0;
  for (const [index, text] of texts.entries()) {
    starts[index] = length;
    length += text.length;
    ends[index] = length;
  }
  return { bytes: Buffer.concat(texts, length), starts, ends, count: texts.length };
}
