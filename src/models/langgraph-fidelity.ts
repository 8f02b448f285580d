import { isExact, type ExactSummary } from './langgraph-exact.ts';
import { namespacePath, type EntrySummary } from './langgraph-summary.ts';

/** What is compared of each checkpoint. */
export const fidelityAspects = [
  'values',
  'next',
  'parents',
  'order',
  'source',
  'step',
  'ids',
  'times',
  'metadata',
  'interrupts',
] as const;
export type FidelityAspect = (typeof fidelityAspects)[number];

/** What is compared of exact summaries. */
export const exactAspects = [...fidelityAspects, 'tasks', 'task ids'] as const;
export type ExactAspect = (typeof exactAspects)[number];

/** How much of a thread's history is the same on the other side. */
export interface ThreadFidelity {
  readonly thread_id: string;
  readonly checkpoints: { readonly source: number; readonly target: number; readonly paired: number };
  /** Checkpoints in subgraph namespaces, which are counted above too. */
  readonly subgraphs: { readonly source: number; readonly target: number; readonly paired: number };
  /** Of the paired checkpoints, how many are the same in each aspect. */
  readonly matched: Readonly<Record<FidelityAspect, number>> & Readonly<Partial<Record<ExactAspect, number>>>;
  /** What differs, the first of them only when there are many. */
  readonly differences: readonly FidelityDifference[];
}

export interface FidelityDifference {
  readonly kind: 'missing' | 'extra' | ExactAspect;
  readonly ns: string;
  /** The source's checkpoint, or the target's when it is an extra one. */
  readonly id: string;
  /** The target's, where it has another id. */
  readonly targetId?: string;
  readonly step: number | null;
  readonly detail?: string;
}

/** Aspects that every way of restoring keeps: a thread that differs in one of these is not the same thread. */
export const contentAspects: readonly FidelityAspect[] = ['values', 'next', 'parents', 'order', 'interrupts'];

/**
 * Compares the checkpoints of one thread on two servers, oldest first in each namespace.
 *
 * Where the target has the source's checkpoint ids, checkpoints are paired by them. Else each namespace is paired in its
 * order; `idMap` (source id → target id) tells the pairs when the one who restored them knows.
 */
export function compareThread(
  threadId: string,
  source: readonly (EntrySummary | ExactSummary)[],
  target: readonly (EntrySummary | ExactSummary)[],
  {
    idMap,
    maxDifferences = 20,
  }: { readonly idMap?: ReadonlyMap<string, string>; readonly maxDifferences?: number } = {},
): ThreadFidelity {
  const pairs = pairUp(source, target, idMap);
  const paired = new Map([...pairs].map(([from, to]) => [from.id, to.id]));
  // Among those that both have: one too many, or missing, is counted as such, and moves no others.
  const known = new Set(pairs.values());
  const rank = ranks(target.filter((summary) => known.has(summary)));
  const sourceRank = ranks(source.filter((summary) => pairs.has(summary)));
  const aspects = source.some(isExact) ? exactAspects : fidelityAspects;
  const matched = Object.fromEntries(aspects.map((aspect) => [aspect, 0])) as Record<ExactAspect, number>;
  const differences: FidelityDifference[] = [];
  const differ = (
    kind: FidelityDifference['kind'],
    { ns, id, step }: EntrySummary,
    targetId = id,
    detail?: () => string,
  ): void => {
    if (differences.length >= maxDifferences) return;
    const pair = targetId === id ? { id } : { id, targetId };
    differences.push({ kind, ns, ...pair, step, ...(detail === undefined ? {} : { detail: detail() }) });
  };
  for (const from of source) {
    const to = pairs.get(from);
    if (to === undefined) {
      differ('missing', from);
      continue;
    }
    const check = (aspect: ExactAspect, expected: unknown, received: unknown): void => {
      if (expected === received) matched[aspect] += 1;
      else differ(aspect, from, to.id, () => `${text(expected)} here, ${text(received)} there`);
    };
    if (from.values === to.values) matched.values += 1;
    else
      differ('values', from, to.id, from.valuesDiffer ?? (() => `${text(from.values)} here, ${text(to.values)} there`));
    check('next', from.next, to.next);
    check('parents', from.parentId === null ? null : (paired.get(from.parentId) ?? from.parentId), to.parentId);
    check('order', sourceRank.get(from), rank.get(to));
    check('source', from.source, to.source);
    check('step', from.step, to.step);
    check('ids', from.id, to.id);
    if (from.time === to.time) matched.times += 1;
    else differ('times', from, to.id, () => `${timeText(from.time)} here, ${timeText(to.time)} there`);
    check('metadata', from.metadata, to.metadata);
    check('interrupts', from.interrupts, to.interrupts);
    if (!isExact(from) || !isExact(to)) continue;
    check('tasks', from.tasks, to.tasks);
    check('task ids', from.taskIds, to.taskIds);
  }
  for (const to of target) if (!known.has(to)) differ('extra', to);
  const inSubgraph = ({ ns }: EntrySummary): boolean => ns !== '';
  return {
    thread_id: threadId,
    checkpoints: { source: source.length, target: target.length, paired: pairs.size },
    subgraphs: {
      source: source.filter(inSubgraph).length,
      target: target.filter(inSubgraph).length,
      paired: [...pairs.keys()].filter(inSubgraph).length,
    },
    matched,
    differences,
  };
}

/** True when nothing is missing, nothing is too many, and all checkpoints are the same in these aspects. */
export function isFaithful(
  { checkpoints, matched }: ThreadFidelity,
  aspects: readonly ExactAspect[] = contentAspects,
): boolean {
  const { source, target, paired } = checkpoints;
  return source === paired && target === paired && aspects.every((aspect) => matched[aspect] === paired);
}

function pairUp(
  source: readonly EntrySummary[],
  target: readonly EntrySummary[],
  idMap: ReadonlyMap<string, string> | undefined,
): Map<EntrySummary, EntrySummary> {
  const byId = new Map(target.map((summary) => [summary.id, summary]));
  const pairs = new Map<EntrySummary, EntrySummary>();
  if (idMap !== undefined || source.some(({ id }) => byId.has(id))) {
    for (const from of source) {
      const to = byId.get(idMap?.get(from.id) ?? from.id);
      if (to !== undefined) pairs.set(from, to);
    }
    return pairs;
  }
  const rows = inOrder(target);
  for (const [path, entries] of inOrder(source)) {
    const others = rows.get(path) ?? [];
    for (const [index, from] of entries.entries()) {
      const to = others[index];
      if (to !== undefined) pairs.set(from, to);
    }
  }
  return pairs;
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

/** The place of each of these checkpoints in its namespace. */
function ranks(summaries: readonly EntrySummary[]): Map<EntrySummary, number> {
  const counts = new Map<string, number>();
  return new Map(
    summaries.map((summary) => {
      const rank = counts.get(summary.ns) ?? 0;
      counts.set(summary.ns, rank + 1);
      return [summary, rank];
    }),
  );
}

function timeText(time: number | null): string {
  return time === null ? 'nothing' : new Date(time).toISOString();
}

function text(value: unknown): string {
  return value === null || value === undefined || value === '' ? 'nothing' : JSON.stringify(value);
}
