import { z } from 'zod';

import { recordCount, sliceRecords, withCursor } from '../batch.ts';
import { defineTransform } from '../component.ts';
import type { Transform } from '../stage.ts';

const options = z.strictObject({
  records: z
    .int()
    .nonnegative()
    .describe('How many records to let through.')
    .meta({ examples: [1000] }),
});
export type LimitOptions = z.input<typeof options>;

/**
 * Lets the first `records` records through and ends the stream there: no more is read than was under way.
 *
 * The count outlives a resume. What is left of the last batch counts as filtered. (`etl run --limit` is another thing: it
 * takes a sample and does not move the cursor.)
 */
export function limit<T>(input: LimitOptions): Transform<T, T> {
  const { records } = options.parse(input);
  return {
    role: 'transform',
    name: 'limit',
    config: { records },
    holdsNothing: true,
    async *apply(batches, ctx) {
      let given = typeof ctx.cursor === 'number' ? ctx.cursor : 0;
      if (given >= records) return;
      for await (const batch of batches) {
        const part = sliceRecords(batch, 0, records - given);
        const count = recordCount(part);
        ctx.count('filtered', recordCount(batch) - count, { batch });
        given += count;
        yield withCursor(part, ctx.withState(batch.cursor, given));
        if (given >= records) return;
      }
    },
  };
}

export const limitComponent = defineTransform({
  type: 'limit',
  summary: 'Lets the first records through and ends there',
  details: 'Reading stops when the number is reached. The count is kept over interruptions and resumes.',
  accepts: 'any',
  gives: 'same',
  options,
  examples: ['type: limit\nrecords: 1000'],
  create: (input) => limit(input),
});
