import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { Client } from '@langchain/langgraph-sdk';

import { threadIdOf } from '../../src/mappings/conversation-to-thread-ids.ts';
import { conversationSchema } from '../../src/models/conversation-schema.ts';
import { CONVERSATION_SCHEMA, type Conversation, type Message } from '../../src/models/conversation.ts';
import { pipeline } from '../../src/pipeline.ts';
import { langgraphSink } from '../../src/sinks/langgraph.ts';
import { langgraphSource } from '../../src/sources/langgraph.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { conversationsToThreads } from '../../src/transforms/conversations-to-threads.ts';
import { threadsToConversations } from '../../src/transforms/threads-to-conversations.ts';
import { treeOf } from '../../src/tree/conversation-tree.ts';
import { seedThread } from '../helpers/langgraph/seed.ts';
import { startLanggraphPython } from '../helpers/langgraph/start-python.ts';
import { startLanggraph } from '../helpers/langgraph/start.ts';

const companions = join(import.meta.dirname, '../../companion');
// Before the tests are declared: without Python, its own are skipped by name.
const servers = {
  js: await startLanggraph({
    graphs: { threadmill_companion: `${join(companions, 'threadmill-companion.mjs')}:companion` },
  }),
  python: await startLanggraphPython({
    graphs: { threadmill_companion: `${join(companions, 'threadmill_companion.py')}:companion` },
  }),
};
after(async () => {
  for (const server of Object.values(servers)) if ('close' in server) await server.close();
});

const time = (second: number): string => `2026-03-01T08:00:${String(second).padStart(2, '0')}.000Z`;
const messages: readonly Message[] = [
  { id: 'q', parentId: null, role: 'user', createdAt: time(0), parts: [{ type: 'text', text: 'When is low tide?' }] },
  {
    id: 'a',
    parentId: 'q',
    role: 'assistant',
    name: 'Guide',
    model: 'gpt-5',
    createdAt: time(1),
    feedback: { rating: 'up' },
    parts: [
      { type: 'reasoning', text: 'Look it up.' },
      { type: 'toolCall', id: 'c1', name: 'tides', arguments: '{"place": "Brest"}' },
      { type: 'toolResult', callId: 'c1', name: 'tides', output: { low: '06:12' } },
      { type: 'text', text: 'At twelve past six.' },
    ],
  },
  { id: 'b', parentId: 'q', role: 'assistant', createdAt: time(2), parts: [{ type: 'text', text: 'I do not know.' }] },
  { id: 'r', parentId: 'a', role: 'user', createdAt: time(3), parts: [{ type: 'text', text: 'And high tide?' }] },
];

/** Two branches; the older one is shown. */
function conversation(id: string): Conversation {
  return {
    schema: CONVERSATION_SCHEMA,
    id,
    key: `librechat:u1:${id}`,
    owner: { id: 'u1', email: 'ana@example.org' },
    title: 'Tides',
    createdAt: time(0),
    updatedAt: time(9),
    archived: false,
    pinned: true,
    temporary: false,
    tags: ['sea'],
    project: null,
    settings: { endpoint: 'agents', model: 'gpt-5' },
    messages,
    tree: treeOf(messages, { activeLeaf: 'r' }),
    files: [],
    source: { system: 'librechat', recordId: '65f0' },
  };
}

async function read(url: string, id: string): Promise<Conversation> {
  const found: Conversation[] = [];
  await pipeline(langgraphSource({ apiUrl: url, ids: [id] }))
    .through(threadsToConversations())
    .to(async (records) => {
      for await (const record of records) found.push(conversationSchema.parse(record) as Conversation);
    })
    .run();
  const [first] = found;
  assert.ok(first !== undefined && found.length === 1);
  return first;
}

/** Without what the server added to the thread. */
function own({ source, ...rest }: Conversation): unknown {
  const { extra: _, ...known } = source;
  return { ...rest, source: known };
}

