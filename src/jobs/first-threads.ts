import { recordCount, sliceRecords } from '../batch.ts';
import type { ThreadRecord } from '../models/langgraph.ts';
import type { Source } from '../stage.ts';

/**
 * A source that ends behind its first so many threads, each of them whole: a large one comes as several records, of which
 * `limit` of a run would give the first only.
 */
export function firstThreads(source: Source<unknown>, count: number): Source<unknown> {
  // How much there is in all is of no use for a sample.
  const { estimate: _, ...rest } = source;
  return {
    ...rest,
    isSample: true,
    async *read(ctx) {
      let left = count;
      for await (const batch of source.read(ctx)) {
        let taken = 0;
        while (left > 0 && taken < recordCount(batch)) {
          const { part } = batch.records[taken] as ThreadRecord;
          taken += 1;
          if (part?.isLast !== false) left -= 1;
        }
        yield sliceRecords(batch, 0, taken);
        if (left === 0) return;
      }
    },
  };
}
