import { isExact, type ExactSummary } from './langgraph-exact.ts';
import { pairedIds, pairUp, targetRanks } from './langgraph-pairs.ts';
import type { EntrySummary } from './langgraph-summary.ts';

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
 * order; `idMap` (source id → target id) tells the pairs when the one who restored them knows. One summary may stand for a
 * checkpoint on both sides.
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
  const paired = pairedIds(source, pairs);
  // Among those that both have: one too many, or missing, is counted as such, and moves no others.
  const ranks = targetRanks(target, pairs);
  const sourceRanks = new Map<string, number>();
  let pairCount = 0;
  let identical = 0;
  const subgraphs = { source: 0, target: 0, paired: 0 };
  const aspects = source.some(isExact) ? exactAspects : fidelityAspects;
  const matched = noneMatched(aspects);
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
  for (const [index, from] of source.entries()) {
    const to = pairs[index];
    const isInSubgraph = from.ns !== '';
    if (isInSubgraph) subgraphs.source += 1;
    if (to === undefined) {
      differ('missing', from);
      continue;
    }
    pairCount += 1;
    if (isInSubgraph) subgraphs.paired += 1;
    const rank = sourceRanks.get(from.ns) ?? 0;
    sourceRanks.set(from.ns, rank + 1);
    const check = (aspect: ExactAspect, expected: unknown, received: unknown): void => {
      if (expected === received) matched[aspect] += 1;
      else differ(aspect, from, to.id, () => `${text(expected)} here, ${text(received)} there`);
    };
    const checkPlace = (): void => {
      check('parents', from.parentId === null ? null : (paired.get(from.parentId) ?? from.parentId), to.parentId);
      check('order', rank, ranks.get(to));
    };
    if (from === to && !isExact(from)) {
      identical += 1;
      checkPlace();
      continue;
    }
    if (from.values === to.values) matched.values += 1;
    else
      differ('values', from, to.id, from.valuesDiffer ?? (() => `${text(from.values)} here, ${text(to.values)} there`));
    check('next', from.next, to.next);
    checkPlace();
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
  for (const aspect of fidelityAspects) if (aspect !== 'parents' && aspect !== 'order') matched[aspect] += identical;
  for (const to of target) {
    if (to.ns !== '') subgraphs.target += 1;
    if (!ranks.has(to)) differ('extra', to);
  }
  return {
    thread_id: threadId,
    checkpoints: { source: source.length, target: target.length, paired: pairCount },
    subgraphs,
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

/** What comes of comparing a thread with one that is the same throughout; of its checkpoints, their namespaces are asked for. */
export function sameThread(threadId: string, namespaces: readonly string[]): ThreadFidelity {
  const { length } = namespaces;
  const below = namespaces.filter((namespace) => namespace !== '').length;
  const matched = noneMatched(fidelityAspects);
  for (const aspect of fidelityAspects) matched[aspect] = length;
  return {
    thread_id: threadId,
    checkpoints: { source: length, target: length, paired: length },
    subgraphs: { source: below, target: below, paired: below },
    matched,
    differences: [],
  };
}

function noneMatched(aspects: readonly ExactAspect[]): Record<ExactAspect, number> {
  const matched: Partial<Record<ExactAspect, number>> = {};
  for (const aspect of aspects) matched[aspect] = 0;
  // Aspects that are not compared are not asked for.
  return matched as Record<ExactAspect, number>;
}

function timeText(time: number | null): string {
  return time === null ? 'nothing' : new Date(time).toISOString();
}

function text(value: unknown): string {
  return value === null || value === undefined || value === '' ? 'nothing' : JSON.stringify(value);
}
