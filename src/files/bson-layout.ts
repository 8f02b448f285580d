import { EtlError } from '../errors.ts';
import { BatchMemory } from '../formats/batch-memory.ts';
import { gatherJsonRecords, type JsonRecords, jsonRecordsByteLength } from '../formats/json-records.ts';
import { jsonToBson } from '../formats/json-to-bson.ts';
import type { Batch } from '../stage.ts';
import type { FileLayout } from './file-layout.ts';

/** Memory of larger batches is not kept. */
const mostBatchBytes = 2 * 1024 * 1024;

/** BSON documents one after the other, from records in Extended JSON. */
export function bsonLayout(): FileLayout<unknown> {
  const memory = new BatchMemory(mostBatchBytes);
  return {
    async write(batch, output, ctx) {
      const { json, failures } = textOf(batch);
      const size = jsonRecordsByteLength(json);
      const { documents, bad } = jsonToBson(json, { memory: memory.take(size + (size >>> 2)) });
      for (const { record: index, reason } of bad) {
        const cause = failures.get(index);
        const why = cause === undefined ? reason : cause.message.split('\n', 1)[0];
        const error = new EtlError('ETL_RECORD_INVALID', `not a document for MongoDB: ${why}`, { cause });
        ctx.reject(batch.records[index], error, { batch, index });
      }
      const waiting = output.write(documents.bytes);
      if (waiting !== undefined) await waiting;
      output.whenTaken(() => memory.giveBackAround(documents.bytes));
      return documents.count;
    },
  };
}

/** The records as text, null in place of those that have no JSON form: why not. */
function textOf(batch: Batch<unknown>): { readonly json: JsonRecords; readonly failures: ReadonlyMap<number, Error> } {
  const failures = new Map<number, Error>();
  if (batch.json !== undefined) return { json: batch.json, failures };
  const texts = batch.records.map((record, index) => {
    try {
      // Gives undefined for undefined and functions, whatever its type says.
      const text = JSON.stringify(record) as string | undefined;
      if (text === undefined) throw new Error('the record has no JSON form');
      return Buffer.from(text);
    } catch (error) {
      failures.set(index, error instanceof Error ? error : new Error(String(error)));
      return Buffer.from('null');
    }
  });
  return { json: gatherJsonRecords(texts), failures };
}
