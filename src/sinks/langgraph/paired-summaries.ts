import { jsonEqual } from '../../json-equal.ts';
import type { HistoryEntry } from '../../models/langgraph.ts';
import { summarizeEntry, type EntrySummary } from '../../models/langgraph-summary.ts';

/**
 * Summaries of a thread's checkpoints on both sides, for comparing them.
 *
 * Where a pair has the same values, which is the rule, no digest is made of them: what stands in its place only says that both
 * are the same, and means nothing for other threads.
 *
 * @param targetIdOf The target's id of a source checkpoint.
 */
export function pairedSummaries(
  source: readonly HistoryEntry[],
  target: readonly HistoryEntry[],
  targetIdOf: (sourceId: string) => string | undefined,
): { readonly source: readonly EntrySummary[]; readonly target: readonly EntrySummary[] } {
  const there = new Map(target.map((entry) => [entry.checkpoint.checkpoint_id, entry]));
  const summaries = new Map<HistoryEntry, EntrySummary>();
  const ours = source.map((entry, index) => {
    const id = targetIdOf(entry.checkpoint.checkpoint_id);
    const other = id === undefined ? undefined : there.get(id);
    if (other === undefined) return summarizeEntry(entry);
    const [one, two] = alike(entry, other, index);
    summaries.set(other, summarizeEntry(two));
    return summarizeEntry(one);
  });
  return { source: ours, target: target.map((entry) => summaries.get(entry) ?? summarizeEntry(entry)) };
}

/** A pair without what is the same in both. */
function alike(a: HistoryEntry, b: HistoryEntry, index: number): readonly [HistoryEntry, HistoryEntry] {
  const sameValues = jsonEqual(a.values, b.values);
  const sameMetadata = jsonEqual(a.metadata, b.metadata);
  // Pairs with one and the same mark would be taken for copies of each other.
  const mark = { same: index };
  const without = (entry: HistoryEntry): HistoryEntry => {
    if (!sameValues && !sameMetadata) return entry;
    const { source, step } = entry.metadata ?? {};
    const metadata = { ...(source === undefined ? {} : { source }), ...(step === undefined ? {} : { step }) };
    return {
      ...entry,
      ...(sameValues ? { values: mark } : {}),
      ...(sameMetadata ? { metadata } : {}),
    };
  };
  return [without(a), without(b)];
}
