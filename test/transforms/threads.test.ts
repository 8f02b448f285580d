import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import type { Conversation, Message } from '../../src/models/conversation.ts';
import { THREAD_SCHEMA, type ThreadRecord } from '../../src/models/langgraph.ts';
import type { Transform } from '../../src/stage.ts';
import { conversationsToThreads } from '../../src/transforms/conversations-to-threads.ts';
import { threadRows } from '../../src/transforms/thread-rows.ts';
import { threadsToConversations } from '../../src/transforms/threads-to-conversations.ts';
import { conversationOf } from '../helpers/conversation.ts';
import { run, runBroken } from './run.ts';

/** A thread of `count` checkpoints, each with one message more. */
function thread(id: string, count: number): ThreadRecord {
  const messages = Array.from({ length: count }, (_, index) => ({
    type: 'human',
    id: `m${index}`,
    content: `${id}${index}`,
  }));
  return {
    schema: THREAD_SCHEMA,
    thread_id: id,
    thread: { thread_id: id, metadata: { owner: 'ana' } },
    origin: { runtime: 'js' },
    history: messages.map((_, index) => ({
      values: { messages: messages.slice(0, index + 1) },
      next: [],
      tasks: [],
      metadata: { source: 'loop', step: index },
      created_at: '2026-01-01T00:00:00.000Z',
      checkpoint: { checkpoint_id: `${index}`, checkpoint_ns: '' },
      parent_checkpoint: index === 0 ? null : { checkpoint_id: `${index - 1}`, checkpoint_ns: '' },
    })),
  };
}

/** The same thread with so many checkpoints in each record. */
function inParts(whole: ThreadRecord, size: number): ThreadRecord[] {
  const { history, ...rest } = whole;
  return Array.from({ length: Math.ceil(history.length / size) }, (_, index) => ({
    ...rest,
    history: history.slice(index * size, (index + 1) * size),
    part: { number: index + 1, isLast: (index + 1) * size >= history.length },
  }));
}

const toConversations = (): Transform<unknown, unknown> => threadsToConversations() as Transform<unknown, unknown>;

async function rejectFile(t: TestContext): Promise<{ readonly to: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'threads-'));
  t.after(() => rm(directory, { recursive: true }));
  return { to: join(directory, 'rejects.jsonl') };
}

test('parts of a thread are one conversation, the same as the whole', async () => {
  const whole = thread('t', 7);
  const { records, counts } = await run([whole, ...inParts(whole, 2), whole], [toConversations()], { batchSize: 3 });
  assert.deepEqual([counts.read, counts.written, counts.merged], [6, 3, 3]);
  assert.deepEqual(records[1], records[0]);
  assert.deepEqual(records[2], records[0]);
});

test('a run that breaks between the parts of a thread goes on with all of them', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'threads-'));
  t.after(() => rm(directory, { recursive: true }));
  const records = [thread('a', 1), ...inParts(thread('b', 9), 2), thread('c', 2), ...inParts(thread('d', 4), 1)];
  const options = { batchSize: 1, directory };
  const unbroken = await run(records, [toConversations()], { batchSize: 1 });
  for (let failAt = 1; failAt < records.length; failAt++) {
    const broken = await runBroken(records, () => [toConversations()], [{ failAt }, { failAfter: 1 }], options);
    assert.deepEqual(broken.records, unbroken.records);
    assert.deepEqual(broken.counts, unbroken.counts);
  }
});

test('the row of a thread has its last state, wherever a run was broken off among its parts', async () => {
  // The last parts are those of a subgraph, which are not the state of the thread.
  const whole = thread('t', 4);
  const inside = thread('t', 3).history.map((entry) => ({
    ...entry,
    checkpoint: { ...entry.checkpoint, checkpoint_ns: 'inner:1' },
  }));
  const records = [thread('a', 1), ...inParts({ ...whole, history: [...whole.history, ...inside] }, 2), thread('b', 2)];
  const toRows = () => [threadRows({ table: 'threads' }) as Transform<unknown, unknown>];
  const unbroken = await run(records, toRows(), { batchSize: 1 });
  assert.deepEqual(
    unbroken.records.map((row) => (row as { values: { messages: readonly unknown[] } }).values.messages.length),
    [1, 4, 2],
  );
  for (const failAt of [1, 2, 3, 4, 5]) {
    const broken = await runBroken(records, toRows, [{ failAt }], { batchSize: 1 });
    assert.deepEqual(broken.records, unbroken.records, String(failAt));
    assert.deepEqual(broken.counts, unbroken.counts);
  }
});

test('a thread without its first, a middle or its last part is rejected', async (t) => {
  const parts = inParts(thread('b', 6), 2);
  const [first, second, third] = parts;
  const good = thread('a', 1);
  const cases: readonly (readonly [string, readonly unknown[], number])[] = [
    ['first', [good, second, third, good], 2],
    ['middle', [good, first, third, good], 1],
    ['last, before another', [good, first, second, good], 1],
    ['last, at the end', [good, good, first, second], 1],
    ['all but the first, at the end', [good, good, first], 1],
    ['no thread at all', [good, { schema: 'other' }, good], 1],
  ];
  for (const [name, records, rejected] of cases) {
    await t.test(name, async (inner) => {
      for (const batchSize of [1, 3]) {
        const { counts } = await run(records, [toConversations()], { batchSize, onReject: await rejectFile(inner) });
        assert.equal(counts.written, 2);
        assert.equal(counts.rejected, rejected);
      }
    });
  }
});

function conversation(id: string, messages: readonly Message[]): Conversation {
  const at = '2026-01-01T00:00:00.000Z';
  return conversationOf(messages, { id, createdAt: at, updatedAt: at });
}

const hello: Message = {
  id: 'm',
  parentId: null,
  role: 'user',
  createdAt: null,
  parts: [{ type: 'text', text: 'hi' }],
};

test('conversations become threads and conversations again', async (t) => {
  const given = [
    conversation('a', []),
    conversation('b', [hello, { ...hello, id: 'n', parentId: 'm', role: 'assistant' }]),
  ];
  const there = conversationsToThreads({ graphId: 'agent' }) as Transform<unknown, unknown>;
  const { records, counts } = await run([...given, { no: 'conversation' }], [there, toConversations()], {
    onReject: await rejectFile(t),
  });
  assert.deepEqual(records, given);
  assert.deepEqual([counts.written, counts.rejected], [2, 1]);
});

test('a conversation without a graph is rejected, and one that is too large', async (t) => {
  const records = [conversation('a', [hello])];
  for (const options of [{}, { graphId: 'agent', maxThreadBytes: 10 }]) {
    const there = conversationsToThreads(options) as Transform<unknown, unknown>;
    const { counts } = await run(records, [there], { onReject: await rejectFile(t) });
    assert.equal(counts.rejected, 1);
  }
});
