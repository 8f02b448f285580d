import { canonicalJson } from '../canonical-json.ts';
import type { ThreadRecord, ThreadRow } from '../models/langgraph.ts';
import { summarizeExactly } from '../models/langgraph-exact.ts';
import type { ThreadFidelity } from '../models/langgraph-fidelity.ts';
import { summarizeEntry } from '../models/langgraph-summary.ts';
import { valueDifferences } from '../models/value-differences.ts';
import type { Source } from '../stage.ts';
import { explained } from './langgraph-explain.ts';
import { hidesResults, historyDigests, isSameHistory, type HistoryDigests } from './langgraph-history-digests.ts';
import { readThreads, type SideCounts, type SideSource, type ThreadReader } from './langgraph-read-side.ts';
import { changedMetadata, comparableRow, isSameTime, keptMetadata } from './langgraph-thread-rows.ts';

/** What differs between a thread of the source and of the target. */
export interface ThreadDifference {
  readonly kind: 'missing' | 'extra' | 'history' | 'metadata' | 'row' | 'unreadable';
  readonly thread_id: string;
  readonly detail: string;
  /** For `history`: how much of it is the same, and the first checkpoints that are not. */
  readonly fidelity?: ThreadFidelity;
}

/** Results of tasks that asked a question or failed: Python's server shows them, and JavaScript's does not. */
export interface HiddenResults {
  readonly kind: 'hidden';
  readonly thread_id: string;
  readonly results: number;
  readonly detail: string;
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
  /** What an exact comparison cannot see, as a server in JavaScript keeps it and does not show it. */
  readonly hidden: {
    readonly results: number;
    readonly first: readonly HiddenResults[];
  };
  readonly source: SideCounts;
  readonly target: SideCounts;
  readonly differences: {
    readonly total: number;
    readonly byKind: Readonly<Record<string, number>>;
    readonly first: readonly ThreadDifference[];
  };
}

export interface ValidateOptions {
  readonly level?: 'content' | 'exact' | undefined;
  /** Differences to keep. Default 20. */
  readonly maxDifferences?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onWarning?: ((stage: string, message: string) => void) | undefined;
  /** Told of every difference, also of those that are not kept. Those beyond `maxDifferences` have no `fidelity`. */
  readonly onDifference?: ((difference: ThreadDifference) => void) | undefined;
  /** Told of every thread with results that cannot be compared. */
  readonly onHidden?: ((hidden: HiddenResults) => void) | undefined;
}

/** What is kept of each thread of the source while the target is read: about 300 bytes, and the row when it is exact. */
interface Known {
  readonly history: HistoryDigests;
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
  let madeAnew = 0;
  const hidden = { results: 0, first: [] as HiddenResults[] };
  const hide = (thread_id: string, results: number): void => {
    const what = `${results} ${results === 1 ? 'result of a task that' : 'results of tasks that'} asked a question or failed`;
    const detail = `${what}, which a server in JavaScript does not show: not compared`;
    const found = { kind: 'hidden', thread_id, results, detail } as const;
    hidden.results += results;
    if (hidden.first.length < maxDifferences) hidden.first.push(found);
    options.onHidden?.(found);
  };
  const known = new Map<string, Known | undefined>();
  const sourceCounts = await readThreads(source(), options, summarize, {
    thread: (row, summaries, runtime) =>
      known.set(row.thread_id.toLowerCase(), {
        history: historyDigests(summaries, runtime, level),
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
      const history = historyDigests(summaries, runtime, level);
      const results = hidesResults(expected.history.runtime, runtime) ? expected.history.hidden + history.hidden : 0;
      if (results > 0) hide(thread_id, results);
      if (!isSameHistory(expected.history, history))
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
    hidden,
    source: sourceCounts,
    target: targetCounts,
    differences: { total, byKind, first },
  };
}
