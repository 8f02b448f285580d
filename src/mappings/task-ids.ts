import { hash } from 'node:crypto';

import { xxh3Hash128 } from '../formats/xxh3-128.ts';
import { namespaceOf, type HistoryEntry, type Runtime, type ThreadTask } from '../models/langgraph.ts';

/** What the id of a task is made from. */
export interface TaskPlace {
  readonly checkpointId: string;
  /** The namespace of the checkpoint. */
  readonly ns: string;
  /** The step of the task: one more than its checkpoint's. */
  readonly step: number;
  readonly node: string;
  /** The place of a Send among those of its step; nothing for a node that was triggered. */
  readonly sendIndex?: number | undefined;
  /** The channels that trigger the node. */
  readonly triggers: readonly string[];
}

/**
 * The id that a runtime gives a task. Writes and questions belong to a task by this id only, and so does what a subgraph
 * did: when a thread changes from one runtime to the other, they are lost without it.
 *
 * @see LangGraph 1.4 (JavaScript) `pregel/algo`: UUID version 5; LangGraph 1.2 (Python) `pregel/_algo.py`: XXH3
 */
export function taskId(runtime: Runtime, { checkpointId, ns, step, node, sendIndex, triggers }: TaskPlace): string {
  const below = ns === '' ? node : `${ns}|${node}`;
  const isSend = sendIndex !== undefined;
  if (runtime !== 'python') {
    const kind = isSend ? ['__pregel_push', String(sendIndex)] : ['__pregel_pull', triggers];
    return uuid5(checkpointId, JSON.stringify([below, String(step), node, ...kind]));
  }
  const kind = isSend ? ['__pregel_push', String(sendIndex)] : ['__pregel_pull', ...[...triggers].sort()];
  const text = [below, String(step), node, ...kind].join('');
  const bytes = Buffer.concat([Buffer.from(checkpointId.replaceAll('-', ''), 'hex'), Buffer.from(text)]);
  return dashed(xxh3Hash128(bytes));
}

/** The id of the first question a task asks; the same in both runtimes. */
export function interruptId(ns: string, node: string, id: string): string {
  return xxh3Hash128(`${ns === '' ? node : `${ns}|${node}`}:${id}`);
}

/** The place of a Send, from the task's path. */
export function sendIndexOf({ path = [] }: ThreadTask): number | undefined {
  return path[0] === '__pregel_push' && typeof path[1] === 'number' ? path[1] : undefined;
}

/** The channels that trigger nodes, as far as edges tell: `join` channels are found by the ids they lead to. */
export class Triggers {
  readonly #runtime: Runtime;
  readonly #sourcesOf: (node: string) => readonly string[];
  readonly #joins = new Map<string, string | undefined>();

  /** @param sourcesOf The nodes that edges lead from to a node. */
  constructor(runtime: Runtime, sourcesOf: (node: string) => readonly string[]) {
    this.#runtime = runtime;
    this.#sourcesOf = sourcesOf;
  }

  /** The channel by which a node waits for several others, if it does: known by a task's id in the source. */
  joinOf(entry: HistoryEntry, task: ThreadTask): string | undefined {
    const { name } = task;
    if (!this.#joins.has(name) || this.#joins.get(name) === undefined) this.#joins.set(name, this.#find(entry, task));
    return this.#joins.get(name);
  }

  #find(entry: HistoryEntry, task: ThreadTask): string | undefined {
    if (task.name === '__start__' || sendIndexOf(task) !== undefined) return undefined;
    const place = placeOf(entry, task);
    const branch = `branch:to:${task.name}`;
    if (taskId(this.#runtime, { ...place, triggers: [branch] }) === task.id) return undefined;
    return arrangements(this.#sourcesOf(task.name))
      .map((names) => `join:${names.join('+')}:${task.name}`)
      .find((join) => {
        const triggers = this.#runtime === 'python' ? [branch, join] : [join];
        return taskId(this.#runtime, { ...place, triggers }) === task.id;
      });
  }
}

/** Where a task stands, without what triggers it. */
export function placeOf(entry: HistoryEntry, task: ThreadTask): Omit<TaskPlace, 'triggers'> {
  return {
    checkpointId: entry.checkpoint.checkpoint_id,
    ns: namespaceOf(entry),
    step: (entry.metadata?.step ?? 0) + 1,
    node: task.name,
    sendIndex: sendIndexOf(task),
  };
}

/** Every order of two or more of the names; of six names at most. */
function arrangements(names: readonly string[]): readonly (readonly string[])[] {
  const found: string[][] = [];
  const grow = (begun: readonly string[]): void => {
    for (const name of names.slice(0, 6)) {
      if (begun.includes(name)) continue;
      const next = [...begun, name];
      if (next.length >= 2) found.push(next);
      grow(next);
    }
  };
  grow([]);
  return found;
}

function uuid5(namespace: string, name: string): string {
  const bytes = Buffer.concat([Buffer.from(namespace.replaceAll('-', ''), 'hex'), Buffer.from(name)]);
  const text = hash('sha1', bytes);
  const variant = ((Number.parseInt(text.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  return dashed(`${text.slice(0, 12)}5${text.slice(13, 16)}${variant}${text.slice(18, 32)}`);
}

function dashed(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
