import { unmarkNumbers } from '../formats/exact-numbers.ts';
import { encodeMsgpack, MsgpackExtension } from '../formats/msgpack-encoder.ts';
import type { RawTuple, RawValue } from '../models/langgraph-raw.ts';
import type { CheckpointTuple } from './history-to-tuples.ts';
import { isMessage } from './writable-message.ts';

/** Which checkpointer the tables belong to: the two serialize differently. */
export type TableLayout = 'js' | 'python';

/** The rows that one checkpoint is in a checkpointer's tables, without the thread's id. */
export interface CheckpointRows {
  readonly checkpoint: {
    readonly ns: string;
    readonly id: string;
    readonly parent: string | null;
    readonly checkpoint: string;
    readonly metadata: string;
  };
  readonly blobs: readonly (Stored & { readonly ns: string; readonly channel: string; readonly version: string })[];
  readonly writes: readonly (Stored & {
    readonly ns: string;
    readonly checkpointId: string;
    readonly task: string;
    readonly index: number;
    readonly channel: string;
  })[];
}

/** A value as a checkpointer stores it. */
export interface Stored {
  readonly type: string;
  readonly blob: Buffer | null;
}

/** Places of writes that are not among the numbered ones of a task. */
const special: Readonly<Record<string, number>> = {
  __error__: -1,
  __scheduled__: -2,
  __interrupt__: -3,
  __resume__: -4,
};

/**
 * A checkpoint as the rows of a PostgreSQL checkpointer: every changed channel in `checkpoint_blobs`, nothing inline, which
 * every version of both checkpointers reads.
 *
 * @see @langchain/langgraph-checkpoint-postgres 1.0.5 (JSON with `lc` constructors), langgraph-checkpoint-postgres 3.2.0
 *   (msgpack with extensions)
 */
export function historyToTables(
  { ns, id, parent, metadata, checkpoint, new_versions: fresh, writes }: CheckpointTuple,
  layout: TableLayout,
): CheckpointRows {
  const { channel_values: values, ...rest } = checkpoint;
  const stored = layout === 'python' ? pythonValue : jsValue;
  const row = layout === 'python' ? { ...rest, channel_values: {} } : rest;
  return rowsOf({ ns, id, parent, metadata, row, values, fresh, writes }, stored);
}

/** The same for what a checkpointer of the same runtime holds: values stay as it serialized them. */
export function rawToTables(
  { ns, id, parent, metadata, checkpoint, writes }: RawTuple,
  fresh: Readonly<Record<string, number | string>>,
): CheckpointRows {
  const { channel_values: values, ...rest } = checkpoint;
  // A string of versions is Python's, which expects to find inline values.
  const isPython = Object.values(checkpoint.channel_versions).some((version) => typeof version === 'string');
  const row = isPython ? { ...rest, channel_values: {} } : rest;
  return rowsOf<RawValue>({ ns, id, parent, metadata, row, values, fresh, writes }, ([type, base64]) => ({
    type,
    blob: Buffer.from(base64, 'base64'),
  }));
}

function rowsOf<Value>(
  tuple: {
    readonly ns: string;
    readonly id: string;
    readonly parent: string | null;
    readonly metadata: unknown;
    readonly row: unknown;
    readonly values: Readonly<Record<string, Value>>;
    readonly fresh: Readonly<Record<string, number | string>>;
    readonly writes: readonly (readonly [string, string, Value])[];
  },
  stored: (value: Value, channel: string) => Stored,
): CheckpointRows {
  const { ns, id, parent, metadata, row, values, fresh, writes } = tuple;
  const blobs = Object.entries(fresh).map(([channel, version]) => {
    const value = Object.hasOwn(values, channel)
      ? stored(values[channel] as Value, channel)
      : { type: 'empty', blob: null };
    return { ns, channel, version: String(version), ...value };
  });
  const counts = new Map<string, number>();
  const rows = writes.map(([task, channel, value]) => {
    const place = special[channel];
    const index = place ?? counts.get(task) ?? 0;
    if (place === undefined) counts.set(task, index + 1);
    return { ns, checkpointId: id, task, index, channel, ...stored(value, channel) };
  });
  return {
    checkpoint: { ns, id, parent, checkpoint: storable(row), metadata: storable(metadata) },
    blobs,
    writes: rows,
  };
}

