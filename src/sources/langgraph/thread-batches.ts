import pLimit from 'p-limit';

import { jsonBatch } from '../../batch.ts';
import type { LanggraphConnection } from '../../connections/langgraph.ts';
import { httpStatusOf, isAnswer } from '../../connections/langgraph-errors.ts';
import { EtlError } from '../../errors.ts';
import type { JsonRecords } from '../../formats/json-records.ts';
import type { Json } from '../../json.ts';
import type { ThreadRow } from '../../models/langgraph.ts';
import type { Batch, StageContext } from '../../stage.ts';
import { readThread, type ReadThreadOptions } from './read-thread.ts';
import { countThreads, listThreads, threadById, type ListPlace, type ThreadFilter } from './thread-list.ts';
import type { RecordText, ThreadText } from './thread-text.ts';

export interface ThreadBatchesOptions extends ReadThreadOptions {
  readonly filter: ThreadFilter;
  readonly ids?: readonly string[] | undefined;
  readonly since?: string | undefined;
  readonly concurrency: number;
  readonly batchSize: number;
  readonly batchBytes: number;
}

/** Threads that are read and wait for their turn hold no more memory than this, and one each. */
const waitingBytes = 32_000_000;

/** A thread to read. Without a row: one that was asked for by its id. */
interface Wanted {
  readonly id: string;
  readonly listed?: { readonly row: ThreadRow; readonly text: string };
  readonly cursor: Json;
}

type Outcome =
  | { readonly text: ThreadText; readonly row: ThreadRow }
  | { readonly error: unknown; readonly row: unknown };

/**
 * The threads as batches of JSON text, in the order of the list, several of them read at the same time.
 *
 * A large thread is a batch for each of its parts; only the last has a cursor.
 */
export async function* threadBatches(
  connection: LanggraphConnection,
  options: ThreadBatchesOptions,
  ctx: StageContext,
): AsyncGenerator<Batch<unknown>> {
  const { concurrency, batchSize, batchBytes } = options;
  // The connection was opened with it, and ends all requests when it is closed.
  const { signal } = ctx;
  const limit = pLimit(concurrency);
  const wanted = wantedThreads(connection, options, ctx, signal);
  const begun: { readonly thread: Wanted; readonly outcome: Promise<Outcome> }[] = [];
  let held = 0;
  const begin = (thread: Wanted): void => {
    const outcome = limit(() => read(connection, thread, options, signal)).then((done) => {
      held += heldBy(done);
      return done;
    });
    begun.push({ thread, outcome });
  };
  const batch = new BatchBuilder();
  let isListed = false;
  try {
    for (;;) {
      while (!isListed && begun.length < 2 * concurrency && (held < waitingBytes || begun.length === 0)) {
        const next = await wanted.next();
        if (next.done === true) isListed = true;
        else begin(next.value);
      }
      const first = begun.shift();
      if (first === undefined) break;
      const { thread } = first;
      const outcome = await first.outcome;
      ctx.signal.throwIfAborted();
      if ('error' in outcome) {
        yield* batch.take();
        await rejectOrThrow(connection, thread, outcome, ctx);
        batch.skipTo(thread.cursor);
        continue;
      }
      const { text, row } = outcome;
      held -= heldBy(outcome);
      if (row.status === 'busy') ctx.finding('thread: read while a run was under way', 1);
      if (text.whole !== undefined) {
        batch.add(text.whole, thread);
        if (batch.count >= batchSize || batch.bytes >= batchBytes) yield* batch.take();
        continue;
      }
      yield* batch.take();
      yield* parts(text, thread);
    }
    yield* batch.take();
  } finally {
    limit.clearQueue();
    // What is under way ends with the connection, and nobody waits for it.
    await connection.close();
    await wanted.return(undefined);
    for (const { outcome } of begun) void outcome.then((done) => ('text' in done ? done.text.close() : undefined));
  }
}

/** Bytes that a thread holds in memory until its turn. */
function heldBy(outcome: Outcome): number {
  return 'text' in outcome ? (outcome.text.whole?.maxBytes ?? 0) : 0;
}

/** A batch for each part of a large thread. */
async function* parts(text: ThreadText, { id, cursor }: Wanted): AsyncGenerator<Batch<unknown>> {
  const at = (): string => `thread ${id}`;
  let previous: Buffer | undefined;
  try {
    for await (const record of text.parts()) {
      if (previous !== undefined) yield jsonBatch(oneRecord(previous), { at });
      previous = record;
    }
    if (previous !== undefined) yield jsonBatch(oneRecord(previous), { at, cursor });
  } finally {
    await text.close();
  }
}

