import pLimit from 'p-limit';

import { recordCount } from './batch.ts';
import { mapBatch } from './map-batch.ts';
import type { Batch, StageContext } from './stage.ts';
import { workAhead } from './work-ahead.ts';

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
  const begin = async (batch: Batch<In>): Promise<Begun<In, Out>> => ({
    batch,
    outcomes: await inOrder(batch.records.map(work), ordered),
  });
  // As many records again as are under way: no call waits for the reader of this stage.
  const isEnough = (begun: readonly Batch<In>[]): boolean =>
    sum(begun, recordCount) >= 2 * concurrency || sum(begun, ({ bytes = 0 }) => bytes) >= maxBytes;
  try {
    for await (const { batch, outcomes } of workAhead(input, begin, isEnough)) {
      ctx.signal.throwIfAborted();
      yield settle(batch, outcomes, ctx);
    }
  } finally {
    limit.clearQueue();
    stopping.abort();
  }
}

function sum<T>(values: readonly T[], amount: (value: T) => number): number {
  return values.reduce((total, value) => total + amount(value), 0);
}

interface Outcome<Out> {
  readonly index: number;
  readonly value?: Out;
  readonly error?: unknown;
}

interface Begun<In, Out> {
  readonly batch: Batch<In>;
  readonly outcomes: readonly Outcome<Out>[];
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
