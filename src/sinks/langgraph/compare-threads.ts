import type { EntrySummary } from '../../models/langgraph-summary.ts';

/**
 * How a thread on the target stands to the source's: the same; `behind`, with the first checkpoints only; `ahead`, when it went
 * on there; or `different`.
 */
export type Relation = 'same' | 'behind' | 'ahead' | 'different';

/**
 * Compares the checkpoints of the thread itself, by their values and by which checkpoint each was made on.
 *
 * Ids and times do not count: a thread that was made again by the API has others. Nor do copies, which forks are made with, and
 * marks of the end (see {@link isEndMark}).
 */
export function relationOf(source: readonly EntrySummary[], target: readonly EntrySummary[]): Relation {
  const ours = source.filter(({ ns }) => ns === '');
  const theirs = target.filter(({ ns }) => ns === '');
  const pairs = new Map<string, string>();
  let last: CheckpointPair | undefined;
  let at = 0;
  for (const entry of ours) {
    if (isEndMark(theirs[at], last)) at += 1;
    while (at < theirs.length && theirs[at]?.values !== entry.values && theirs[at]?.source === 'fork') at += 1;
    const there = theirs[at];
    if (there === undefined) return 'behind';
    if (there.values !== entry.values || !sameParent(entry, there, pairs)) return 'different';
    pairs.set(entry.id, there.id);
    last = { source: entry, target: there };
    at += 1;
  }
  if (isEndMark(theirs[at], last)) at += 1;
  return at === theirs.length ? 'same' : 'ahead';
}

/** One checkpoint on both sides. */
export interface CheckpointPair {
  readonly source: EntrySummary;
  readonly target: EntrySummary;
}

/**
 * Whether a checkpoint of the target is the mark that was made behind `last`: where an update leaves nodes waiting behind a
 * checkpoint with which the thread had ended, restoring it by the API says so in a checkpoint of its own.
 */
export function isEndMark(there: EntrySummary | undefined, last: CheckpointPair | undefined): boolean {
  if (there === undefined || last === undefined) return false;
  const { source, target } = last;
  const isNeeded = source.next === '[]' && target.next !== '[]';
  const changesNothing = there.parentId === target.id && there.values === target.values;
  return isNeeded && changesNothing && there.source === 'update' && there.next === '[]';
}

/** The same for threads of which only the last state was written. */
export function stateRelation(source: readonly EntrySummary[], target: readonly EntrySummary[]): Relation {
  const head = source.findLast(({ ns }) => ns === '');
  const there = target.filter(({ ns }) => ns === '');
  if (head === undefined) return there.length === 0 ? 'same' : 'ahead';
  if (there.length === 0) return 'behind';
  const found = there.findLastIndex(({ values }) => values === head.values);
  if (found < 0) return 'different';
  return found === there.length - 1 ? 'same' : 'ahead';
}

function sameParent(entry: EntrySummary, there: EntrySummary, pairs: ReadonlyMap<string, string>): boolean {
  const expected = entry.parentId === null ? undefined : pairs.get(entry.parentId);
  // A parent that is not in the history, and a copy that stands for it, cannot be told from others.
  return expected === undefined || expected === there.parentId || ![...pairs.values()].includes(there.parentId ?? '');
}
