import type { EntrySummary } from '../../models/langgraph-summary.ts';

/**
 * How a thread on the target stands to the source's: the same; `behind`, with the first checkpoints only; `ahead`, when it went
 * on there; or `different`.
 */
export type Relation = 'same' | 'behind' | 'ahead' | 'different';

/**
 * Compares the checkpoints of the thread itself, by their values and by which checkpoint each was made on.
 *
 * Ids and times do not count: a thread that was made again by the API has others. Nor do copies, which forks are made with.
 */
export function relationOf(source: readonly EntrySummary[], target: readonly EntrySummary[]): Relation {
  const ours = source.filter(({ ns }) => ns === '');
  const theirs = target.filter(({ ns }) => ns === '');
  const pairs = new Map<string, string>();
  let at = 0;
  for (const entry of ours) {
    while (at < theirs.length && theirs[at]?.values !== entry.values && theirs[at]?.source === 'fork') at += 1;
    const there = theirs[at];
    if (there === undefined) return 'behind';
    if (there.values !== entry.values || !sameParent(entry, there, pairs)) return 'different';
    pairs.set(entry.id, there.id);
    at += 1;
  }
  return at === theirs.length ? 'same' : 'ahead';
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
