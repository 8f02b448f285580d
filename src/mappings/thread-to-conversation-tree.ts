import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

import { canonicalJson } from '../canonical-json.ts';
import { comparableValue } from '../models/langgraph-summary.ts';
import { langMessage, type LangMessage } from './thread-to-conversation-forms.ts';

/** One message in the tree that the checkpoints of a thread tell of. */
export interface ThreadNode {
  /** Its own id; of messages without one, what it says and how often that was said before. */
  readonly key: string;
  /** Unique in the thread: the key, with `~2`, `~3` where a branch has another message of that id. */
  readonly id: string;
  readonly parent: ThreadNode | undefined;
  readonly checkpoint: Appearance;
  /** It was put before messages that were there already: a summary, instructions. */
  readonly isInserted: boolean;
  value: unknown;
  message: LangMessage;
  children: number;
  /** What stood here before, oldest first: edits that no other branch rests on. */
  versions: readonly { readonly checkpointId: string; readonly value: unknown }[];
  /** The checkpoint of the last edit. */
  edited: Appearance | undefined;
}

/** A checkpoint, as far as messages need to know. */
export interface Appearance {
  readonly id: string;
  readonly time: string | null;
  /** Somebody changed the state by hand: a message edited here is another one. */
  readonly isUpdate?: boolean;
}

/** Where a checkpoint's messages end: in the tree, and in its list. They differ where something was inserted since. */
interface End {
  readonly tip: ThreadNode | undefined;
  readonly last: ThreadNode | undefined;
}

/**
 * Grows the tree of messages from the lists of messages in a thread's checkpoints, parents first.
 *
 * A message is known again by its id along the line of checkpoints it came down. New ones go under the last that was there;
 * where the end of the list is gone, under the last that stayed, which makes a branch. A message that was edited while others
 * follow it, or by a node before anybody answered it, keeps its place and its earlier versions; edited by hand, or answered
 * anew, it is a branch. Where none of the messages stayed, the new ones go on behind them: a summary of all, say.
 * A message that disappeared stays in the tree. Time: that of comparing the lists; memory: messages, and two places a checkpoint.
 */
export class ThreadTree {
  /** Parents before children, in the order of their first appearance. */
  readonly nodes: ThreadNode[] = [];
  /** Values that are no messages, of all lists. */
  unreadable = 0;
  /** Messages without an id of their own. */
  readonly withoutId = new Set<string>();
  readonly #ends = new Map<string, End>();
  readonly #children = new Map<ThreadNode | undefined, Map<string, ThreadNode[]>>();
  readonly #ids = new Set<string>();
  /** The messages from a root down to `#lineTip`, by key. */
  readonly #line = new Map<string, ThreadNode>();
  #lineTip: ThreadNode | undefined;
  #state: readonly ThreadNode[] = [];
  #head: End = { tip: undefined, last: undefined };

  /** The last message of the last checkpoint. */
  get activeLeaf(): ThreadNode | undefined {
    return this.#head.tip;
  }

  /** The messages of the last checkpoint, in its order. */
  get state(): readonly ThreadNode[] {
    return this.#state;
  }

  /** @param list The messages of a checkpoint whose parent came before, or is not there. */
  add(checkpoint: Appearance, parentId: string | undefined, list: readonly unknown[]): void {
    const before = (parentId === undefined ? undefined : this.#ends.get(parentId)) ?? {
      tip: undefined,
      last: undefined,
    };
    this.#moveTo(before.tip);
    const given = this.#keyed(list);
    const { known, lastKnown, replaced } = this.#recognise(given, checkpoint);
    const state: ThreadNode[] = [];
    const anchor = known[lastKnown];
    let base = anchor === before.last ? before.tip : anchor;
    // Where none stayed, one was said anew, or all gave way to a summary, say.
    if (lastKnown < 0) base = replaced === undefined ? before.tip : replaced.parent;
    if (base !== before.tip) this.#moveTo(base);
    for (const [place, item] of given.entries()) {
      let node = known[place];
      if (node === undefined) {
        node = this.#child(base, item, checkpoint, place < lastKnown);
        base = node;
      }
      state.push(node);
    }
    this.#head = { tip: given.length === 0 ? undefined : base, last: state.at(-1) };
    this.#ends.set(checkpoint.id, this.#head);
    this.#state = state;
  }

