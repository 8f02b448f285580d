import { recordCount } from './batch.ts';
import { fusedItems, transformItems, type Item, type StartedTransform } from './boundary.ts';
import type { StageRun } from './context.ts';
import type { Sink, Transform } from './stage.ts';

/** Takes the sink's place in a dry run: counts what it would have written. */
export function countingSink(name: string): Sink<unknown> {
  return {
    role: 'sink',
    name,
    async *write(input) {
      for await (const batch of input) yield { records: recordCount(batch), cursor: batch.cursor };
    },
  };
}

/** Every transform in turn; neighbours that need no await share one loop. */
export function throughAll(
  transforms: readonly Transform<unknown, unknown>[],
  runs: readonly StageRun[],
  read: AsyncIterable<Item>,
): AsyncIterable<Item> {
  let items = read;
  let fused: StartedTransform[] = [];
  for (const [order, transform] of transforms.entries()) {
    const run = runs[order] as StageRun;
    if (transform.start !== undefined) {
      fused.push({ run, holdsNothing: transform.holdsNothing === true, step: transform.start(run) });
      continue;
    }
    if (fused.length > 0) items = fusedItems(fused, items);
    fused = [];
    items = transformItems(transform, run, items);
  }
  return fused.length > 0 ? fusedItems(fused, items) : items;
}
