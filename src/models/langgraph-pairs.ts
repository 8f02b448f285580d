import { namespacePath, type EntrySummary } from './langgraph-summary.ts';

/**
 * The target's checkpoint for each of the source's: by its id, or the one that `idMap` says (source id → target id). Where no
 * id is the same and none is said, each namespace is paired in its order.
 */
export function pairUp(
  source: readonly EntrySummary[],
  target: readonly EntrySummary[],
  idMap: ReadonlyMap<string, string> | undefined,
): readonly (EntrySummary | undefined)[] {
  const byId = new Map<string, EntrySummary>();
  for (const summary of target) byId.set(summary.id, summary);
  if (idMap !== undefined || source.some(({ id }) => byId.has(id)))
    return source.map(({ id }) => byId.get(idMap?.get(id) ?? id));
  const rows = inOrder(target);
  const pairs = new Map<EntrySummary, EntrySummary | undefined>();
  for (const [path, entries] of inOrder(source))
    for (const [index, from] of entries.entries()) pairs.set(from, rows.get(path)?.[index]);
  return source.map((from) => pairs.get(from));
}

/** The target's ids of the source's checkpoints, where they are others. */
export function pairedIds(
  source: readonly EntrySummary[],
  pairs: readonly (EntrySummary | undefined)[],
): ReadonlyMap<string, string> {
  const ids = new Map<string, string>();
  for (const [index, to] of pairs.entries()) {
    const id = source[index]?.id;
    if (to !== undefined && id !== undefined && (id !== to.id || ids.size > 0)) ids.set(id, to.id);
  }
  return ids;
}

/** Checkpoints by the path of their namespace; of several calls of one subgraph, in the order of their calls. */
function inOrder(summaries: readonly EntrySummary[]): Map<string, EntrySummary[]> {
  const found = new Map<string, EntrySummary[]>();
  for (const summary of summaries) {
    const path = namespacePath(summary.ns);
    const known = found.get(path);
    if (known === undefined) found.set(path, [summary]);
    else known.push(summary);
  }
  return found;
}

/** The place of each paired checkpoint of the target in its namespace, among those that are paired. */
export function targetRanks(
  target: readonly EntrySummary[],
  pairs: readonly (EntrySummary | undefined)[],
): ReadonlyMap<EntrySummary, number> {
  const known = new Set(pairs);
  const ranks = new Map<EntrySummary, number>();
  const counts = new Map<string, number>();
  for (const summary of target) {
    if (!known.has(summary)) continue;
    const rank = counts.get(summary.ns) ?? 0;
    counts.set(summary.ns, rank + 1);
    ranks.set(summary, rank);
  }
  return ranks;
}
