import { EtlError } from '../errors.ts';

/** The version of the record below. A change that old readers would misread gets the next number. */
export const THREAD_SCHEMA = 'threadmill/langgraph-thread@1';

/** In a bundle of threads: the records, one a line; what each is, one line a thread; and what proves it whole, written last. */
export const THREADS_FILE = 'threads.jsonl';
export const THREAD_INDEX_FILE = 'index.jsonl';
export const THREAD_BUNDLE_SCHEMA = 'threadmill/langgraph-bundle@1';

type Fields = Readonly<Record<string, unknown>>;

/**
 * One LangGraph thread: the thread's row and every checkpoint of its history, each exactly as the server gave it.
 *
 * `history` begins with the checkpoints of the thread itself (namespace `''`), then those of each subgraph namespace, every
 * namespace oldest first: a checkpoint comes after its parent. A thread too large for one record is given as several, one
 * after the other, that differ in `part` and in their piece of `history`; read them with `joinThreadParts` or one by one.
 */
export interface ThreadRecord {
  readonly schema: typeof THREAD_SCHEMA;
  readonly thread_id: string;
  /** The row of the thread: metadata, status, times. Without `values`: these are the last checkpoint's. */
  readonly thread: ThreadRow;
  readonly origin: ThreadOrigin;
  readonly history: readonly HistoryEntry[];
  /** Absent: the whole thread is in this record. */
  readonly part?: ThreadPart;
  /** True when older checkpoints were left out (`historyLimit`). */
  readonly limited?: true;
}

/** `number` counts from 1. */
export interface ThreadPart {
  readonly number: number;
  readonly isLast: boolean;
}

/** What kind of server a record is from: the two write some things differently. */
export interface ThreadOrigin {
  readonly runtime: Runtime;
  readonly version?: string;
}

export type Runtime = 'js' | 'python' | 'unknown';

/** The row of a thread as `GET /threads/{id}` gives it. */
export interface ThreadRow extends Fields {
  readonly thread_id: string;
  readonly created_at?: string;
  readonly updated_at?: string;
  readonly metadata?: Fields | null;
  readonly status?: string;
}

/** One checkpoint as `/threads/{id}/history` gives it. */
export interface HistoryEntry extends Fields {
  /** The channels: an object, but for graphs whose whole state is one value. */
  readonly values: unknown;
  /** The nodes that would run next. */
  readonly next: readonly string[];
  readonly tasks: readonly ThreadTask[];
  readonly metadata?: (Fields & { readonly source?: string; readonly step?: number }) | null;
  readonly created_at?: string | null;
  readonly checkpoint: CheckpointRef;
  readonly parent_checkpoint?: CheckpointRef | null;
}

export interface CheckpointRef extends Fields {
  readonly checkpoint_id: string;
  readonly checkpoint_ns?: string | null;
}

/** A node that ran, or waits to run, after a checkpoint. */
export interface ThreadTask extends Fields {
  readonly id: string;
  readonly name: string;
  readonly path?: readonly unknown[];
  readonly error?: unknown;
  readonly interrupts?: readonly ThreadInterrupt[];
  /** Where the checkpoints of the subgraph are that runs in this node. */
  readonly checkpoint?: Partial<CheckpointRef> | null;
  /** What the node wrote, by channel. */
  readonly result?: Fields | null;
}

/** A question that a node waits for the answer to. */
export interface ThreadInterrupt extends Fields {
  readonly id?: string;
  readonly value?: unknown;
}

/** The namespace of a checkpoint: `''` for the thread itself, `node:task id` for a subgraph, joined by `|` when nested. */
export function namespaceOf(entry: HistoryEntry): string {
  return entry.checkpoint.checkpoint_ns ?? '';
}

/** The id of the checkpoint that this one came after. */
export function parentIdOf(entry: HistoryEntry): string | undefined {
  return entry.parent_checkpoint?.checkpoint_id;
}

/** The channels of a checkpoint; none when its state is not an object. */
export function channelsOf({ values }: HistoryEntry): Readonly<Record<string, unknown>> {
  return isFields(values) ? values : {};
}

/** The checkpoints of each namespace, oldest first, in the order of the record. */
export function byNamespace(history: readonly HistoryEntry[]): ReadonlyMap<string, readonly HistoryEntry[]> {
  const found = new Map<string, HistoryEntry[]>();
  for (const entry of history) {
    const known = found.get(namespaceOf(entry));
    if (known === undefined) found.set(namespaceOf(entry), [entry]);
    else known.push(entry);
  }
  return found;
}

/** The last checkpoint of the thread itself: its state. In a thread of several parts, of the parts that hold it. */
export function headOf({ history }: ThreadRecord): HistoryEntry | undefined {
  return history.findLast((entry) => namespaceOf(entry) === '');
}

