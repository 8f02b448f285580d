import type { Runtime } from '../models/langgraph.ts';
import { asShown, hiddenResults, isExact, taskIdsDigest } from '../models/langgraph-exact.ts';
import { threadDigest, type EntrySummary } from '../models/langgraph-summary.ts';

/** What a thread's history is compared by while the other side is read: about 200 bytes. */
export interface HistoryDigests {
  readonly runtime: Runtime;
  readonly digest: string;
  /** The digest of what a server in JavaScript shows, where that is less. */
  readonly shown: string | undefined;
  /** Results that such a server does not show. */
  readonly hidden: number;
  readonly taskIds: string;
}

/** The digests of a thread; of what only an exact comparison asks for when the summaries have it. */
export function historyDigests(
  summaries: readonly EntrySummary[],
  runtime: Runtime,
  level: 'content' | 'exact',
): HistoryDigests {
  const exact = level === 'exact' ? summaries.filter(isExact) : [];
  const hidden = hiddenResults(exact);
  return {
    runtime,
    digest: threadDigest(summaries, level),
    shown: hidden === 0 ? undefined : threadDigest(asShown(exact), level),
    hidden,
    taskIds: exact.length === 0 ? '' : taskIdsDigest(exact),
  };
}

/**
 * Whether two histories are the same, as far as it can be seen: another runtime computes other ids of tasks, and JavaScript's
 * hides some results.
 */
export function isSameHistory(here: HistoryDigests, there: HistoryDigests): boolean {
  if (here.runtime === there.runtime && here.taskIds !== there.taskIds) return false;
  if (!hidesResults(here.runtime, there.runtime)) return here.digest === there.digest;
  return (here.shown ?? here.digest) === (there.shown ?? there.digest);
}

/** Whether one of two servers does not show the results of tasks that asked or failed. */
export function hidesResults(here: Runtime, there: Runtime): boolean {
  return (here === 'js') !== (there === 'js');
}
