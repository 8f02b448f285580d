import { devNull } from 'node:os';

import { canonicalJson } from '../canonical-json.ts';
import { exactThreads } from '../models/exact-threads.ts';
import {
  asThreadRecord,
  type HistoryEntry,
  type Runtime,
  type ThreadRecord,
  type ThreadRow,
} from '../models/langgraph.ts';
import { summarizeExactly, taskIdsDigest, type ExactSummary } from '../models/langgraph-exact.ts';
import type { ThreadFidelity } from '../models/langgraph-fidelity.ts';
import { summarizeEntry, threadDigest, type EntrySummary } from '../models/langgraph-summary.ts';
import { valueDifferences } from '../models/value-differences.ts';
import { pipeline } from '../pipeline.ts';
import type { Source, Transform } from '../stage.ts';
import { explained } from './langgraph-explain.ts';

/** What differs between a thread of the source and of the target. */
export interface ThreadDifference {
  readonly kind: 'missing' | 'extra' | 'history' | 'metadata' | 'row' | 'unreadable';
  readonly thread_id: string;
  readonly detail: string;
  /** For `history`: how much of it is the same, and the first checkpoints that are not. */
  readonly fidelity?: ThreadFidelity;
}

export interface ThreadValidation {
  readonly schema: 'threadmill/langgraph-validation@1';
  readonly ok: boolean;
  /**
   * `content`: values, next nodes, questions and who came after whom, and the metadata of threads. `exact`: also ids, times, steps,
   * sources, metadata and tasks of checkpoints, and the rows of threads.
   */
  readonly level: 'content' | 'exact';
  /** Threads that were made anew on the target: their rows (status, times, config) are that server's, and not compared. */
  readonly madeAnew: number;
  readonly source: SideCounts;
  readonly target: SideCounts;
  readonly differences: {
    readonly total: number;
    readonly byKind: Readonly<Record<string, number>>;
    readonly first: readonly ThreadDifference[];
  };
}

export interface SideCounts {
  readonly threads: number;
  readonly checkpoints: number;
}

/** Makes the source of one side; with ids, of these threads only, as far as it can. */
export type SideSource = (ids?: readonly string[]) => Source<ThreadRecord>;

export interface ValidateOptions {
  readonly level?: 'content' | 'exact' | undefined;
  /** Differences to keep. Default 20. */
  readonly maxDifferences?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onWarning?: ((stage: string, message: string) => void) | undefined;
  /** Told of every difference, also of those that are not kept. Those beyond `maxDifferences` have no `fidelity`. */
  readonly onDifference?: ((difference: ThreadDifference) => void) | undefined;
}

/** What is kept of each thread of the source while the target is read: about 300 bytes, and the row when it is exact. */
interface Known {
  readonly digest: string;
  readonly taskIds: string;
  readonly runtime: Runtime;
  readonly metadata: string;
  readonly row: ThreadRow | undefined;
}

/**
 * Compares the threads of two places by content: which there are, then each one's history by digest, then its metadata. Of
 * the first that differ it reads both sides again to name the checkpoints.
 *
 * A thread that one side cannot read is a difference.
 *
 * @throws {EtlError} what ends reading a side: `ETL_CONNECT_FAILED`, `ETL_AUTH_FAILED`, `ETL_SOURCE_NOT_FOUND` …
 */
