import { recordCount } from '../batch.ts';
import { EtlError } from '../errors.ts';
import { jsonRecordText } from '../formats/json-records.ts';
import type { Batch } from '../stage.ts';
import { extendedJsonToBson } from '../formats/extended-json-to-bson.ts';
import type { FileLayout } from './file-layout.ts';

/** BSON documents one after the other, from records in Extended JSON. */
export const bsonLayout: FileLayout<unknown> = {
  async write(batch, output, ctx) {
    let written = 0;
    const count = recordCount(batch);
    for (let index = 0; index < count; index += 1) {
      let document: Uint8Array;
      try {
        document = extendedJsonToBson(textOf(batch, index));
      } catch (error) {
        ctx.reject(batch.records[index], new EtlError('ETL_RECORD_INVALID', reasonOf(error), { cause: error }), {
          batch,
          index,
        });
        continue;
      }
      const waiting = output.write(document);
      if (waiting !== undefined) await waiting;
      written += 1;
    }
    return written;
  },
};

function textOf(batch: Batch<unknown>, index: number): string {
  if (batch.json !== undefined) return jsonRecordText(batch.json, index);
  // Gives undefined for undefined and functions, whatever its type says.
  const text = JSON.stringify(batch.records[index]) as string | undefined;
  if (text === undefined) throw new Error('the record has no JSON form');
  return text;
}

function reasonOf(error: unknown): string {
  return `not a document for MongoDB: ${error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error)}`;
}
