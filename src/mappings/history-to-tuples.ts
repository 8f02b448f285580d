import { hash } from 'node:crypto';

import type { GraphShape } from './history-to-supersteps.ts';
import { interruptId, placeOf, sendIndexOf, taskId, Triggers } from './task-ids.ts';
import { taskWrites, type TaskWrite } from './task-writes.ts';
import {
  channelsOf,
  namespaceOf,
  parentIdOf,
  type HistoryEntry,
  type Runtime,
  type ThreadTask,
} from '../models/langgraph.ts';
import { roughJsonLength } from '../json-equal.ts';
import { canonicalDigest } from '../models/canonical-digest.ts';
import { isHidden } from '../models/langgraph-exact.ts';

/** A checkpoint as checkpointers store it, with values as the API gives them: messages are objects with a `type`. */
export interface CheckpointTuple {
  readonly ns: string;
  readonly id: string;
  readonly parent: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly checkpoint: {
    readonly v: 4;
    readonly id: string;
    readonly ts: string;
    readonly channel_values: Readonly<Record<string, unknown>>;
    readonly channel_versions: Readonly<Record<string, Version>>;
    readonly versions_seen: Readonly<Record<string, Readonly<Record<string, Version>>>>;
    /** Python only. */
    readonly updated_channels?: null;
  };
  /** The channels that are other ones than in the parent: the only ones to store. */
  readonly new_versions: Readonly<Record<string, Version>>;
  readonly writes: readonly TaskWrite[];
}

/** A number in JavaScript, text in Python; greater means later. */
export type Version = number | string;

export interface TupleOptions {
  readonly from: Runtime;
  readonly to: Runtime;
  /** The graph on the target: which nodes lead to which. */
  readonly graph: GraphShape;
}

/** What later checkpoints need of an earlier one. */
interface Known {
  readonly digests: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, Version>>;
  readonly seen: Readonly<Record<string, Readonly<Record<string, Version>>>>;
  /** The channels that were to trigger nodes, by node. */
  readonly triggers: ReadonlyMap<string, string>;
}

/**
 * Makes what a checkpointer stores out of what the API tells, one checkpoint after the other, parents first.
 *
 * A channel's version changes where its value differs from the parent's, and is never the same in two branches. Which nodes
 * come next lies in channels that trigger them. Between runtimes, ids of tasks and questions are computed anew, and put in
 * the place of the old ones wherever these stand. Memory: digests and versions of each checkpoint, no values.
 *
 * What is not in the API cannot be made: the input of a Send that still waits (`pendingSends` counts them), and which of
 * several nodes a join has heard from already. `hiddenResults` counts what is made and not seen on the target.
 */
export class TupleMaker {
  readonly #options: TupleOptions;
  readonly #known = new Map<string, Known>();
  readonly #triggers: Triggers;
  readonly #renamed = new Map<string, string>();
  #count = 0;
  /** Sends that wait in a checkpoint: those of the last one are lost. */
  pendingSends = 0;
  /** Results that are written, and that a target in JavaScript does not show: of tasks that asked a question, or failed. */
  hiddenResults = 0;

