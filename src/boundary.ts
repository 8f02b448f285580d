import { forgetRecords, keepMemory, passMemory, recordCount, sliceRecords, withCursor } from './batch.ts';
import { recordsRead, seqOfBatch, type StageRun } from './context.ts';
import { toEtlError, type EtlError } from './errors.ts';
import { cursorOf, positionOf, seqInto, type Position } from './position.ts';
import type { Batch, Sink, Source, Transform, Commit } from './stage.ts';

/**
 * Ends a stream early, in order: it travels behind the batches that came before it, so that these are written and
 * committed, and stages that hold records back do not take it for the end of their input.
 */
export class Halt extends Error {
  override readonly name = 'Halt';
  /** What went wrong; nothing when the run was asked to stop. */
  readonly reason: EtlError | undefined;

  constructor(reason: EtlError | undefined) {
    super('the stream ends early');
    this.reason = reason;
  }
}

/** What flows between the stages inside a run. */
export type Item = Batch<unknown> | Halt;

/** The source with every batch numbered and its cursor turned into a position. */
export async function* sourceItems(
  source: Source<unknown>,
  run: StageRun,
  start: Position,
  { limit, stop }: { readonly limit: number | undefined; readonly stop: AbortSignal },
): AsyncGenerator<Item> {
  const { stats } = run;
  let { read, bytes } = start;
  let seq = seqInto(start, 0);
  let left = limit ?? Number.POSITIVE_INFINITY;
  run.given = start.at;
  run.turnTo('busyMs');
  try {
    if (left === 0) return;
    for await (const found of source.read(run)) {
      if (stop.aborted) break;
      const batch = recordCount(found) > left ? sliceRecords(found, 0, left) : found;
      const records = recordCount(batch);
      left -= records;
      seq += 1;
      bytes += batch.bytes ?? 0;
      stats.out += records;
      read = start.read + recordsRead(stats);
      stats.bytes += batch.bytes ?? 0;
      run.seq = seq;
      const { cursor } = batch;
      if (cursor !== undefined) run.given = cursor;
      const item =
        cursor === undefined
          ? batch
          : withCursor(batch, cursorOf({ seq, read, bytes, at: cursor, states: start.states }));
      run.turnTo('waitDownMs');
      yield item;
      run.turnTo('busyMs');
      if (left === 0) return;
    }
    if (stop.aborted) yield new Halt(undefined);
    else stats.exhausted = true;
  } catch (error) {
    if (error instanceof Halt) yield error;
    else yield new Halt(stop.aborted ? undefined : toEtlError(error, 'ETL_SOURCE_FAILED', { stage: run.stage }));
  }
}

/** One transform of its own. */
export async function* transformItems(
  transform: Transform<unknown, unknown>,
  run: StageRun,
  upstream: AsyncIterable<Item>,
): AsyncGenerator<Item> {
  const { holdsNothing = false } = transform;
  const taken: Batch<unknown>[] = [];
  async function* input(): AsyncGenerator<Batch<unknown>> {
    for await (const batch of batchesFor(run, upstream)) {
      if (holdsNothing) taken.push(batch);
      yield holdsNothing ? batch : keepMemory(batch);
    }
  }
  run.turnTo('busyMs');
  try {
    for await (const made of transform.apply(input(), run)) {
      const from = taken.shift();
      const batch = from === undefined ? made : passMemory(from, made);
      run.stats.out += recordCount(batch);
      run.turnTo('waitDownMs');
      yield batch;
      run.turnTo('busyMs');
    }
  } catch (error) {
    if (run.signal.aborted) throw error;
    yield error instanceof Halt ? error : new Halt(toEtlError(error, 'ETL_STAGE_FAILED', { stage: run.stage }));
  }
}

/** A transform that needs no await, ready to be run in one loop with its neighbours. */
export interface StartedTransform {
  readonly run: StageRun;
  readonly holdsNothing: boolean;
  readonly step: (batch: Batch<unknown>) => Batch<unknown>;
}

/** Neighbouring transforms that need no await, in one loop over the batches. */
export async function* fusedItems(
  stages: readonly StartedTransform[],
  upstream: AsyncIterable<Item>,
): AsyncGenerator<Item> {
  const first = stages[0]?.run;
  const last = stages.at(-1)?.run;
  if (first === undefined || last === undefined) return;
  const isHeld = stages.some(({ holdsNothing }) => !holdsNothing);
  let current = first;
  try {
    for await (const taken of batchesFor(first, upstream, 'idle')) {
      const input = isHeld ? keepMemory(taken) : taken;
      let batch = input;
      for (const { run, step } of stages) {
        current = run;
        run.turnTo('busyMs');
        if (run !== first) arrived(run, batch);
        const { cursor } = batch;
        const result = step(batch);
        batch = result.cursor === undefined ? withCursor(result, cursor) : result;
        run.stats.out += recordCount(batch);
        run.turnTo('idle');
      }
      if (batch !== input) forgetRecords(input);
      batch = passMemory(input, batch);
      last.turnTo('waitDownMs');
      yield batch;
      last.turnTo('idle');
    }
    for (const { run } of stages) run.stats.exhausted = first.stats.exhausted;
  } catch (error) {
    if (current.signal.aborted) throw error;
    yield error instanceof Halt ? error : new Halt(toEtlError(error, 'ETL_STAGE_FAILED', { stage: current.stage }));
  }
}

/** The sink's commits. An early end reaches the sink as the end of its input, with `ctx.halted` set. */
export async function* sinkCommits(
  sink: Sink<unknown>,
  run: StageRun,
  upstream: AsyncIterable<Item>,
  halted: (halt: Halt) => void,
): AsyncGenerator<Commit> {
  const { stats } = run;
  async function* input(): AsyncGenerator<Batch<unknown>> {
    try {
      for await (const batch of batchesFor(run, upstream)) {
        if (sink.writesText === true) forgetRecords(batch);
        yield batch;
      }
    } catch (error) {
      if (!(error instanceof Halt)) throw error;
      halted(error);
    }
  }
  run.turnTo('busyMs');
  for await (const commit of sink.write(input(), run)) {
    stats.out += commit.records;
    stats.bytes += commit.bytes ?? 0;
    yield commit;
  }
  run.turnTo('idle');
}

/**
 * What a stage sees of its input: batches, counted and timed. An early end is thrown into the stage. A stage that pulls its
 * input while what it has given is not taken yet counts as waiting for the stage after it.
 */
async function* batchesFor(
  run: StageRun,
  upstream: AsyncIterable<Item>,
  afterwards: 'busyMs' | 'idle' = 'busyMs',
): AsyncGenerator<Batch<unknown>> {
  const { stats } = run;
  const iterator = upstream[Symbol.asyncIterator]();
  try {
    for (;;) {
      if (run.activity !== 'waitDownMs') run.turnTo('waitUpMs');
      const next = await iterator.next();
      if (run.activity === 'waitUpMs') run.turnTo(afterwards);
      if (next.done === true) {
        stats.exhausted = true;
        return;
      }
      if (next.value instanceof Halt) throw next.value;
      arrived(run, next.value);
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}

function arrived(run: StageRun, batch: Batch<unknown>): void {
  run.stats.in += recordCount(batch);
  run.seq = seqOfBatch(batch, run.seq);
}

/** The position to start from: the one of the last commit, or the very beginning. */
export function startOf(cursor: Batch<unknown>['cursor']): Position {
  return positionOf(cursor) ?? { seq: 0, read: 0, bytes: 0, at: null, states: {} };
}
