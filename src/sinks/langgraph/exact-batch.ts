import { jsonBatch } from '../../batch.ts';
import { markNumbers, type KeptNumbers } from '../../formats/exact-numbers.ts';
import { asBuffer, type JsonRecords } from '../../formats/json-records.ts';
import type { Batch } from '../../stage.ts';

/** What a thread of a server in JavaScript says of itself: it has parsed its numbers already. */
const fromJs = Buffer.from('"origin":{"runtime":"js"');

/** A batch whose records keep, as marked text, the numbers that parsing would change; the same batch when there are none. */
export function exactBatch<T>(batch: Batch<T>, kept: KeptNumbers): Batch<T> {
  const { json, bytes, cursor, at } = batch;
  if (json === undefined) return batch;
  const exact = exactRecords(json, kept);
  return exact === json ? batch : jsonBatch<T>(exact, { bytes, cursor, at });
}

function exactRecords(json: JsonRecords, kept: KeptNumbers): JsonRecords {
  const text = asBuffer(json.bytes);
  const pieces: Uint8Array[] = [];
  const starts = new Uint32Array(json.count);
  const ends = new Uint32Array(json.count);
  let length = 0;
  let isChanged = false;
  for (let index = 0; index < json.count; index++) {
    const record = text.subarray(json.starts[index], json.ends[index]);
    const piece = record.includes(fromJs) ? record : markNumbers(record, kept);
    if (piece !== record) isChanged = true;
    pieces.push(piece);
    starts[index] = length;
    length += piece.length;
    ends[index] = length;
  }
  return isChanged ? { bytes: Buffer.concat(pieces, length), starts, ends, count: json.count } : json;
}