  /** Which of the messages are on the line already. Edits that keep their place are taken in. */
  #recognise(
    given: readonly KeyedMessage[],
    checkpoint: Appearance,
  ): { known: (ThreadNode | undefined)[]; lastKnown: number; replaced: ThreadNode | undefined } {
    const known: (ThreadNode | undefined)[] = given.map(() => undefined);
    let replaced: ThreadNode | undefined;
    let lastKnown = -1;
    for (let place = given.length - 1; place >= 0; place--) {
      const item = given[place];
      const node = item === undefined ? undefined : this.#line.get(item.key);
      if (item === undefined || node === undefined) continue;
      if (!isSame(node.value, item.value)) {
        if (lastKnown < 0 && (node.children > 0 || checkpoint.isUpdate === true)) {
          replaced = node;
          continue;
        }
        node.versions = [...node.versions, { checkpointId: checkpoint.id, value: node.value }];
        node.value = item.value;
        node.message = item.message;
        node.edited = checkpoint;
      }
      known[place] = node;
      lastKnown = Math.max(lastKnown, place);
    }
    return { known, lastKnown, replaced };
  }

  /** The message under `parent`: one that is there, or a new one. It becomes the end of the line. */
  #child(parent: ThreadNode | undefined, item: KeyedMessage, checkpoint: Appearance, isInserted: boolean): ThreadNode {
    const { key, value, message } = item;
    const children = this.#children.get(parent) ?? new Map<string, ThreadNode[]>();
    this.#children.set(parent, children);
    const namesakes = children.get(key) ?? [];
    children.set(key, namesakes);
    let node = namesakes.find((child) => isSame(child.value, value));
    if (node === undefined) {
      // What was taken for an earlier version turns out to be a branch.
      for (const child of namesakes) child.versions = child.versions.filter((version) => !isSame(version.value, value));
      const id = this.#uniqueId(key);
      node = { key, id, parent, checkpoint, isInserted, value, message, children: 0, versions: [], edited: undefined };
      namesakes.push(node);
      if (parent !== undefined) parent.children += 1;
      this.nodes.push(node);
      if (message.id === undefined) this.withoutId.add(id);
    }
    this.#line.set(key, node);
    this.#lineTip = node;
    return node;
  }

  #uniqueId(key: string): string {
    let id = key;
    for (let copy = 2; this.#ids.has(id); copy++) id = `${key}~${copy}`;
    this.#ids.add(id);
    return id;
  }

  /** Makes the line that ends in `tip`. */
  #moveTo(tip: ThreadNode | undefined): void {
    if (tip === this.#lineTip) return;
    this.#line.clear();
    for (let node = tip; node !== undefined; node = node.parent)
      if (!this.#line.has(node.key)) this.#line.set(node.key, node);
    this.#lineTip = tip;
  }

  #keyed(list: readonly unknown[]): readonly KeyedMessage[] {
    const times = new Map<string, number>();
    return list.flatMap((value) => {
      const message = langMessage(value);
      if (message === undefined) this.unreadable += 1;
      if (message === undefined || message.kind === 'remove') return [];
      const name = message.id ?? `message-${hash('sha256', canonicalJson(value)).slice(0, 16)}`;
      const count = (times.get(name) ?? 0) + 1;
      times.set(name, count);
      return [{ key: count === 1 ? name : `${name}#${count}`, value, message }];
    });
  }
}

interface KeyedMessage {
  readonly key: string;
  readonly value: unknown;
  readonly message: LangMessage;
}

/** Fields that one server writes empty and another leaves out make no difference. */
function isSame(one: unknown, other: unknown): boolean {
  if (isDeepStrictEqual(one, other)) return true;
  return canonicalJson(comparableValue(one)) === canonicalJson(comparableValue(other));
}
