// The companion graph of threadmill for LangGraph servers in JavaScript: it reads and writes checkpoints of any thread through
// the server's own checkpointer, so that a migration keeps ids, times, metadata, forks, subgraphs and pending questions.
//
// Deploy it beside your graphs for the time of a migration, in langgraph.json:
//   "graphs": { "threadmill_companion": "./threadmill-companion.mjs:companion", … }
// It asks nobody whose threads they are: take it out again afterwards.
//
// Input { op: "load", mode: "json" | "typed", jobs: [{ thread_id, tuples }] } → { result: { written, failed: { thread id: reason } } }
//       { op: "dump", threads: [thread id] }                               → { result: { threads: { thread id: tuples } } }
// In mode "typed", which `dump` gives, values are [type, base64] of the server's own serializer.
import {
  AIMessage,
  AIMessageChunk,
  ChatMessage,
  FunctionMessage,
  HumanMessage,
  HumanMessageChunk,
  RemoveMessage,
  SystemMessage,
  ToolMessage,
} from '@langchain/core/messages';
import { Annotation, END, START, StateGraph } from '@langchain/langgraph';

const classes = {
  human: HumanMessage,
  HumanMessageChunk,
  ai: AIMessage,
  AIMessageChunk,
  system: SystemMessage,
  developer: SystemMessage,
  tool: ToolMessage,
  function: FunctionMessage,
  chat: ChatMessage,
  generic: ChatMessage,
  remove: RemoveMessage,
};

/** Values of the API with their messages made messages again. */
function revive(value) {
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== 'object' || value === null) return value;
  const Message = typeof value.type === 'string' && 'content' in value ? classes[value.type] : undefined;
  if (Message === undefined) return value;
  const { type, ...fields } = value;
  if (type === 'developer') fields.additional_kwargs = { ...fields.additional_kwargs, __openai_role__: 'developer' };
  return new Message(fields);
}

const typed = {
  async encode(serde, value) {
    const [type, bytes] = await serde.dumpsTyped(value);
    return [type, Buffer.from(bytes).toString('base64')];
  },
  async decode(serde, [type, base64]) {
    return await serde.loadsTyped(type, Buffer.from(base64, 'base64'));
  },
};

async function mapValues(object, change) {
  const pairs = Object.entries(object).map(async ([name, value]) => [name, await change(value)]);
  return Object.fromEntries(await Promise.all(pairs));
}

async function load(saver, threadId, tuples, mode) {
  const decode = mode === 'typed' ? (value) => typed.decode(saver.serde, value) : revive;
  for (const { ns, id, parent, metadata, checkpoint, new_versions: fresh, writes } of tuples) {
    const place = { thread_id: threadId, checkpoint_ns: ns };
    const under = { configurable: parent === null ? place : { ...place, checkpoint_id: parent } };
    const whole = { ...checkpoint, channel_values: await mapValues(checkpoint.channel_values, decode) };
    await saver.put(under, whole, metadata, fresh ?? checkpoint.channel_versions);
    const byTask = new Map();
    for (const [task, channel, value] of writes)
      byTask.set(task, [...(byTask.get(task) ?? []), [channel, await decode(value)]]);
    for (const [task, own] of byTask) await saver.putWrites({ configurable: { ...place, checkpoint_id: id } }, own, task);
  }
  return tuples.length;
}

async function dump(saver, threadId) {
  const encode = (value) => typed.encode(saver.serde, value);
  const tuples = [];
  for await (const found of saver.list({ configurable: { thread_id: threadId } })) {
    const { checkpoint_ns: ns = '', checkpoint_id: id } = found.config.configurable;
    const writes = (found.pendingWrites ?? []).map(async ([task, channel, value]) => [task, channel, await encode(value)]);
    tuples.push({
      ns,
      id,
      parent: found.parentConfig?.configurable?.checkpoint_id ?? null,
      metadata: found.metadata,
      checkpoint: { ...found.checkpoint, channel_values: await mapValues(found.checkpoint.channel_values, encode) },
      writes: await Promise.all(writes),
    });
  }
  return tuples.reverse();
}

async function work({ op, mode = 'json', jobs = [], threads = [] }, { configurable }) {
  const saver = configurable.__pregel_checkpointer;
  if (saver === undefined) throw new Error('there is no checkpointer: run this graph on a thread');
  if (op === 'dump') {
    const found = {};
    for (const id of threads) found[id] = await dump(saver, id);
    return { jobs: null, result: { threads: found } };
  }
  let written = 0;
  const failed = {};
  for (const { thread_id: id, tuples } of jobs) {
    try {
      written += await load(saver, id, tuples, mode);
    } catch (error) {
      failed[id] = String(error?.message ?? error);
    }
  }
  return { jobs: null, result: { written, failed } };
}

const State = Annotation.Root({
  op: Annotation(),
  mode: Annotation(),
  jobs: Annotation(),
  threads: Annotation(),
  result: Annotation(),
});

export const companion = new StateGraph(State).addNode('work', work).addEdge(START, 'work').addEdge('work', END).compile();
