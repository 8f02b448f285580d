import { hash } from 'node:crypto';

import { namespaceOf, type HistoryEntry, type ThreadTask } from './langgraph.ts';
import { taskError } from './task-error.ts';
import { keptMetadata, summarizeKnown, valueDigest, type EntrySummary } from './langgraph-summary.ts';

/** A summary with what only an exact comparison asks for: what the tasks wrote, and the ids of tasks and questions. */
export interface ExactSummary extends EntrySummary {
  /** Name, error and result of each task. */
  readonly tasks: string;
  /** The same as a server in JavaScript shows it: without the results of tasks that asked a question, or failed. */
  readonly shown: string;
  /** How many tasks have a result that such a server keeps and does not show. */
  readonly hidden: number;
  /** The ids of tasks and questions, also those in namespaces and metadata: another runtime computes others. */
  readonly taskIds: string;
}

export function isExact(summary: EntrySummary | ExactSummary): summary is ExactSummary {
  return 'tasks' in summary;
}

/**
 * The summary of one checkpoint for an exact comparison. Ids of tasks are in `taskIds` and nowhere else.
 *
 * @see langgraph 1.4 for JavaScript, `pregel/debug`, `tasksWithWrites`: no result beside an error or an interrupt, also one that
 *   was answered. Python shows both.
 */
export function summarizeExactly(entry: HistoryEntry): ExactSummary {
  const kept = keptMetadata(entry.metadata);
  const metadata = withoutTaskIds(kept);
  const wrote = entry.tasks.map((task) => [task.name, comparableError(task), task.result ?? null]);
  const shown = entry.tasks.map((task) => [
    task.name,
    comparableError(task),
    isHidden(task) ? null : (task.result ?? null),
  ]);
  const hidden = entry.tasks.filter((task) => isHidden(task) && (task.result ?? null) !== null).length;
  const tasks = wrote.length === 0 ? '' : valueDigest(wrote);
  const ids = entry.tasks.map(({ id, interrupts = [] }) => [id, interrupts.map((question) => question.id ?? null)]);
  const summary = summarizeKnown(entry, { metadata: valueDigest(metadata) });
  const where = [namespaceOf(entry), valueDigest(kept)];
  return {
    ...summary,
    tasks,
    shown: hidden === 0 ? tasks : valueDigest(shown),
    hidden,
    taskIds: valueDigest([where, ids]),
  };
}

/** The error of a task in the form that both runtimes' can be brought to: text where it has no name of its own; null for none. */
export function comparableError({ error }: ThreadTask): unknown {
  if ((error ?? null) === null) return null;
  const found = taskError(error);
  return found['name'] === 'Error' && Object.keys(found).length === 2 ? found['message'] : found;
}

/** Whether a server in JavaScript shows no result of a task, whatever it wrote. */
export function isHidden({ error, interrupts = [] }: ThreadTask): boolean {
  return (error ?? null) !== null || interrupts.length > 0;
}

/** How many results of a thread's tasks a server in JavaScript does not show. */
export function hiddenResults(summaries: readonly ExactSummary[]): number {
  return summaries.reduce((sum, { hidden }) => sum + hidden, 0);
}

/** A thread's summaries as they are of what a server in JavaScript shows. */
export function asShown(summaries: readonly (EntrySummary | ExactSummary)[]): readonly EntrySummary[] {
  return summaries.map((summary) =>
    isExact(summary) && summary.hidden > 0 ? { ...summary, tasks: summary.shown } : summary,
  );
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
