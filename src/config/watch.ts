import { recordCount } from '../batch.ts';
import type { Sink, Transform } from '../stage.ts';

/** A transform that shows each record and passes it on; told to stop looking, it only passes them on. */
export function watch(show: (record: unknown) => 'more' | 'enough'): Transform<unknown, unknown> {
  return {
    role: 'transform',
    name: 'watch',
    async *apply(input) {
      let next: 'more' | 'enough' = 'more';
      for await (const batch of input) {
        for (let index = 0; next === 'more' && index < recordCount(batch); index += 1)
          next = show(batch.records[index]);
        yield batch;
      }
    },
  };
}

/** The sink of a dry run that is only watched: never asked to write, the engine counts in its place. */
export const nowhere: Sink<unknown> = {
  role: 'sink',
  name: 'nowhere',
  async *write(input) {
    for await (const batch of input) yield { records: recordCount(batch) };
  },
};