/** What the thread waits for an answer to, of its last checkpoint. */
export function pendingInterrupts(record: ThreadRecord): readonly ThreadInterrupt[] {
  return headOf(record)?.tasks.flatMap(({ interrupts }) => interrupts ?? []) ?? [];
}

/** Parts of one thread, in order, as one record. */
export function joinThreadParts(parts: readonly ThreadRecord[]): ThreadRecord {
  const [first] = parts;
  if (first === undefined) throw new EtlError('ETL_RECORD_INVALID', 'there are no parts to join');
  const { part: _, ...whole } = first;
  return { ...whole, history: parts.flatMap(({ history }) => history) };
}

/** True for a record that says it is a thread of this version and has what stages rely on. */
export function isThreadRecord(record: unknown): record is ThreadRecord {
  if (!isFields(record) || record['schema'] !== THREAD_SCHEMA) return false;
  const { thread_id, thread, origin, history } = record;
  if (typeof thread_id !== 'string' || !isFields(thread) || !isFields(origin)) return false;
  return Array.isArray(history) && history.every((entry) => problemOf(entry) === undefined);
}

/**
 * The record as a thread.
 *
 * @throws {EtlError} `ETL_RECORD_INVALID` for anything else, and for a history entry without what a checkpoint is made of.
 */
export function asThreadRecord(record: unknown): ThreadRecord {
  if (isThreadRecord(record)) return record;
  const fields = isFields(record) ? record : {};
  const { schema, history, thread_id } = fields;
  if (schema !== THREAD_SCHEMA) {
    const found = schema === undefined ? typeof record : `schema ${JSON.stringify(schema)}`;
    throw new EtlError('ETL_RECORD_INVALID', `expected a thread (schema "${THREAD_SCHEMA}"), received ${found}`, {
      hint: 'Read threads with the `langgraph` or the `threads-backup` source.',
    });
  }
  const where = typeof thread_id === 'string' ? { where: { record: thread_id } } : {};
  if (!Array.isArray(history)) throw new EtlError('ETL_RECORD_INVALID', 'the thread has no "history"', where);
  const index = history.findIndex((entry) => problemOf(entry) !== undefined);
  const what =
    index < 0 ? 'lacks its id, row or origin' : `history entry ${index + 1} ${problemOf(history[index]) ?? ''}`;
  throw new EtlError('ETL_RECORD_INVALID', `the thread's ${what}`, where);
}

/**
 * An entry of a history as any server or older tool gives it: what may be absent is filled in, everything else stays.
 *
 * @throws {EtlError} `ETL_RECORD_INVALID` when there is no checkpoint id.
 */
export function asHistoryEntry(value: unknown): HistoryEntry {
  if (!isFields(value))
    throw new EtlError('ETL_RECORD_INVALID', `a history entry is not an object but ${typeof value}`);
  const checkpoint = withId(value['checkpoint'], value['checkpoint_id']);
  if (checkpoint === undefined) throw new EtlError('ETL_RECORD_INVALID', 'a history entry has no checkpoint id');
  const parent = withId(value['parent_checkpoint'], value['parent_checkpoint_id']);
  return {
    ...value,
    values: value['values'] ?? {},
    next: list(value['next']).map(String),
    tasks: list(value['tasks']).flatMap((task) => (isFields(task) ? [asTask(task)] : [])),
    checkpoint,
    ...(parent === undefined ? {} : { parent_checkpoint: parent }),
  };
}

function asTask(task: Fields): ThreadTask {
  const id = typeof task['id'] === 'string' ? task['id'] : '';
  const interrupts = list(task['interrupts']).filter(isFields);
  return { ...task, id, name: typeof task['name'] === 'string' ? task['name'] : '', interrupts };
}

function withId(checkpoint: unknown, id: unknown): CheckpointRef | undefined {
  const fields = isFields(checkpoint) ? checkpoint : {};
  const found = typeof fields['checkpoint_id'] === 'string' ? fields['checkpoint_id'] : id;
  return typeof found === 'string' ? { ...fields, checkpoint_id: found } : undefined;
}

/** What is wrong with an entry for those who rely on its type. */
function problemOf(entry: unknown): string | undefined {
  if (!isFields(entry)) return 'is not an object';
  const { checkpoint, next, tasks } = entry;
  if (!isFields(checkpoint) || typeof checkpoint['checkpoint_id'] !== 'string') return 'has no checkpoint id';
  if (!Array.isArray(next)) return 'has no "next"';
  return Array.isArray(tasks) ? undefined : 'has no "tasks"';
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
