import { namespaceOf, parentIdOf, type HistoryEntry, type ThreadRecord } from '../models/langgraph.ts';

/** A thread as a row of a table: what is known of it, and its state. */
export interface ThreadTableRow {
  readonly thread_id: string;
  readonly metadata: unknown;
  readonly values: unknown;
  readonly status: string | null;
  readonly created_at: string | null;
  readonly updated_at: string | null;
  readonly source_url: string | null;
}

/** A checkpoint as a row of a table. */
export interface CheckpointTableRow {
  readonly thread_id: string;
  readonly checkpoint_ns: string;
  readonly checkpoint_id: string;
  readonly parent_checkpoint_id: string | null;
  readonly step: number | null;
  readonly source: string | null;
  readonly next: readonly string[];
  readonly tasks: readonly unknown[];
  readonly values: unknown;
  readonly metadata: unknown;
  readonly created_at: string | null;
}

/** The row of a thread whose last checkpoint is `head`. */
export function threadToRow(
  { thread_id, thread }: ThreadRecord,
  head: HistoryEntry | undefined,
  sourceUrl: string | undefined,
): ThreadTableRow {
  return {
    thread_id,
    metadata: thread.metadata ?? {},
    values: head?.values ?? thread['values'] ?? {},
    status: thread.status ?? null,
    created_at: thread.created_at ?? null,
    updated_at: thread.updated_at ?? null,
    source_url: sourceUrl ?? null,
  };
}

/** The rows of a thread's checkpoints, in its order. */
export function threadToCheckpointRows({ thread_id, history }: ThreadRecord): CheckpointTableRow[] {
  return history.map((entry) => ({
    thread_id,
    checkpoint_ns: namespaceOf(entry),
    checkpoint_id: entry.checkpoint.checkpoint_id,
    parent_checkpoint_id: parentIdOf(entry) ?? null,
    step: entry.metadata?.step ?? null,
    source: entry.metadata?.source ?? null,
    next: entry.next,
    tasks: entry.tasks,
    values: entry.values,
    metadata: entry.metadata ?? {},
    created_at: entry.created_at ?? null,
  }));
}