/** JSON text for a jsonb column, which cannot hold U+0000. */
function storable(value: unknown): string {
  return unmarkNumbers(JSON.stringify(value)).replaceAll(/(?<!\\)((?:\\\\)*)\\u0000/g, '$1');
}

function jsValue(value: unknown): Stored {
  return { type: 'json', blob: Buffer.from(unmarkNumbers(JSON.stringify(jsForm(value)) ?? 'null')) };
}

const jsClasses: Readonly<Record<string, string>> = {
  human: 'HumanMessage',
  HumanMessageChunk: 'HumanMessageChunk',
  ai: 'AIMessage',
  AIMessageChunk: 'AIMessageChunk',
  system: 'SystemMessage',
  developer: 'SystemMessage',
  tool: 'ToolMessage',
  function: 'FunctionMessage',
  chat: 'ChatMessage',
  generic: 'ChatMessage',
};

/** Messages as the constructor and its arguments. */
function jsForm(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(jsForm);
  if (!isMessage(value)) return value;
  const { type, ...kwargs } = value;
  return { lc: 1, type: 'constructor', id: ['langchain_core', 'messages', jsClasses[type] ?? 'HumanMessage'], kwargs };
}

function pythonValue(value: unknown, channel: string): Stored {
  const form = pythonForm(value, channel);
  if (form === null || form === undefined) return { type: 'null', blob: Buffer.alloc(0) };
  return { type: 'msgpack', blob: encodeMsgpack(form) };
}

const pythonClasses: Readonly<Record<string, readonly [module: string, name: string]>> = {
  human: ['human', 'HumanMessage'],
  HumanMessageChunk: ['human', 'HumanMessageChunk'],
  ai: ['ai', 'AIMessage'],
  AIMessageChunk: ['ai', 'AIMessageChunk'],
  system: ['system', 'SystemMessage'],
  developer: ['system', 'SystemMessage'],
  tool: ['tool', 'ToolMessage'],
  function: ['function', 'FunctionMessage'],
  chat: ['chat', 'ChatMessage'],
  generic: ['chat', 'ChatMessage'],
};

/** What the runtime itself keeps in some channels, and messages, as extensions that name module and class. */
function pythonForm(value: unknown, channel: string): unknown {
  if (channel === '__interrupt__')
    return listed(value).map((item) => interruptForm(item as Readonly<Record<string, unknown>>));
  if (channel === '__pregel_tasks') {
    return listed(value).map((item) => {
      const { node, args = null } = item as Readonly<Record<string, unknown>>;
      return new MsgpackExtension(1, ['langgraph.types', 'Send', [node, messagesForm(args)]]);
    });
  }
  if (channel.startsWith('join:') && Array.isArray(value)) return new MsgpackExtension(0, ['builtins', 'set', value]);
  return messagesForm(value);
}

function interruptForm({ value = null, id = null }: Readonly<Record<string, unknown>>): MsgpackExtension {
  return new MsgpackExtension(2, ['langgraph.types', 'Interrupt', { value: messagesForm(value), id }]);
}

function messagesForm(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(messagesForm);
  if (typeof value !== 'object' || value === null) return value;
  if (!isMessage(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, messagesForm(item)]));
  }
  const [module, name] = pythonClasses[value.type] ?? ['human', 'HumanMessage'];
  const fields = {
    ...value,
    type: value.type === 'developer' ? 'system' : value.type === 'generic' ? 'chat' : value.type,
  };
  return new MsgpackExtension(5, [`langchain_core.messages.${module}`, name, fields, 'model_validate_json']);
}

function listed(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}
