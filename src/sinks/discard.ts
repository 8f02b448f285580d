import { z } from 'zod';

import { recordCount, whenDone } from '../batch.ts';
import { defineSink } from '../component.ts';
import type { Json } from '../json.ts';
import type { Commit, Sink } from '../stage.ts';

const options = z.strictObject({});

const batchesACommit = 64;

/** Counts records and throws them away: to try out a pipeline, or to see how fast its source and transforms are. */
export function discardSink(input: z.input<typeof options> = {}): Sink<unknown> {
  options.parse(input);
  return {
    role: 'sink',
    name: 'discard',
    writesText: true,
    async *write(batches) {
      let records = 0;
      let count = 0;
      let cursor: Json | undefined;
      for await (const batch of batches) {
        records += recordCount(batch);
        count += 1;
        cursor = batch.cursor;
        whenDone(batch)?.();
        if (cursor === undefined || count % batchesACommit !== 0) continue;
        yield { records, cursor } satisfies Commit;
        records = 0;
      }
      yield { records, cursor } satisfies Commit;
    },
  };
}

export const discardSinkComponent = defineSink({
  type: 'discard',
  summary: 'Nowhere: counts the records',
  details: 'Writes nothing and keeps no progress.',
  accepts: 'any',
  options,
  examples: ['type: discard'],
  create: discardSink,
});