/** The threads to read, from where the run stands. */
async function* wantedThreads(
  connection: LanggraphConnection,
  { ids, since, filter }: ThreadBatchesOptions,
  ctx: StageContext,
  signal: AbortSignal,
): AsyncGenerator<Wanted> {
  if (ids !== undefined) {
    // What comes back is what we gave: how many of them are done.
    const done = (ctx.cursor as { readonly ids: number } | undefined)?.ids ?? 0;
    for (const [index, id] of [...new Set(ids)].entries()) if (index >= done) yield { id, cursor: { ids: index + 1 } };
    return;
  }
  const from = ctx.cursor as unknown as ListPlace | undefined;
  const after = since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since);
  let place = from;
  for await (const listed of listThreads(connection, filter, { from }, signal)) {
    ({ place } = listed);
    const { row } = listed;
    if (Date.parse(row.updated_at ?? row.created_at ?? '') < after) continue;
    yield { id: row.thread_id, listed, cursor: { ...listed.place } };
  }
  const count = await countThreads(connection, filter, signal);
  const seen = place?.seen ?? 0;
  if (count === undefined || count === seen) return;
  if (count > seen) {
    ctx.finding('threads: counted by the server and not listed', count - seen);
    ctx.warn(
      `the server counts ${count} threads, and listed ${seen}: run again with --new-run, or look for those made meanwhile`,
    );
  } else ctx.finding('threads: deleted while they were read', seen - count);
}

async function read(
  connection: LanggraphConnection,
  { id, listed }: Wanted,
  options: ReadThreadOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  let row: unknown = { thread_id: id };
  try {
    signal.throwIfAborted();
    const thread = listed ?? (await threadById(connection, id, signal));
    ({ row } = thread);
    const text = await readThread(connection, { threadId: id, row: thread.text }, options, signal);
    return { text, row: thread.row };
  } catch (error) {
    return { error, row };
  }
}

/** A thread that the server fails on is rejected. What is wrong with all of them ends the run. */
async function rejectOrThrow(
  connection: LanggraphConnection,
  { id }: Wanted,
  { error, row }: { readonly error: unknown; readonly row: unknown },
  ctx: StageContext,
): Promise<void> {
  const isItsOwn =
    isAnswer(error) ||
    (error instanceof EtlError && error.code === 'ETL_RECORD_TOO_LARGE') ||
    (await isAlone(connection, error, ctx));
  if (!isItsOwn) throw error;
  ctx.reject(row, error, { at: `thread ${id}` });
}

/** Whether a request that got no answer is the only one: the server answers others. */
async function isAlone(connection: LanggraphConnection, error: unknown, ctx: StageContext): Promise<boolean> {
  if (!(error instanceof EtlError) || error.code !== 'ETL_CONNECT_FAILED' || httpStatusOf(error) === 429) return false;
  try {
    await connection.json({ path: '/info', attempts: 2 }, ctx.signal);
    return true;
  } catch (other) {
    ctx.signal.throwIfAborted();
    return httpStatusOf(other) === 404;
  }
}

/** Puts records of text together to a batch. */
class BatchBuilder {
  /** About so many bytes are in it. */
  bytes = 0;
  #records: RecordText[] = [];
  #ids: string[] = [];
  #cursor: Json | undefined;

  get count(): number {
    return this.#records.length;
  }

  add(record: RecordText, { id, cursor }: Wanted): void {
    this.#records.push(record);
    this.#ids.push(id);
    this.#cursor = cursor;
    this.bytes += record.maxBytes;
  }

  /** The batch that comes next is behind a thread that is in none. */
  skipTo(cursor: Json): void {
    this.#cursor = cursor;
  }

  *take(): Generator<Batch<unknown>> {
    const ids = this.#ids;
    const cursor = this.#cursor;
    const records = this.#records;
    const { bytes } = this;
    if (cursor === undefined) return;
    this.#records = [];
    this.#ids = [];
    this.#cursor = undefined;
    this.bytes = 0;
    yield jsonBatch(joined(records, bytes), { cursor, at: (index) => `thread ${ids[index] ?? ''}` });
  }
}

function oneRecord(record: Buffer): JsonRecords {
  return { bytes: record, starts: Uint32Array.of(0), ends: Uint32Array.of(record.length), count: 1 };
}

function joined(records: readonly RecordText[], maxBytes: number): JsonRecords {
  const starts = new Uint32Array(records.length);
  const ends = new Uint32Array(records.length);
  const bytes = Buffer.allocUnsafeSlow(maxBytes + records.length);
  let at = 0;
  for (const [index, record] of records.entries()) {
    starts[index] = at;
    at = record.writeTo(bytes, at);
    ends[index] = at;
    bytes[at++] = 0x0a;
  }
  return { bytes: bytes.subarray(0, at), starts, ends, count: records.length };
}
