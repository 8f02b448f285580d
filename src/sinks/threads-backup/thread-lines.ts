import { jsonLinesLayout } from '../../files/json-layout.ts';
import type { FileLayout } from '../../files/file-layout.ts';
import { asBuffer } from '../../formats/json-records.ts';
import { pickRecords, recordCount } from '../../batch.ts';
import { asThreadRecord, isThreadRecord, THREAD_SCHEMA } from '../../models/langgraph.ts';
import type { Batch, StageContext } from '../../stage.ts';

/** JSON lines of threads. Text of the source is copied as it is; what is no thread is rejected. */
export const threadLinesLayout: FileLayout<unknown> = {
  write: (batch, output, ctx, before) => jsonLinesLayout.write(threadsOnly(batch, ctx), output, ctx, before),
};

const beginning = Buffer.from(`{"schema":"${THREAD_SCHEMA}",`);

function threadsOnly(batch: Batch<unknown>, ctx: StageContext): Batch<unknown> {
  const { json } = batch;
  const kept: number[] = [];
  for (let index = 0; index < recordCount(batch); index++) {
    const start = json?.starts[index] ?? 0;
    // The text of our own source is known by how it begins, without decoding it.
    const isOurs =
      json !== undefined &&
      asBuffer(json.bytes).compare(beginning, 0, beginning.length, start, start + beginning.length) === 0;
    if (isOurs || isThreadRecord(batch.records[index])) kept.push(index);
    else {
      try {
        asThreadRecord(batch.records[index]);
      } catch (error) {
        ctx.reject(batch.records[index], error, { batch, index });
      }
    }
  }
  return pickRecords(batch, kept);
}
