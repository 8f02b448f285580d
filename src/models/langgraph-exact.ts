import { hash } from 'node:crypto';

import { namespaceOf, type HistoryEntry } from './langgraph.ts';
import { keptMetadata, summarizeKnown, valueDigest, type EntrySummary } from './langgraph-summary.ts';

/** A summary with what only an exact comparison asks for: what the tasks wrote, and the ids of tasks and questions. */
export interface ExactSummary extends EntrySummary {
  /** Name, error and result of each task. */
  readonly tasks: string;
  /** The ids of tasks and questions, also those in namespaces and metadata: another runtime computes others. */
  readonly taskIds: string;
}

export function isExact(summary: EntrySummary | ExactSummary): summary is ExactSummary {
  return 'tasks' in summary;
}

/** The summary of one checkpoint for an exact comparison. Ids of tasks are in `taskIds` and nowhere else. */
export function summarizeExactly(entry: HistoryEntry): ExactSummary {
  const kept = keptMetadata(entry.metadata);
  const metadata = withoutTaskIds(kept);
  const wrote = entry.tasks.map(({ name, error = null, result = null }) => [name, error, result]);
  const ids = entry.tasks.map(({ id, interrupts = [] }) => [id, interrupts.map((question) => question.id ?? null)]);
  const summary = summarizeKnown(entry, { metadata: valueDigest(metadata) });
  const where = [namespaceOf(entry), valueDigest(kept)];
  return { ...summary, tasks: wrote.length === 0 ? '' : valueDigest(wrote), taskIds: valueDigest([where, ids]) };
}

/** Digest of all ids of tasks and questions of a thread. */
export function taskIdsDigest(summaries: readonly ExactSummary[]): string {
  const lines = summaries.map(({ id, taskIds }) => `${id} ${taskIds}`);
  return hash('sha256', lines.sort().join('\n'));
}

/** A value in which namespaces have no ids of tasks: `inner:1e4b…|deep:77…` is `inner|deep`. */
export function withoutTaskIds(value: unknown): unknown {
  const text = JSON.stringify(value);
  const shorter = text.replaceAll(/:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=[|"])/g, '');
  return shorter === text ? value : JSON.parse(shorter);
}
