import type { Client } from '@langchain/langgraph-sdk';

/** The threads that `seedThreads` makes: what is special about each. */
export const seededNames = [
  'plain', // two turns
  'fork', // an old turn edited and run again
  'waiting', // asks, and has no answer yet
  'answered', // asked, and was answered
  'removed', // messages taken away again
  'deep', // ran a subgraph
  'deep-waiting', // asks inside the subgraph
  'fan-out', // two nodes at once, a join, a Command, Sends
  'send-waiting', // one Send of several asks
  'empty', // never run
] as const;
export type SeededName = (typeof seededNames)[number];

interface Message {
  readonly type: 'human' | 'ai' | 'system' | 'tool';
  readonly id: string;
  readonly content: unknown;
}

/** The input of one turn. */
const says = (id: string, content: string) => ({ messages: [{ type: 'human', id, content }] });

/** Makes one thread of each kind, with runs on the server, all at the same time. Gives their ids. */
export async function seedThreads(client: Client): Promise<Record<SeededName, string>> {
  const ids = await Promise.all(seededNames.map((name) => seedThread(client, name)));
  return Object.fromEntries(seededNames.map((name, index) => [name, ids[index]])) as Record<SeededName, string>;
}

/** Makes one of these threads. */
export async function seedThread(client: Client, name: SeededName): Promise<string> {
  const graphId = name.startsWith('deep') ? 'deep_desk' : /^(fan|send)/.test(name) ? 'workshop' : 'desk';
  const metadata = { title: name, owner: name.startsWith('deep') ? 'ben' : 'ana' };
  const { thread_id: id } = await client.threads.create({ metadata, graphId });
  for (const input of inputs[name]) await client.runs.wait(id, graphId, input);
  if (name === 'fork') await editAndRunAgain(client, id, graphId);
  return id;
}

const inputs: Readonly<Record<SeededName, readonly Parameters<Client['runs']['wait']>[2][]>> = {
  plain: [{ input: says('h1', 'hello'), metadata: { campaign: 'spring' } }, { input: says('h2', 'and again') }],
  fork: [{ input: says('h1', 'first') }, { input: says('h2', 'second') }],
  waiting: [{ input: says('h1', 'please approve? this') }],
  answered: [{ input: says('h1', 'approve? that') }, { command: { resume: { ok: true } } }],
  removed: [{ input: says('h1', 'one') }, { input: says('h2', 'forget it') }],
  deep: [{ input: says('h1', 'look into it') }],
  'deep-waiting': [{ input: says('h1', 'look, and pause') }],
  'fan-out': [{ input: { items: ['red', 'green'] } }],
  'send-waiting': [{ input: { items: ['red', 'ask'] } }],
  empty: [],
};

/** Changes what the second turn began with, and runs from there: the first answer stays beside it. */
async function editAndRunAgain(client: Client, id: string, graphId: string): Promise<void> {
  const history = await client.threads.getHistory(id, { limit: 100 });
  const beforeSecond = history.find(({ next }) => next[0] === 'triage')?.checkpoint.checkpoint_id;
  // The client's types ask for more of a checkpoint than the servers do.
  const checkpoint = { checkpoint_id: beforeSecond, checkpoint_ns: '' } as never;
  const edited = (await client.threads.updateState(id, {
    values: says('h2', 'second, edited'),
    asNode: '__start__',
    checkpoint,
  })) as unknown as { readonly checkpoint: { readonly checkpoint_id: string } };
  const { checkpoint_id } = edited.checkpoint;
  await client.runs.wait(id, graphId, { input: null, checkpoint: { checkpoint_id, checkpoint_ns: '' } as never });
}

/** Makes `count` threads of `checkpoints` checkpoints each, without runs. The metadata hold a running number. */
export async function seedMany(
  client: Client,
  count: number,
  { checkpoints = 10, textLength = 200, concurrency = 8 } = {},
): Promise<string[]> {
  const text = 'x'.repeat(textLength);
  const message = (step: number): Message => ({
    type: step % 2 === 0 ? 'human' : 'ai',
    id: `m${step}`,
    content: `${step} ${text}`,
  });
  const supersteps = Array.from({ length: checkpoints }, (_, step) => ({
    updates: [{ asNode: step === 0 ? '__input__' : 'reply', values: { messages: [message(step)] } }],
  }));
  const ids: string[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const number = next++;
      const metadata = { number, owner: `user-${number % 7}` };
      ids[number] = (await client.threads.create({ graphId: 'desk', metadata, supersteps })).thread_id;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return ids;
}
