import { exactNumber } from '../formats/exact-numbers.ts';
import { jsonEqual } from '../json-equal.ts';
import type { Runtime } from '../models/langgraph.ts';
import { isMessage, writableMessage } from './writable-message.ts';

/**
 * How a channel takes an update: `last` replaces its value, `reducer` takes an overwrite, `messages` merges by id, `append`
 * and `sum` are reducers of servers that know no overwrite, `unknown` is any other of those.
 */
export type ChannelKind = 'last' | 'reducer' | 'messages' | 'append' | 'sum' | 'unknown';

type Channels = Readonly<Record<string, unknown>>;

/** An update, and the channels that it cannot bring to what they should be. */
export interface StateUpdate {
  readonly values: Channels;
  readonly impossible: readonly string[];
}

/** Takes all messages out of a channel, when it comes before the messages that shall be there. */
const removeAll = { type: 'remove', id: '__remove_all__', content: '' };

/**
 * The update that brings a state to another, whatever the channels' reducers are.
 *
 * A channel that is the same in both is left out. One that is not in the later state at all stays: no update unsets it.
 *
 * @see LangGraph 1.4 (JavaScript) and 1.2 (Python): reducers take `{"__overwrite__": value}` in JSON that comes by the API,
 *   channels of messages take `RemoveMessage` with the id `__remove_all__`
 */
export function stateUpdate(
  before: Channels,
  after: Channels,
  kinds: ReadonlyMap<string, ChannelKind>,
  { threadId, runtime }: { readonly threadId: string; readonly runtime: Runtime },
): StateUpdate {
  const values: Record<string, unknown> = {};
  const impossible = Object.keys(before).filter((name) => !(name in after));
  for (const [name, value] of Object.entries(after)) {
    const isKnown = Object.hasOwn(before, name);
    const old = isKnown ? before[name] : undefined;
    if (isKnown && jsonEqual(old, value)) continue;
    const place = `${threadId}/${name}`;
    switch (kinds.get(name) ?? 'last') {
      case 'last':
        values[name] = writableValue(value, place, runtime);
        break;
      case 'messages':
        values[name] = messagesUpdate(old, value, place, runtime);
        break;
      case 'reducer':
        values[name] = { __overwrite__: writableValue(value, place, runtime) };
        break;
      default: {
        const more = difference(kinds.get(name), old, value, place, runtime);
        if (more === undefined) impossible.push(name);
        else values[name] = more;
      }
    }
  }
  return { values, impossible };
}

/** A value with its messages in the form that a server takes. Message ids that are made up depend on `place`. */
export function writableValue(value: unknown, place: string, runtime: Runtime): unknown {
  if (Array.isArray(value)) return writableItems(value, 0, place, runtime);
  return isMessage(value) ? writableMessage(value, place, runtime) : value;
}

/** What stands in a list from `from` on, in that form. */
function writableItems(items: readonly unknown[], from: number, place: string, runtime: Runtime): readonly unknown[] {
  return items.slice(from).map((item, index) => writableValue(item, `${place}/${from + index}`, runtime));
}

function messagesUpdate(old: unknown, value: unknown, place: string, runtime: Runtime): unknown {
  if (!Array.isArray(value)) return writableValue(value, place, runtime);
  const before: readonly unknown[] = Array.isArray(old) ? old : [];
  const onlyAdds = value.length > before.length && beginsWith(value, before);
  return onlyAdds
    ? writableItems(value, before.length, place, runtime)
    : [removeAll, ...writableItems(value, 0, place, runtime)];
}

function beginsWith(items: readonly unknown[], before: readonly unknown[]): boolean {
  return before.every((item, index) => jsonEqual(item, items[index]));
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' || exactNumber(value) !== undefined;
}

function numberOf(value: unknown): number {
  return Number(exactNumber(value) ?? value);
}

/** What to add for a reducer that takes no overwrite; nothing when adding cannot do it. */
function difference(
  kind: ChannelKind | undefined,
  old: unknown,
  value: unknown,
  place: string,
  runtime: Runtime,
): unknown {
  if (kind === 'sum' && isNumber(value)) return numberOf(value) - (isNumber(old) ? numberOf(old) : 0);
  if (kind !== 'append' || !Array.isArray(value)) return undefined;
  const before: readonly unknown[] = Array.isArray(old) ? old : [];
  return beginsWith(value, before) ? writableItems(value, before.length, place, runtime) : undefined;
}
