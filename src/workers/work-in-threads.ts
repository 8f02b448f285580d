import { jsonBatch, pickRecords, recordCount } from '../batch.ts';
import { describeCause, isRecordError } from '../errors.ts';
import { encodeJsonRecords, jsonRecordsByteLength, type JsonRecords } from '../formats/json-records.ts';
import { keepRecords } from '../keep-records.ts';
import { limitYoungRoom } from '../limit-young-room.ts';
import { RecordThreads, startRecordThread, type StartRecordThread, type ThreadsWorkDone } from './record-threads.ts';
import { readyWork, type DoWork, type RecordWork } from './record-work.ts';
import type { Batch, StageContext } from '../stage.ts';
import { workAhead } from '../work-ahead.ts';

export interface WorkInThreadsOptions {
  /** How many. */
  readonly workers: number;
  /** Batches are read ahead up to this many bytes of JSON text; one batch always. Default 4 MB. */
  readonly maxBytes?: number | undefined;
  /** For tests: a thread from sources that are not built. */
  readonly start?: StartRecordThread | undefined;
}

/**
 * Does work on records in threads, a batch at a time, in the order of the batches.
 *
 * Records go to a thread and come back as JSON text: what JSON does not have (a Date, `undefined` in an object) is for the
 * work, and for the stages after it, as JSON has it. What is rejected, filtered and counted is the same as in one thread.
 * Where no thread can be started, the work is done in this one, and a warning says so.
 *
 * @throws {EtlError} `ETL_WORKER_FAILED` when a thread ends before its time.
 */
export async function* workInThreads<In, Out>(
  input: AsyncIterable<Batch<In>>,
  work: RecordWork,
  { workers, maxBytes = 4 * 1024 * 1024, start = startRecordThread }: WorkInThreadsOptions,
  ctx: StageContext,
): AsyncGenerator<Batch<Out>> {
  let threads: RecordThreads | undefined;
  let here: Promise<DoWork> | undefined;

  async function workOn(batch: Batch<In>): Promise<{ readonly batch: Batch<In>; readonly done: ThreadsWorkDone }> {
    if (recordCount(batch) === 0) return { batch, done: { problems: [] } };
    const json = jsonOf(batch);
    if (json !== undefined) {
      threads ??= new RecordThreads(work, workers, start);
      const done = await threads.work(json);
      if (done !== undefined) return { batch, done };
      ctx.warn(`no thread can be started, so that this one does all the work: ${describeCause(threads.problem)}`);
    }
    here ??= readyWork(work);
    const { records } = batch;
    return { batch, done: await (await here)({ count: records.length, recordAt: (index) => records[index] }) };
  }

  function isEnough(begun: readonly Batch<In>[]): boolean {
    // One that each thread works on, and one that waits for it.
    return begun.length > workers * 2 || begun.reduce((sum, batch) => sum + sizeOf(batch), 0) > maxBytes;
  }

  // Records are text in this thread: few objects are made.
  const giveRoom = limitYoungRoom();
  const stop = (): void => void threads?.close();
  ctx.signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const { batch, done } of workAhead(input, workOn, isEnough)) yield settled(batch, done, ctx);
  } catch (error) {
    ctx.signal.throwIfAborted();
    throw error;
  } finally {
    giveRoom();
    ctx.signal.removeEventListener('abort', stop);
    await threads?.close();
  }
}

/** The records as text; nothing when one of them has no JSON form. */
function jsonOf(batch: Batch<unknown>): JsonRecords | undefined {
  if (batch.json !== undefined) return batch.json;
  try {
    return encodeJsonRecords(batch.records);
  } catch {
    return undefined;
  }
}

function sizeOf({ json, bytes = 0 }: Batch<unknown>): number {
  return json === undefined ? bytes : jsonRecordsByteLength(json);
}

/** The batch that the work makes of a batch. */
function settled<In, Out>(
  batch: Batch<In>,
  { problems, kept, json, takeBack }: ThreadsWorkDone,
  ctx: StageContext,
): Batch<Out> {
  const rejected = new Set<number>();
  for (const { index, error } of problems) {
    if (kept === undefined && !isRecordError(error)) throw error;
    // Only this one is decoded.
    ctx.reject(pickRecords(batch, [index]).records[0], error, { batch, index });
    rejected.add(index);
  }
  if (kept !== undefined) {
    const indexes = Array.from(kept.keys()).filter((index) => kept[index] === 1);
    // What a filter keeps is what came in.
    return keepRecords(batch, indexes, rejected.size, ctx) as Batch<unknown> as Batch<Out>;
  }
  // Every record is itself: the batch holds what the function gives.
  if (json === undefined) return batch as Batch<unknown> as Batch<Out>;
  const { bytes, cursor, at } = batch;
  if (at === undefined || rejected.size === 0) return jsonBatch<Out>(json, { bytes, cursor, at, takeBack });
  const left = Array.from({ length: recordCount(batch) }, (_, index) => index).filter((index) => !rejected.has(index));
  return jsonBatch<Out>(json, { bytes, cursor, at: (index) => at(left[index] ?? -1), takeBack });
}
