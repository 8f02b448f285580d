import { mapConcurrently, type Concurrency } from '../map-concurrent.ts';
import type { Transform } from '../stage.ts';

export type MapConcurrentOptions = Concurrency;

/**
 * Turns every record into another one by an async function, several at a time: for calls that wait for something.
 *
 * At most `concurrency` calls are under way, and no more batches are read ahead than keep them busy or fit in `maxBytes`.
 * Records keep their order unless `ordered: false`, and then still do not leave their batch. The function gets a signal to
 * pass on. When it throws or gives `undefined`, the record is rejected; an `EtlError` that is not
 * about a record (`ETL_CONNECT_FAILED`, say) ends the run. It may be called again for records that were not
 * committed when a run was stopped.
 */
export function mapConcurrent<In, Out>(
  change: (record: In, signal: AbortSignal) => Promise<Out>,
  concurrency: MapConcurrentOptions,
): Transform<In, Out> {
  if (!Number.isInteger(concurrency.concurrency) || concurrency.concurrency < 1) {
    throw new RangeError(`expected a positive integer for "concurrency", received ${concurrency.concurrency}`);
  }
  return {
    role: 'transform',
    name: 'map-concurrent',
    config: { function: change.toString(), ordered: concurrency.ordered ?? true },
    apply: (input, ctx) => mapConcurrently(input, change, ctx, concurrency),
  };
}
