import { devNull } from 'node:os';

import { exactThreads } from '../models/exact-threads.ts';
import {
  asThreadRecord,
  type HistoryEntry,
  type Runtime,
  type ThreadRecord,
  type ThreadRow,
} from '../models/langgraph.ts';
import type { EntrySummary } from '../models/langgraph-summary.ts';
import { pipeline } from '../pipeline.ts';
import type { Source, Transform } from '../stage.ts';

/** What there was on one side. */
export interface SideCounts {
  readonly threads: number;
  readonly checkpoints: number;
}

/** Makes the source of one side; with ids, of these threads only, as far as it can. */
export type SideSource = (ids?: readonly string[]) => Source<ThreadRecord>;

interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onWarning?: ((stage: string, message: string) => void) | undefined;
}

/** Gets the threads of a side as they are read. */
export interface ThreadReader {
  readonly thread: (row: ThreadRow, summaries: readonly EntrySummary[], runtime: Runtime) => unknown;
  /** Sees every checkpoint that goes by. */
  readonly entry?: ((threadId: string, entry: HistoryEntry) => void) | undefined;
  readonly failed: (threadId: string, reason: string) => void;
}

/** Reads a side to its end, thread by thread, parts put together. */
export async function readThreads(
  source: Source<ThreadRecord>,
  { signal, onWarning }: ReadOptions,
  summarize: (entry: HistoryEntry) => EntrySummary,
  each: ThreadReader,
): Promise<SideCounts> {
  let threads = 0;
  let checkpoints = 0;
  let parts: EntrySummary[] = [];
  const named = { name: 'langgraph-validate', onReject: { to: devNull } };
  await pipeline(source, named)
    .through(exactDigits)
    .to(async (records) => {
      for await (const value of records) {
        const { thread, history, part, origin } = asThreadRecord(value);
        if ((part?.number ?? 1) === 1) parts = [];
        for (const entry of history) {
          parts.push(summarize(entry));
          each.entry?.(thread.thread_id, entry);
        }
        checkpoints += history.length;
        if (part?.isLast === false) continue;
        threads += 1;
        each.thread(thread, parts, origin.runtime);
      }
    })
    .run({
      signal,
      onWarning,
      onReject: ({ record, reason, at }) => each.failed(idOf(record) ?? at, reason),
    });
  return { threads, checkpoints };
}

/** Integers that have more digits than a number of JavaScript differ in all of them. */
const exactDigits: Transform<ThreadRecord, ThreadRecord> = {
  role: 'transform',
  name: 'digits',
  async *apply(batches) {
    for await (const batch of batches) yield exactThreads(batch, 'digits');
  },
};

function idOf(record: unknown): string | undefined {
  if (typeof record !== 'object' || record === null || !('thread_id' in record)) return undefined;
  return typeof record.thread_id === 'string' ? record.thread_id : undefined;
}
