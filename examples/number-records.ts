import type { Transform } from '../src/index.ts';

/** Gives every record its number, from 1. A resumed run goes on counting where the last commit stood. */
export function numberRecords<T extends object>(): Transform<T, T & { readonly number: number }> {
  return {
    role: 'transform',
    name: 'number-records',
    async *apply(input, ctx) {
      let last = typeof ctx.cursor === 'number' ? ctx.cursor : 0;
      for await (const batch of input) {
        const records = batch.records.map((record) => {
          last += 1;
          return { ...record, number: last };
        });
        // The state travels in the cursor: when this batch is committed, so is the state that belongs to it.
        yield { records, bytes: batch.bytes, at: batch.at, cursor: ctx.withState(batch.cursor, last) };
      }
    },
  };
}
