import { EtlError } from '../errors.ts';
import { isoOfMicroseconds } from './thread-to-conversation-time.ts';
import { checkpointIdOf } from './conversation-to-thread-ids.ts';
import {
  asHistoryEntry,
  headOf,
  namespaceOf,
  THREAD_SCHEMA,
  type HistoryEntry,
  type ThreadOrigin,
  type ThreadRow,
} from '../models/langgraph.ts';
import type { RawThread, ThreadWithRaw } from '../models/langgraph-raw.ts';

/**
 * A thread in a `threads_backup.json`: the history newest first, the thread itself only.
 *
 * The members from `thread` on are ours: other tools pass them over, and with them nothing is lost.
 *
 * @see langgraph-threads-migration, `ThreadData`
 */
export interface BackupThread {
  readonly thread_id: string;
  readonly metadata: unknown;
  readonly values: unknown;
  readonly history: readonly HistoryEntry[];
  readonly created_at: string | null;
  readonly updated_at: string | null;
  readonly thread: ThreadRow;
  readonly origin: ThreadOrigin;
  /** Checkpoints of subgraphs, oldest first. */
  readonly subgraphs: readonly HistoryEntry[];
  readonly limited?: true;
  /** What the checkpointer holds, where that is known. */
  readonly raw?: RawThread;
}

/** A whole thread as an element of a `threads_backup.json`. */
export function threadToBackup(record: ThreadWithRaw): BackupThread {
  const { thread_id, thread, origin, history, limited, raw } = record;
  return {
    thread_id,
    metadata: thread.metadata ?? {},
    values: headOf(record)?.values ?? {},
    history: history.filter((entry) => namespaceOf(entry) === '').reverse(),
    created_at: thread.created_at ?? null,
    updated_at: thread.updated_at ?? null,
    thread,
    origin,
    subgraphs: history.filter((entry) => namespaceOf(entry) !== ''),
    ...(limited === undefined ? {} : { limited }),
    ...(raw === undefined ? {} : { raw }),
  };
}

/**
 * An element of a `threads_backup.json` as a thread, whichever tool wrote it.
 *
 * Where a tool kept the values and no history (servers that keep it for a day have none), the last state becomes the one
 * checkpoint there is, and the thread is `limited`.
 *
 * @throws {EtlError} `ETL_RECORD_INVALID` for anything that is no thread, or has entries without a checkpoint id.
 */
export function backupToThread(value: unknown): ThreadWithRaw {
  if (!isFields(value) || typeof value['thread_id'] !== 'string' || value['thread_id'] === '')
    throw new EtlError('ETL_RECORD_INVALID', 'expected a thread with its "thread_id"');
  const { thread_id, metadata, values, created_at, updated_at, thread, origin, limited, raw } = value;
  const entries = [...list(value['history']), ...list(value['subgraphs'])].map(asHistoryEntry);
  const row = isFields(thread)
    ? thread
    : {
        thread_id,
        ...(typeof created_at === 'string' ? { created_at } : {}),
        ...(typeof updated_at === 'string' ? { updated_at } : {}),
        metadata: metadata ?? {},
      };
  const isStateOnly = hasState(values) && !entries.some((entry) => namespaceOf(entry) === '');
  if (isStateOnly) entries.push(lastState(thread_id, values, updated_at ?? created_at));
  return {
    schema: THREAD_SCHEMA,
    thread_id,
    // Checked above, or made here.
    thread: row as ThreadRow,
    origin: isFields(origin) && typeof origin['runtime'] === 'string' ? (origin as unknown as ThreadOrigin) : unknown,
    history: oldestFirst(entries),
    ...(limited === true || isStateOnly ? { limited: true } : {}),
    // Written by us: whoever reads it looks at what it needs (`rawOf`).
    ...(isFields(raw) ? { raw: raw as unknown as RawThread } : {}),
  };
}

/** Whether an element has its last state and no history: all that can be restored of it is that. */
export function isWithoutHistory(value: unknown): boolean {
  return isFields(value) && hasState(value['values']) && list(value['history']).length === 0;
}

/** How many checkpoints an element has: what is summed up as `total_checkpoints`. */
export function historyLength(value: unknown): number {
  return isFields(value) ? list(value['history']).length : 0;
}

function hasState(values: unknown): boolean {
  return isFields(values) && Object.keys(values).length > 0;
}

/** A checkpoint for a state of which nothing else is known, always the same one. Its id sorts before all that come later. */
function lastState(threadId: string, values: unknown, time: unknown): HistoryEntry {
  const milliseconds = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  const micros = Number.isNaN(milliseconds) ? 0 : Math.max(0, milliseconds * 1000);
  const step = 0;
  const checkpoint_id = checkpointIdOf(threadId, micros, step);
  return {
    values,
    next: [],
    tasks: [],
    metadata: { source: 'update', step, parents: {} },
    created_at: isoOfMicroseconds(micros) ?? null,
    checkpoint: { thread_id: threadId, checkpoint_ns: '', checkpoint_id },
    parent_checkpoint: null,
  };
}

const unknown: ThreadOrigin = { runtime: 'unknown' };

/** The thread itself before its subgraphs, each namespace oldest first. Ids of checkpoints tell which end that is. */
function oldestFirst(entries: readonly HistoryEntry[]): HistoryEntry[] {
  const namespaces = new Map<string, HistoryEntry[]>([['', []]]);
  for (const entry of entries) {
    const known = namespaces.get(namespaceOf(entry));
    if (known === undefined) namespaces.set(namespaceOf(entry), [entry]);
    else known.push(entry);
  }
  return [...namespaces.values()].flatMap((list) => {
    const first = list[0]?.checkpoint.checkpoint_id ?? '';
    const last = list.at(-1)?.checkpoint.checkpoint_id ?? '';
    return first > last ? list.reverse() : list;
  });
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
