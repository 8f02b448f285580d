import { jsonEqual } from '../../json-equal.ts';
import type { HistoryEntry } from '../../models/langgraph.ts';
import {
  comparableValue,
  sameMetadata,
  summarizeEntry,
  summarizeKnown,
  type EntrySummary,
} from '../../models/langgraph-summary.ts';
import { valueDifferences } from '../../models/value-differences.ts';
import type { AddedChannels } from './added-channels.ts';

/**
 * Summaries of a thread's checkpoints on both sides, for comparing them.
 *
 * Where a pair has the same values, which is the rule, no digest is made of them: what stands in its place only says that both
 * are the same, and means nothing for other threads.
 *
 * @param targetIdOf The target's id of a source checkpoint.
 * @param added Takes the channels that only the target has.
 */
export function pairedSummaries(
  source: readonly HistoryEntry[],
  target: readonly HistoryEntry[],
  targetIdOf: (sourceId: string) => string | undefined,
  added: AddedChannels,
): { readonly source: readonly EntrySummary[]; readonly target: readonly EntrySummary[] } {
  const there = new Map<string, number>();
  for (const [index, entry] of target.entries()) there.set(entry.checkpoint.checkpoint_id, index);
  const theirs = new Array<EntrySummary | undefined>(target.length).fill(undefined);
  const ours = source.map((entry, index) => {
    const id = targetIdOf(entry.checkpoint.checkpoint_id);
    const place = id === undefined ? undefined : there.get(id);
    const other = place === undefined ? undefined : target[place];
    if (place === undefined || other === undefined) return summarizeEntry(entry);
    if (other === entry) return (theirs[place] = sharedSummary(entry, index));
    const isAlike = jsonEqual(entry.values, other.values);
    const compared = isAlike ? other : added.without(other);
    const isSame = isAlike || (compared !== other && jsonEqual(entry.values, compared.values));
    const known = {
      // Pairs with one and the same mark would be taken for copies of each other.
      values: isSame ? `same ${index}` : undefined,
      metadata: sameMetadata(entry, other) ? 'same' : undefined,
    };
    const summary = summarizeKnown(entry, known);
    const isSameTime = entry.created_at === other.created_at;
    theirs[place] = summarizeKnown(compared, isSameTime ? { ...known, time: summary.time } : known);
    if (isSame) return summary;
    const valuesDiffer = (): string =>
      valueDifferences(comparableValue(entry.values), comparableValue(compared.values));
    return { ...summary, valuesDiffer };
  });
  return { source: ours, target: target.map((entry, index) => theirs[index] ?? summarizeEntry(entry)) };
}

/** Where both sides have the same text, one summary stands for both. */
function sharedSummary(entry: HistoryEntry, index: number): EntrySummary {
  return summarizeKnown(entry, { values: `same ${index}`, metadata: 'same' });
}
