import pLimit from 'p-limit';

import { recordCount } from './batch.ts';
import { mapBatch } from './map-batch.ts';
import type { Batch, StageContext } from './stage.ts';

/** Bounds on the work under way. */
export interface Concurrency {
  /** Calls at the same time. */
  readonly concurrency: number;
  /** Default true: records come out in the order they came in. False: within a batch, in the order they are done. */
  readonly ordered?: boolean | undefined;
  /** Batches are read ahead up to this many bytes (by the source's measure); one batch always. Default 16 MB. */
  readonly maxBytes?: number | undefined;
}

/**
 * Applies an async function to the records of a stream of batches, several at a time.
 *
 * Batches come out in their order, each with its cursor and all of its records: a cursor never passes a record that is
 * not done. `change` gets a signal that fires when the run ends or the reader stops; a record for which it throws, or
 * gives `undefined`, is rejected, in order too.
 */
export async function* mapConcurrently<In, Out>(
  input: AsyncIterable<Batch<In>>,
  change: (record: In, signal: AbortSignal) => Promise<Out>,
  ctx: StageContext,
  { concurrency, ordered = true, maxBytes = 16 * 1024 * 1024 }: Concurrency,
): AsyncGenerator<Batch<Out>> {
  const limit = pLimit(concurrency);
  const stopping = new AbortController();
  const signal = AbortSignal.any([ctx.signal, stopping.signal]);
  const work = (record: In, index: number): Promise<Outcome<Out>> =>
    limit(async () => {
      try {
        signal.throwIfAborted();
        return { index, value: await change(record, signal) };
      } catch (error) {
        return { index, error };
      }
    });

  const begun: Begun<In, Out>[] = [];
  let records = 0;
  let bytes = 0;
  const iterator = input[Symbol.asyncIterator]();
  const next = async (): Promise<Batch<Out>> => {
    const { batch, outcomes } = begun.shift() as Begun<In, Out>;
    const done = await outcomes;
    records -= done.length;
    bytes -= batch.bytes ?? 0;
    ctx.signal.throwIfAborted();
    return settle(batch, done, ctx);
  };
  try {
    for (;;) {
      let read: IteratorResult<Batch<In>>;
      try {
        read = await iterator.next();
      } catch (error) {
        // What broke comes behind the batches that were read before it.
        while (begun.length > 0) yield await next();
        throw error;
      }
      if (read.done === true) break;
      const batch = read.value;
      records += recordCount(batch);
      bytes += batch.bytes ?? 0;
      begun.push({ batch, outcomes: inOrder(batch.records.map(work), ordered) });
      // As many records again as are under way: no call waits for the reader of this stage.
      while (begun.length > 0 && (records >= 2 * concurrency || bytes >= maxBytes)) yield await next();
    }
    while (begun.length > 0) yield await next();
  } finally {
    limit.clearQueue();
    stopping.abort();
    await iterator.return?.();
  }
}

interface Outcome<Out> {
  readonly index: number;
  readonly value?: Out;
  readonly error?: unknown;
}

interface Begun<In, Out> {
  readonly batch: Batch<In>;
  readonly outcomes: Promise<readonly Outcome<Out>[]>;
}

/** The outcomes in the order of the calls, or as they come. They never reject. */
async function inOrder<T>(calls: readonly Promise<T>[], ordered: boolean): Promise<readonly T[]> {
  if (ordered) return Promise.all(calls);
  const done: T[] = [];
  await Promise.all(calls.map(async (call) => done.push(await call)));
  return done;
}

function settle<In, Out>(batch: Batch<In>, outcomes: readonly Outcome<Out>[], ctx: StageContext): Batch<Out> {
  const inPlace = outcomes.every(({ index }, place) => index === place);
  let next = 0;
  return mapBatch(
    inPlace ? batch : reordered(batch, outcomes),
    () => {
      const outcome = outcomes[next++] as Outcome<Out>;
      if ('error' in outcome) throw outcome.error;
      return outcome.value as Out;
    },
    ctx,
  );
}

function reordered<In>(batch: Batch<In>, outcomes: readonly Outcome<unknown>[]): Batch<In> {
  const { records, bytes, cursor, at } = batch;
  return {
    records: outcomes.map(({ index }) => records[index] as In),
    bytes,
    cursor,
    at: at === undefined ? undefined : (place) => at(outcomes[place]?.index ?? -1),
  };
}
