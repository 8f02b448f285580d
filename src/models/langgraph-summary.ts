import { hash } from 'node:crypto';

import { canonicalJson } from '../canonical-json.ts';
import { jsonEqual } from '../json-equal.ts';
import { canonicalDigest } from './canonical-digest.ts';
import { namespaceOf, parentIdOf, type HistoryEntry } from './langgraph.ts';

/**
 * What two checkpoints are compared by, small enough to keep for every checkpoint of a long thread.
 *
 * Digests are of canonical JSON, and of what survives a way from one server to another: the forms in which the servers write
 * one and the same message, time or metadata are made alike first (see {@link comparableValue}).
 */
export interface EntrySummary {
  readonly ns: string;
  readonly id: string;
  readonly parentId: string | null;
  readonly values: string;
  readonly next: string;
  readonly source: string;
  readonly step: number | null;
  /** Milliseconds since 1970. */
  readonly time: number | null;
  readonly metadata: string;
  /** The questions of each task, by the task's name. */
  readonly interrupts: string;
  /** Where its values differ from those of the checkpoint it is compared with, when whoever made the summary knows that one. */
  readonly valuesDiffer?: () => string;
}

/**
 * Stamped by a server on what it stores and dropped or made anew by the next one. `thread_id` and the graph are the thread's.
 *
 * @see langgraph-api 0.16 strips the request's and the user's keys on put
 */
const stamped = new Set([
  'langgraph_request_id',
  'langgraph_auth_user_id',
  'langgraph_auth_user',
  'langgraph_auth_permissions',
  'thread_id',
]);

/** What of a summary is known: what stands in the place of digests, where somebody knows what is compared with it. */
export interface KnownSummary {
  readonly values?: string | undefined;
  readonly metadata?: string | undefined;
  /** Milliseconds since 1970, or null for none. */
  readonly time?: number | null | undefined;
}

/** The summary of one checkpoint. */
export function summarizeEntry(entry: HistoryEntry): EntrySummary {
  return summarizeKnown(entry, {});
}

/** The same, with less work where digests are known. */
export function summarizeKnown(entry: HistoryEntry, known: KnownSummary): EntrySummary {
  const { values, next, tasks, metadata, checkpoint } = entry;
  return {
    ns: namespaceOf(entry),
    id: checkpoint.checkpoint_id,
    parentId: parentIdOf(entry) ?? null,
    values: known.values ?? valueDigest(values),
    next: next.length === 0 ? '[]' : JSON.stringify(next),
    source: metadata?.source ?? '',
    step: metadata?.step ?? null,
    time: known.time === undefined ? timeOf(entry) : known.time,
    metadata: known.metadata ?? valueDigest(keptMetadata(metadata)),
    interrupts: tasks.length === 0 ? '' : questionsDigest(tasks),
  };
}

function timeOf({ created_at }: HistoryEntry): number | null {
  const time = Date.parse(created_at ?? '');
  return Number.isNaN(time) ? null : time;
}

function questionsDigest(tasks: HistoryEntry['tasks']): string {
  const asked = tasks.flatMap(({ name, interrupts = [] }) =>
    interrupts.length === 0 ? [] : [[name, interrupts.map(({ value }) => value ?? null)]],
  );
  return asked.length === 0 ? '' : valueDigest(asked);
}

/** Whether two checkpoints have the same metadata, as it stands: what is the same in other words has the same digest. */
export function sameMetadata(a: HistoryEntry, b: HistoryEntry): boolean {
  return jsonEqual(a.metadata, b.metadata) || jsonEqual(keptMetadata(a.metadata), keptMetadata(b.metadata));
}

/** The metadata of a checkpoint but for what servers stamp on it. */
export function keptMetadata(metadata: HistoryEntry['metadata']): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(metadata ?? {}).filter(([name]) => !stamped.has(name)));
}

/**
 * Digest of one checkpoint: SHA-256, hex. `content` is what every way of restoring can keep: values, next nodes and
 * questions. `exact` adds id, parent, time, step, source and metadata.
 */
export function entryDigest(entry: HistoryEntry, level: 'content' | 'exact' = 'content'): string {
  return summaryDigest(summarizeEntry(entry), level);
}

/** The same of a summary. */
function summaryDigest(summary: EntrySummary, level: 'content' | 'exact' = 'content'): string {
  const { values, next, interrupts, ns, id, parentId, source, step, time, metadata } = summary;
  const content = { values, next, interrupts, ns: namespacePath(ns) };
  // Of an exact summary (`summarizeExactly`).
  const tasks = 'tasks' in summary ? summary.tasks : '';
  const all = { ...content, id, parentId, source, step, time, metadata, tasks };
  return hash('sha256', canonicalJson(level === 'content' ? content : all));
}

/**
 * Digest of a thread: of its checkpoints', oldest first in each namespace. It also tells after which checkpoint each one came,
 * by its place, and takes the calls of a subgraph in any order. Ids of tasks in namespaces do not count.
 */
export function threadDigest(summaries: readonly EntrySummary[], level: 'content' | 'exact' = 'content'): string {
  const namespaces = new Map<string, { readonly places: Map<string, number>; readonly lines: string[] }>();
  for (const summary of summaries) {
    const known = namespaces.get(summary.ns) ?? { places: new Map<string, number>(), lines: [] };
    namespaces.set(summary.ns, known);
    const parent = summary.parentId === null ? '' : (known.places.get(summary.parentId) ?? '?');
    known.places.set(summary.id, known.lines.length);
    known.lines.push(`${summaryDigest(summary, level)} ${parent}`);
  }
  const digests = Array.from(
    namespaces,
    ([ns, { lines }]) => `${namespacePath(ns)} ${hash('sha256', lines.join('\n'))}`,
  );
  return hash('sha256', digests.sort().join('\n'));
}

/** A namespace without the ids of tasks, which another server computes anew: `inner:1e4b…|deep:77…` is `inner|deep`. */
export function namespacePath(ns: string): string {
  return ns
    .split('|')
    .map((level) => level.split(':', 1)[0] ?? '')
    .join('|');
}

/** Fields of a message that one server writes empty and another leaves out. */
const optionalOfMessages = new Set([
  'name',
  'example',
  'additional_kwargs',
  'response_metadata',
  'tool_calls',
  'invalid_tool_calls',
  'usage_metadata',
  'tool_call_chunks',
  'artifact',
]);

/** A value with messages in one form: what is optional in them and empty is left out. */
export function comparableValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparableValue);
  if (typeof value !== 'object' || value === null) return value;
  const fields = value as Readonly<Record<string, unknown>>;
  const isMessage = typeof fields['type'] === 'string' && 'content' in fields;
  const isRemoval = isMessage && fields['type'] === 'remove';
  const kept: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    if (isMessage && optionalOfMessages.has(name) && isEmpty(fields[name])) continue;
    // Nothing is said by what takes a message away: `""` in Python, `[]` in JavaScript.
    if (isRemoval && name === 'content' && (fields[name] === '' || isEmpty(fields[name]))) continue;
    kept[name] = comparableValue(fields[name]);
  }
  return kept;
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** Digest of a value, with its messages in one form. */
export function valueDigest(value: unknown): string {
  return canonicalDigest(comparableValue(value)).slice(0, 32);
}