export async function validateThreads(
  source: SideSource,
  target: SideSource,
  { level = 'content', maxDifferences = 20, ...options }: ValidateOptions = {},
): Promise<ThreadValidation> {
  const found: ThreadDifference[] = [];
  const byKind: Record<string, number> = {};
  let total = 0;
  const differ = (difference: ThreadDifference): void => {
    total += 1;
    byKind[difference.kind] = (byKind[difference.kind] ?? 0) + 1;
    if (found.length < maxDifferences) found.push(difference);
    else options.onDifference?.(difference);
  };
  const unreadable = (side: string) => (threadId: string, reason: string) =>
    differ({ kind: 'unreadable', thread_id: threadId, detail: `cannot be read from the ${side}: ${reason}` });

  const isExact = level === 'exact';
  const summarize = isExact ? summarizeExactly : summarizeEntry;
  const idsOf = (summaries: readonly EntrySummary[]): string =>
    // Made above, by the function for that.
    isExact ? taskIdsDigest(summaries as readonly ExactSummary[]) : '';
  let madeAnew = 0;
  const known = new Map<string, Known | undefined>();
  const sourceCounts = await readThreads(source(), options, summarize, {
    thread: (row, summaries, runtime) =>
      known.set(row.thread_id.toLowerCase(), {
        digest: threadDigest(summaries, level),
        taskIds: idsOf(summaries),
        runtime,
        metadata: canonicalJson(keptMetadata(row)),
        row: isExact ? row : undefined,
      }),
    failed: (id, reason) => {
      known.set(id.toLowerCase(), undefined);
      unreadable('source')(id, reason);
    },
  });
  const targetCounts = await readThreads(target(), options, summarize, {
    thread(row, summaries, runtime) {
      const { thread_id } = row;
      const id = thread_id.toLowerCase();
      const expected = known.get(id);
      if (!known.delete(id)) {
        differ({ kind: 'extra', thread_id, detail: 'is in the target and not in the source' });
        return;
      }
      if (expected === undefined) return;
      // Another runtime computes other ids of tasks: they have to differ.
      const hasOtherTasks = runtime === expected.runtime && expected.taskIds !== idsOf(summaries);
      if (expected.digest !== threadDigest(summaries, level) || hasOtherTasks)
        differ({ kind: 'history', thread_id, detail: `${summaries.length} checkpoints there differ` });
      const changed = changedMetadata(expected.metadata, row);
      if (changed !== '') differ({ kind: 'metadata', thread_id, detail: changed });
      if (expected.row === undefined) return;
      if (!isSameTime(expected.row.created_at, row.created_at)) madeAnew += 1;
      else {
        const others = valueDifferences(comparableRow(expected.row), comparableRow(row));
        if (others !== '') differ({ kind: 'row', thread_id, detail: others });
      }
    },
    failed(id, reason) {
      known.delete(id.toLowerCase());
      unreadable('target')(id, reason);
    },
  });
  for (const [id, expected] of known)
    if (expected !== undefined)
      differ({ kind: 'missing', thread_id: id, detail: 'is in the source and not in the target' });

  const read = (side: Source<ThreadRecord>, each: ThreadReader): Promise<unknown> =>
    readThreads(side, options, summarize, each);
  const first = await explained(found, { source, target, level, read });
  for (const difference of first) options.onDifference?.(difference);
  return {
    schema: 'threadmill/langgraph-validation@1',
    ok: total === 0,
    level,
    madeAnew,
    source: sourceCounts,
    target: targetCounts,
    differences: { total, byKind, first },
  };
}

/** Gets the threads of a side as they are read. */
export interface ThreadReader {
  readonly thread: (row: ThreadRow, summaries: readonly EntrySummary[], runtime: Runtime) => unknown;
  /** Sees every checkpoint that goes by. */
  readonly entry?: ((threadId: string, entry: HistoryEntry) => void) | undefined;
  readonly failed: (threadId: string, reason: string) => void;
}

/** Reads a side to its end, thread by thread, parts put together. */
async function readThreads(
  source: Source<ThreadRecord>,
  { signal, onWarning }: ValidateOptions,
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

/** What servers set or leave out by themselves, and what an import notes. */
const ownMetadata = new Set(['run_id', 'thread_id', 'assistant_id', 'imported']);

function keptMetadata({ metadata }: ThreadRow): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(metadata ?? {}).filter(([name]) => !ownMetadata.has(name)));
}

/** The metadata of the source that the target has otherwise, or not at all: `graph_id: "desk" here, "other" there`. */
function changedMetadata(expected: string, row: ThreadRow): string {
  const there = keptMetadata(row);
  if (expected === canonicalJson(there)) return '';
  const here = JSON.parse(expected) as Readonly<Record<string, unknown>>;
  return valueDifferences(here, Object.fromEntries(Object.keys(here).map((name) => [name, there[name]])));
}

/** A row without what is compared otherwise, times in one form. */
function comparableRow(row: ThreadRow): Readonly<Record<string, unknown>> {
  const { thread_id: _id, metadata: _metadata, values: _values, ...rest } = row;
  return Object.fromEntries(
    Object.entries(rest).map(([name, value]) => [
      name,
      name.endsWith('_at') && typeof value === 'string' ? millisecondsOf(value) : value,
    ]),
  );
}

function isSameTime(here: string | undefined, there: string | undefined): boolean {
  return here === undefined || there === undefined || millisecondsOf(here) === millisecondsOf(there);
}

/** A time as JavaScript writes it; a text that is none as it is. */
function millisecondsOf(time: string): string {
  const found = Date.parse(time);
  return Number.isNaN(found) ? time : new Date(found).toISOString();
}

function idOf(record: unknown): string | undefined {
  if (typeof record !== 'object' || record === null || !('thread_id' in record)) return undefined;
  return typeof record.thread_id === 'string' ? record.thread_id : undefined;
}
