import type { Json } from '../../src/json.ts';
import type { Batch, Commit, Ledger, Progress, Sink, Source } from '../../src/stage.ts';

/** A source over an array, `batchSize` records a batch, with the index of the next record as its cursor. */
export function arraySource<T>(
  records: readonly T[],
  { batchSize = 2, failAt }: { batchSize?: number; failAt?: number } = {},
): Source<T> {
  return {
    role: 'source',
    name: 'array',
    async *read({ cursor, signal }) {
      for (let from = typeof cursor === 'number' ? cursor : 0; from < records.length; from += batchSize) {
        signal.throwIfAborted();
        if (failAt !== undefined && from >= failAt) throw new Error(`the source broke at ${from}`);
        const part = records.slice(from, from + batchSize);
        yield {
          records: part,
          bytes: part.length * 10,
          cursor: from + part.length,
          at: (index) => `array:${from + index}`,
        };
      }
    },
  };
}

/** What a sink that keeps everything in memory has: committed records, and the progress of its runs. */
export class Store<T> {
  readonly records: T[] = [];
  progress: Progress | undefined;
  saves: Progress[] = [];
  locked = false;
  directory: string | undefined;
}

/** A sink that commits every `commitEvery` batches; what was written after the last commit is cut off on resume. */
export function storeSink<T>(
  store: Store<T>,
  { commitEvery = 1, failAfter }: { commitEvery?: number; failAfter?: number } = {},
): Sink<T> {
  return {
    role: 'sink',
    name: 'store',
    ledger: () => storeLedger(store),
    async *write(input: AsyncIterable<Batch<T>>, { cursor: state }): AsyncIterable<Commit> {
      const start = typeof state === 'number' ? state : store.records.length;
      store.records.length = start;
      yield { records: 0, state: start };
      let pending = 0;
      let batches = 0;
      let cursor: Json | undefined;
      for await (const batch of input) {
        if (failAfter !== undefined && store.records.length >= failAfter) throw new Error('the disk is full');
        store.records.push(...batch.records);
        pending += batch.records.length;
        cursor = batch.cursor;
        batches += 1;
        if (batches % commitEvery !== 0) continue;
        yield { records: pending, cursor, state: store.records.length };
        pending = 0;
      }
      yield { records: pending, cursor, state: store.records.length };
    },
  };
}

function storeLedger<T>(store: Store<T>): Ledger {
  return {
    where: 'memory',
    directory: store.directory,
    async open() {
      store.locked = true;
      return store.progress;
    },
    peek: async () => store.progress,
    async save(progress) {
      store.progress = JSON.parse(JSON.stringify(progress)) as Progress;
      store.saves.push(store.progress);
    },
    async reset() {
      store.progress = undefined;
    },
    async close() {
      store.locked = false;
    },
  };
}
