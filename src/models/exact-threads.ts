import { jsonBatch } from '../batch.ts';
import { markNumbers, unmarkNumbers, type KeptNumbers } from '../formats/exact-numbers.ts';
import { asBuffer, gatherJsonRecords } from '../formats/json-records.ts';
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
  return isChanged ? jsonBatch<T>(gatherJsonRecords(records), { bytes, cursor, at }) : batch;
}

/** The same batch with the text of its records, in which marked numbers are numbers again. */
export function withExactText<T>({ records, bytes, cursor, at }: Batch<T>): Batch<T> {
  const texts = records.map((record) => Buffer.from(exactText(record)));
  return jsonBatch<T>(gatherJsonRecords(texts), { bytes, cursor, at });
}

/** A value as JSON text, with the numbers that were marked. */
export function exactText(value: unknown): string {
  return unmarkNumbers(JSON.stringify(value));
}
