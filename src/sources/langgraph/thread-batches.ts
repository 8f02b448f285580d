import { jsonBatch } from '../../batch.ts';
import type { LanggraphConnection } from '../../connections/langgraph.ts';
import { ThreadFaults } from '../../connections/langgraph-thread-faults.ts';
import { isThrowaway, throwawayFilter } from '../../connections/langgraph-throwaway.ts';
import type { JsonRecords } from '../../formats/json-records.ts';
import type { Json } from '../../json.ts';
import type { ThreadRow } from '../../models/langgraph.ts';
import type { Batch, StageContext } from '../../stage.ts';
import { BatchBuilder } from './batch-builder.ts';
import { OrderedWindow } from './ordered-window.ts';
import { readThread, type ReadThreadOptions } from './read-thread.ts';
import { countThreads, listThreads, threadById, type ListPlace, type ThreadFilter } from './thread-list.ts';
import { isOneRecord, type LargeThread, type ThreadText } from './thread-text.ts';

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
  /** Where a run goes on behind this thread. */
  cursor(): Json;
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
  const { runtime, version } = connection.info;
  const origin = JSON.stringify({ runtime, version });
  const wanted = wantedThreads(connection, options, ctx, signal);
  const window = new OrderedWindow((thread: Wanted) => read(connection, thread, origin, options, signal), {
    concurrency,
    weigh: heldBy,
    maxWeight: waitingBytes,
  });
  const batch = new BatchBuilder(batchBytes);
  const faults = new ThreadFaults(connection, signal);
  let isListed = false;
  try {
    for (;;) {
      while (window.isHungry && !isListed) {
        const page = await wanted.next();
        isListed = page.done === true;
        window.offer(page.done === true ? [] : page.value);
      }
      const first = await window.shift();
      if (first === undefined) break;
      const { item: thread, result: outcome } = first;
      ctx.signal.throwIfAborted();
      if ('error' in outcome) {
        yield* batch.take();
        ctx.reject(outcome.row, await faults.ofThread(outcome.error), { at: `thread ${thread.id}` });
        batch.skipTo(thread);
        continue;
      }
      faults.passed();
      const { text, row } = outcome;
      if (row.status === 'busy') ctx.finding('thread: read while a run was under way', 1);
      if (isOneRecord(text)) {
        batch.add(text, thread);
        if (batch.count >= batchSize || batch.bytes >= batchBytes) yield* batch.take();
        continue;
      }
      yield* batch.take();
      yield* parts(text, thread);
    }
    yield* batch.take();
  } finally {
    const left = window.stop();
    // What is under way ends with the connection, and nobody waits for it.
    await connection.close();
    await wanted.return(undefined);
    for (const outcome of left) void outcome.then(forget);
  }
}

/** Bytes that a thread holds in memory until its turn. */
function heldBy(outcome: Outcome): number {
  return 'text' in outcome && isOneRecord(outcome.text) ? outcome.text.maxBytes : 0;
}

async function forget(outcome: Outcome): Promise<void> {
  if ('text' in outcome && !isOneRecord(outcome.text)) await outcome.text.close();
}

/** A batch for each part of a large thread. */
async function* parts(text: LargeThread, thread: Wanted): AsyncGenerator<Batch<unknown>> {
  const at = (): string => `thread ${thread.id}`;
  let previous: Buffer | undefined;
  try {
    for await (const record of text.parts()) {
      if (previous !== undefined) yield jsonBatch(oneRecord(previous), { at });
      previous = record;
    }
    if (previous !== undefined) yield jsonBatch(oneRecord(previous), { at, cursor: thread.cursor() });
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
): AsyncGenerator<readonly Wanted[]> {
  if (ids !== undefined) {
    // What comes back is what we gave: how many of them are done.
    const done = (ctx.cursor as { readonly ids: number } | undefined)?.ids ?? 0;
    const wanted = [...new Set(ids)].map((id, index) => ({ id, cursor: () => ({ ids: index + 1 }) }));
    yield wanted.slice(done);
    return;
  }
  const from = ctx.cursor as unknown as ListPlace | undefined;
  const after = since === undefined ? undefined : Date.parse(since);
  let seen = from?.seen ?? 0;
  let ours = 0;
  for await (const listed of listThreads(connection, filter, { from }, signal)) {
    seen = listed.at(-1)?.place().seen ?? seen;
    // The companion graph is asked on threads of its own, which come and go.
    const others = listed.filter(({ row }) => !isThrowaway(row.metadata));
    ours += listed.length - others.length;
    const changed =
      after === undefined
        ? others
        : others.filter(({ row }) => !(Date.parse(row.updated_at ?? row.created_at ?? '') < after));
    yield changed.map((one) => ({ id: one.row.thread_id, listed: one, cursor: () => ({ ...one.place() }) }));
  }
  await compareCount(connection, filter, { seen, ours }, ctx);
}

/** Looks whether the server counts as many threads as it has listed, but for `ours`. */
async function compareCount(
  connection: LanggraphConnection,
  filter: ThreadFilter,
  { seen, ours }: { readonly seen: number; readonly ours: number },
  ctx: StageContext,
): Promise<void> {
  const counted = await countThreads(connection, filter, ctx.signal);
  if (counted === undefined || counted === seen) return;
  const left = await countThreads(connection, { ...filter, metadata: throwawayFilter(filter.metadata) }, ctx.signal);
  const [count, listed] = [counted - (left ?? 0), seen - ours];
  if (count > listed) {
    ctx.finding('threads: counted by the server and not listed', count - listed);
    ctx.warn(
      `the server counts ${count} threads, and listed ${listed}: run again with --new-run, or look for those made meanwhile`,
    );
  } else if (count < listed) ctx.finding('threads: deleted while they were read', listed - count);
}

async function read(
  connection: LanggraphConnection,
  { id, listed }: Wanted,
  origin: string,
  options: ReadThreadOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  let row: unknown = { thread_id: id };
  try {
    signal.throwIfAborted();
    const thread = listed ?? (await threadById(connection, id, signal));
    ({ row } = thread);
    const text = await readThread(connection, { threadId: id, row: thread.text, origin }, options, signal);
    return { text, row: thread.row };
  } catch (error) {
    return { error, row };
  }
}

function oneRecord(record: Buffer): JsonRecords {
  return { bytes: record, starts: Uint32Array.of(0), ends: Uint32Array.of(record.length), count: 1 };
}