  constructor(options: TupleOptions) {
    this.#options = options;
    const { edges } = options.graph;
    this.#triggers = new Triggers(options.from, (node) =>
      edges.filter(({ target }) => target === node).map(({ source }) => source),
    );
  }

  /** Whether ids of tasks and questions are other ones on the target. */
  get renames(): boolean {
    const { from, to } = this.#options;
    return from !== to && from !== 'unknown' && to !== 'unknown';
  }

  /** An entry as it will be on the target: with the ids that tasks and questions have there. */
  translated(given: HistoryEntry): HistoryEntry {
    this.#rename(given);
    return this.#renamedEntry(given);
  }

  /** @param given An entry whose parent, and whose namespace's parent, came before. */
  tuple(given: HistoryEntry, entry = this.translated(given)): CheckpointTuple {
    const id = entry.checkpoint.checkpoint_id;
    const version = this.#version(id);
    const parentId = parentIdOf(entry) ?? null;
    const ns = namespaceOf(entry);
    const before = parentId === null ? undefined : this.#known.get(`${ns}\n${parentId}`);
    const values: Record<string, unknown> = { ...channelsOf(entry) };
    const sends = entry.tasks.filter((task) => sendIndexOf(task) !== undefined);
    if (sends.length > 0)
      values['__pregel_tasks'] = sends.map(({ name }) => ({ lg_name: 'Send', node: name, args: null }));
    const digests = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, digest(value)]));
    const versions: Record<string, Version> = { ...before?.versions };
    const seen: Record<string, Readonly<Record<string, Version>>> = { ...(before?.seen ?? { __input__: {} }) };
    for (const name of new Set([...Object.keys(before?.digests ?? {}), ...Object.keys(digests)]))
      if (before?.digests[name] !== digests[name]) versions[name] = version;
    for (const [node, channel] of before?.triggers ?? []) {
      const was = before?.versions[channel];
      if (was !== undefined) seen[node] = { ...seen[node], [channel]: was };
      versions[channel] = version;
    }
    const triggers = new Map<string, string>();
    for (const task of tasksNext(given)) {
      const { channel, value } = this.#trigger(given, entry, task);
      values[channel] = value;
      versions[channel] = version;
      triggers.set(task.name, channel);
    }
    this.pendingSends = sends.filter(
      ({ result, error }) => (result ?? null) === null && (error ?? null) === null,
    ).length;
    if (this.#options.to === 'js')
      this.hiddenResults += entry.tasks.filter((task) => isHidden(task) && (task.result ?? null) !== null).length;
    this.#known.set(`${ns}\n${id}`, { digests, versions, seen, triggers });
    const fresh = Object.entries(versions).filter(([name, at]) => before?.versions[name] !== at);
    return {
      ns,
      id,
      parent: parentId,
      metadata: entry.metadata ?? {},
      checkpoint: {
        v: 4,
        id,
        ts: entry.created_at ?? '',
        channel_values: values,
        channel_versions: versions,
        versions_seen: seen,
        ...(this.#options.to === 'python' ? { updated_channels: null } : {}),
      },
      new_versions: Object.fromEntries(fresh),
      writes: entry.tasks.flatMap((task) => taskWrites(task, this.#options.to)),
    };
  }

  /**
   * A later version than those before, and one that no other checkpoint of the thread has: the target may have some that are
   * not in this history, and keeps values by their versions.
   */
  #version(checkpointId: string): Version {
    this.#count += 1;
    const own = Number.parseInt(hash('sha1', checkpointId).slice(0, 7), 16);
    if (this.#options.to !== 'python') return this.#count * 2 ** 28 + own;
    return `${String(this.#count).padStart(32, '0')}.${String(own).padStart(16, '0')}`;
  }

  /** The channel that makes a node run next, and what has to be in it. */
  #trigger(given: HistoryEntry, entry: HistoryEntry, task: ThreadTask): { channel: string; value: unknown } {
    const { name } = task;
    if (name === '__start__') {
      const result = entry.tasks.find((other) => other.name === name)?.result;
      return { channel: name, value: result ?? {} };
    }
    // Only in JavaScript the id of a task tells which of its channels triggered it.
    const join = this.#options.to === 'python' ? undefined : this.#triggers.joinOf(given, task);
    if (join === undefined) return { channel: `branch:to:${name}`, value: null };
    return { channel: join, value: join.slice('join:'.length, -name.length - 1).split('+') };
  }

  /** Learns the ids of an entry's tasks and questions on the other runtime. */
  #rename(given: HistoryEntry): void {
    if (!this.renames) return;
    const { to } = this.#options;
    const ns = namespaceOf(given);
    const newNs = this.#replaced(ns);
    for (const task of given.tasks) {
      if (task.id === '') continue;
      const { name } = task;
      const join = this.#triggers.joinOf(given, task);
      const branch = name === '__start__' ? name : `branch:to:${name}`;
      const triggers = join === undefined ? [branch] : to === 'python' ? [branch, join] : [join];
      const id = taskId(to, { ...placeOf(given, task), ns: newNs, triggers });
      this.#renamed.set(task.id, id);
      const asked = interruptId(ns, name, task.id);
      for (const interrupt of task.interrupts ?? [])
        if (interrupt.id === asked) this.#renamed.set(asked, interruptId(newNs, name, id));
    }
  }

  #renamedEntry(entry: HistoryEntry): HistoryEntry {
    if (this.#renamed.size === 0) return entry;
    const { values: _, ...rest } = entry;
    // Everything but the values: ids stand in tasks, metadata, namespaces and parents.
    // The same entry but for the ids in it.
    return { ...(JSON.parse(this.#replaced(JSON.stringify(rest))) as HistoryEntry), values: entry.values };
  }

  #replaced(text: string): string {
    if (this.#renamed.size === 0) return text;
    return text.replaceAll(
      /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b/g,
      (id) => this.#renamed.get(id) ?? id,
    );
  }
}

/** The tasks that are triggered after a checkpoint, each node once; a node that is next without a task stands for one. */
function tasksNext({ next, tasks }: HistoryEntry): readonly ThreadTask[] {
  const names = new Set(next);
  const found: ThreadTask[] = [];
  for (const name of names) {
    const own = tasks.filter((task) => task.name === name);
    if (own.length > 0 && own.every((task) => sendIndexOf(task) !== undefined)) continue;
    found.push(own.find((task) => sendIndexOf(task) === undefined) ?? { id: '', name });
  }
  return found;
}

function digest(value: unknown): string {
  // Of a large value no text is made.
  if (roughJsonLength(value) > largeLength) return canonicalDigest(value);
  return hash('sha1', JSON.stringify(value ?? null), 'base64');
}

const largeLength = 1_000_000;