for (const [runtime, server] of Object.entries(servers)) {
  for (const [index, mode] of (['history', 'full'] as const).entries()) {
    const name = `a conversation goes to a ${runtime} server by ${mode}, comes back as it was, and is gone on with`;
    if ('skip' in server) {
      test(name, { skip: server.skip }, () => undefined);
      continue;
    }
    testIn(name, async (directory) => {
      const id = `0b7f6c1e-2a57-4f0e-9d51-6f7a3c1d2e0${index}`;
      const report = await pipeline([conversation(id)], { name: 'to-langgraph' })
        .through(conversationsToThreads({ graphId: 'desk' }))
        .to(langgraphSink({ apiUrl: server.url, mode }, { progressFolder: directory }))
        .run();
      assert.equal(report.counts.written, 1);
      // Messages come back with empty fields that they did not have: that is no other value.
      const different = Object.keys(report.findings).filter((kind) => kind.startsWith('not the same: '));
      const made = mode === 'full' ? [] : ['not the same: ids', 'not the same: times', 'not the same: metadata'];
      assert.deepEqual(different, made);
      // The graph has channels that a conversation knows nothing of.
      if (mode === 'history') assert.ok((report.findings['added by the graph: channels'] ?? 0) > 0);
      const threadId = threadIdOf(conversation(id));
      assert.deepEqual(own(await read(server.url, threadId)), conversation(id));

      const client = new Client({ apiUrl: server.url, apiKey: null });
      const state = await client.threads.getState(threadId);
      assert.deepEqual(state.next, []);
      await client.runs.wait(threadId, 'desk', {
        input: { messages: [{ type: 'human', id: 'new', content: 'and now?' }] },
      });
      const after = await read(server.url, threadId);
      assert.deepEqual(after.messages.slice(0, 4), messages);
      assert.deepEqual(
        after.messages.slice(4).map(({ parentId, role, parts }) => [parentId, role, parts]),
        [
          ['r', 'user', [{ type: 'text', text: 'and now?' }]],
          ['new', 'assistant', [{ type: 'text', text: 'you said: and now?' }]],
        ],
      );
      assert.equal(after.key, `librechat:u1:${id}`);
    });
  }

  for (const [index, mode] of (['history', 'full'] as const).entries()) {
    const goesOn = `a conversation that shows one branch and then another goes on on a ${runtime} server by ${mode}`;
    if ('skip' in server) {
      test(goesOn, { skip: server.skip }, () => undefined);
      continue;
    }
    testIn(goesOn, async (directory) => {
      const first = conversation(`0b7f6c1e-2a57-4f0e-9d51-6f7a3c1d2e1${index}`);
      const more: readonly Message[] = [
        ...messages,
        {
          id: 'x',
          parentId: 'r',
          role: 'assistant',
          createdAt: time(4),
          parts: [{ type: 'text', text: 'At noon.' }],
        },
      ];
      const showing = (shown: string, all = messages) => ({
        ...first,
        messages: all,
        tree: treeOf(all, { activeLeaf: shown }),
      });
      // The other branch is shown by a copy behind all others, which is nothing of the longer conversation; going back takes one more.
      const steps = [
        { shows: first, does: 'written' },
        { shows: showing('b'), does: 'written' },
        { shows: first, does: 'written' },
        { shows: first, does: 'skipped' },
        { shows: showing('b'), does: 'written' },
        { shows: showing('r'), does: 'written' },
        { shows: showing('x', more), does: 'written' },
        { shows: showing('b', more), does: 'written' },
        { shows: showing('x', more), does: 'written' },
        { shows: showing('x', more), does: 'skipped' },
      ] as const;
      for (const [step, { shows, does }] of steps.entries()) {
        const { counts } = await pipeline([shows], { name: 'goes-on' })
          .through(conversationsToThreads({ graphId: 'desk' }))
          .to(
            langgraphSink(
              { apiUrl: server.url, mode, ifExists: 'continue' },
              { progressFolder: join(directory, String(step)) },
            ),
          )
          .run();
        assert.equal(counts[does], 1, `step ${step}`);
        assert.deepEqual(own(await read(server.url, threadIdOf(shows))), shows, `step ${step}`);
      }
    });
  }

  const anew = `a thread that was made again by the API on a ${runtime} server is not there twice after full`;
  if ('skip' in server) test(anew, { skip: server.skip }, () => undefined);
  else {
    testIn(anew, async (directory) => {
      const first = conversation('0b7f6c1e-2a57-4f0e-9d51-6f7a3c1d2e20');
      const more: readonly Message[] = [
        ...messages,
        { id: 'x', parentId: 'r', role: 'assistant', createdAt: time(4), parts: [{ type: 'text', text: 'At noon.' }] },
      ];
      const longer = { ...first, messages: more, tree: treeOf(more, { activeLeaf: 'x' }) };
      const client = new Client({ apiUrl: server.url, apiKey: null });
      for (const [mode, shows, checkpoints] of [
        ['history', first, 5],
        ['full', longer, 5],
      ] as const) {
        const { counts } = await pipeline([shows], { name: 'anew' })
          .through(conversationsToThreads({ graphId: 'desk' }))
          .to(
            langgraphSink(
              { apiUrl: server.url, mode, ifExists: 'continue' },
              { progressFolder: join(directory, mode) },
            ),
          )
          .run();
        assert.equal(counts.written, 1);
        const id = threadIdOf(shows);
        assert.deepEqual(own(await read(server.url, id)), shows);
        const history = await client.threads.getHistory(id, { limit: 100 });
        // One for each message; by history also the mark of the end.
        assert.ok(history.length <= checkpoints, `${mode}: ${history.length}`);
      }
    });
  }

  const name = `forks, questions and removed messages of a ${runtime} server are in the conversation`;
  if ('skip' in server) {
    test(name, { skip: server.skip }, () => undefined);
    continue;
  }
  test(name, async () => {
    const client = new Client({ apiUrl: server.url, apiKey: null });
    const told = async (kind: 'fork' | 'waiting' | 'removed'): Promise<readonly [string, Conversation]> => {
      const found = await read(server.url, await seedThread(client, kind));
      return [found.messages.map(({ id, parentId }) => `${id}<${parentId ?? ''}`).join(' '), found];
    };
    const [fork, forked] = await told('fork');
    assert.equal(fork, 'h1< reply-1<h1 h2<reply-1 reply-2<h2 h2~2<reply-1 reply-2~2<h2~2');
    assert.equal(forked.tree.activeLeaf, 'reply-2~2');
    assert.equal(forked.owner.id, 'ana');
    const [, waiting] = await told('waiting');
    const [question] = waiting.source.extra?.['interrupts'] as readonly { readonly value: unknown }[];
    assert.deepEqual(question?.value, { ask: 'send it?', turns: 1 });
    const [removed, { messages: kept }] = await told('removed');
    assert.equal(removed, 'h1< reply-1<h1 h2<reply-1');
    assert.deepEqual(
      kept.map(({ source }) => source?.extra?.['removed'] ?? false),
      [true, true, false],
    );
  });
}
