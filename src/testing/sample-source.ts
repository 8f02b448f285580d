import { setImmediate } from 'node:timers/promises';

import { jsonBatch } from '../batch.ts';
import { encodeJsonRecords } from '../formats/json-records.ts';
import type { Batch, Source } from '../stage.ts';

/** How a sample source gives its records. */
export interface SampleOptions {
  /** Records in a batch. Default 3. */
  readonly batchSize?: number;
  /** Fails in place of the batch with this number, from 0. */
  readonly failAt?: number;
  /** As JSON text, the way file sources do. */
  readonly asText?: boolean;
  /** Turns of the event loop before each batch. */
  readonly turns?: number;
  /** Called before each batch, with its number. */
  readonly onBatch?: (batch: number) => void;
}

/** The error a sample source fails with. */
export const sampleFailure = 'the source failed, as it was told to';

/** A source over an array, with the index of the next record as its cursor and 10 bytes to a record. */
export function sampleSource(
  records: readonly unknown[],
  { batchSize = 3, failAt, asText = false, turns = 0, onBatch }: SampleOptions = {},
): Source<unknown> {
  return {
    role: 'source',
    name: 'sample',
    async *read({ cursor, signal }) {
      for (let from = typeof cursor === 'number' ? cursor : 0; from < records.length; from += batchSize) {
        for (let turn = 0; turn < turns; turn += 1) await setImmediate();
        signal.throwIfAborted();
        if (failAt === from / batchSize) throw new Error(sampleFailure);
        onBatch?.(from / batchSize);
        const part = records.slice(from, from + batchSize);
        const details = {
          bytes: part.length * 10,
          cursor: from + part.length,
          at: (index: number) => `sample:${from + index}`,
        };
        yield asText
          ? jsonBatch(encodeJsonRecords(part), details)
          : ({ records: part, ...details } satisfies Batch<unknown>);
      }
    },
  };
}
