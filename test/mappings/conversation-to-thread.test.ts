import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { conversationToThread, type ConversationToThreadOptions } from '../../src/mappings/conversation-to-thread.ts';
import { threadToConversation } from '../../src/mappings/thread-to-conversation.ts';
import type { Part } from '../../src/models/conversation-parts.ts';
import { CONVERSATION_SCHEMA, type Conversation, type Message } from '../../src/models/conversation.ts';
import { conversationSchema } from '../../src/models/conversation-schema.ts';
import { isThreadRecord, parentIdOf, type ThreadRecord } from '../../src/models/langgraph.ts';
import { treeOf } from '../../src/tree/conversation-tree.ts';

const base: Omit<Conversation, 'messages' | 'tree'> = {
  schema: CONVERSATION_SCHEMA,
  id: 'c1',
  key: 'librechat:u1:c1',
  owner: { id: 'u1', email: 'ana@example.org' },
  title: 'Tides',
  createdAt: '2026-03-01T08:00:00.000Z',
  updatedAt: '2026-03-01T08:02:11.000Z',
  archived: true,
  pinned: false,
  temporary: false,
  tags: ['sea'],
  project: { id: 'p1', name: 'Water' },
  settings: { endpoint: 'agents', model: 'm', parameters: { temperature: 0.5 } },
  files: [],
  source: { system: 'librechat', recordId: '65f0' },
};

function conversation(
  messages: readonly Message[],
  more: Partial<Conversation> = {},
  activeLeaf?: string,
): Conversation {
  return { ...base, messages, tree: treeOf(messages, { activeLeaf }), ...more };
}

/** Messages of a tree: `a b<a c<a`. */
function messagesOf(text: string): Message[] {
  return text.split(' ').map((one, index) => {
    const [id = '', parentId = null] = one.split('<');
    const createdAt = new Date(Date.UTC(2026, 2, 1, 8, 0, index)).toISOString();
    return {
      id,
      parentId,
      role: index % 2 === 0 ? 'user' : 'assistant',
      createdAt,
      parts: [{ type: 'text', text: id }],
    };
  });
}

function there(record: Conversation, options: ConversationToThreadOptions = {}): ThreadRecord {
  const { thread } = conversationToThread(record, { graphId: 'agent', ...options });
  const copy: unknown = JSON.parse(JSON.stringify(thread));
  assert.ok(isThreadRecord(copy));
  return copy;
}

function andBack(record: Conversation, options?: ConversationToThreadOptions): Conversation {
  const { conversation: back, losses } = threadToConversation(there(record, options));
  const checked = conversationSchema.safeParse(back);
  assert.ok(checked.success, checked.error?.message);
  assert.deepEqual(losses, []);
  return back;
}

/** Each checkpoint: its messages, and the number of the one it came after. */
function shapeOf({ history }: ThreadRecord): string[] {
  const numbers = new Map(history.map(({ checkpoint }, index) => [checkpoint.checkpoint_id, index]));
  return history.map((entry) => {
    const { messages } = entry.values as { messages: readonly { id: string }[] };
    const parent = parentIdOf(entry);
    return `${messages.map(({ id }) => id).join(' ')} <${parent === undefined ? '' : numbers.get(parent)}`;
  });
}

describe('the history of a thread', () => {
  const cases: readonly (readonly [string, string, ConversationToThreadOptions, string | undefined, string[]])[] = [
    ['has a checkpoint after each message', 'a b<a c<b', {}, undefined, ['a <', 'a b <0', 'a b c <1']],
    ['forks where branches begin', 'a b<a c<a', {}, undefined, ['a <', 'a b <0', 'a c <0']],
    ['ends with the branch that is shown', 'a b<a c<a', {}, 'b', ['a <', 'a b <0', 'a c <0', 'a b <0']],
    ['begins with nothing where there are several beginnings', 'a b', {}, undefined, [' <', 'a <0', 'b <0']],
    ['is only the branch that is shown', 'a b<a c<a', { branches: 'active' }, 'b', ['a <', 'a b <0']],
    [
      'has a checkpoint only where branches begin and end',
      'a b<a c<b d<b e<d',
      { checkpoints: 'branches' },
      undefined,
      ['a b <', 'a b c <0', 'a b d e <0'],
    ],
    ['is made smaller where it would be too large', 'a b<a c<b', { maxThreadBytes: 900 }, undefined, ['a b c <']],
  ];
  for (const [name, tree, options, leaf, expected] of cases)
    test(name, () => assert.deepEqual(shapeOf(there(conversation(messagesOf(tree), {}, leaf), options)), expected));

  test('has ids that sort as the history does, and times that do not go back', () => {
    const messages = messagesOf('a b<a c<a d<b').map((message, index) => ({
      ...message,
      createdAt:
        [null, '2026-03-01T08:00:05.000001Z', '2026-03-01T08:00:04.000Z', '+020000-01-01T00:00:00.000Z'][index] ?? null,
    }));
    const { history } = there(conversation(messages));
    const ids = history.map(({ checkpoint }) => checkpoint.checkpoint_id);
    assert.deepEqual([...ids].sort(), ids);
    assert.equal(new Set(ids).size, ids.length);
    const times = history.map(({ created_at }) => Date.parse(created_at ?? ''));
    assert.deepEqual(
      [...times].sort((a, b) => a - b),
      times,
    );
    assert.deepEqual(andBack(conversation(messages)).messages, messages);
  });
});

test('the same conversation gives the same thread, and another key another one', () => {
  const record = conversation(messagesOf('a b<a'));
  assert.deepEqual(there(record), there(record));
  const id = '5A0D7E9C-0000-4000-8000-00000000000A';
  assert.equal(there({ ...record, id }, { threadIds: 'same' }).thread_id, id.toLowerCase());
  assert.equal(there({ ...record, id, key: `librechat:${id}` }).thread_id, id.toLowerCase(), 'the key is the id alone');
  const ofUsers = ['u1', 'u2'].map((user) => there({ ...record, id, key: `librechat:${user}:${id}` }).thread_id);
  assert.equal(new Set([...ofUsers, id.toLowerCase()]).size, 3, 'two people, one id, two threads');
  assert.match(there(record).thread_id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notEqual(there(record).thread_id, there({ ...record, key: 'librechat:u2:c1' }).thread_id);
  const { metadata } = there(record).thread;
  assert.deepEqual([metadata?.['graph_id'], metadata?.['owner'], metadata?.['title']], ['agent', 'u1', 'Tides']);
});

test('a thread needs a graph, and has to have room', () => {
  const record = conversation(messagesOf('a b<a'));
  assert.throws(() => conversationToThread(record), { code: 'ETL_RECORD_INVALID' });
  assert.throws(() => conversationToThread(record, { graphId: 'g', maxThreadBytes: 10 }), {
    code: 'ETL_RECORD_TOO_LARGE',
  });
});

test('an answer with tools becomes messages that LangChain knows', () => {
  const parts: readonly Part[] = [
    { type: 'reasoning', text: 'hm' },
    { type: 'toolCall', id: 'x', name: 'search', arguments: '{"q":"tide"}' },
    { type: 'toolCall', id: 'y', name: 'clock', arguments: {} },
    { type: 'toolResult', callId: 'x', name: 'search', output: '06:12' },
    { type: 'toolResult', callId: 'y', name: 'clock', output: { hour: 6 }, failed: true },
    { type: 'text', text: 'At twelve past six.' },
  ];
  const record = conversation([
    { id: 'm', parentId: null, role: 'assistant', model: 'gpt', createdAt: base.createdAt, parts },
  ]);
  const { values } = there(record).history[0] ?? {};
  const { messages } = values as { messages: Record<string, unknown>[] };
  const shown = messages.map(({ additional_kwargs: _, response_metadata: __, ...message }) => message);
  assert.deepEqual(shown, [
    {
      type: 'ai',
      id: 'm',
      content: [{ type: 'reasoning', reasoning: 'hm' }],
      tool_calls: [
        { id: 'x', name: 'search', args: { q: 'tide' }, type: 'tool_call' },
        { id: 'y', name: 'clock', args: {}, type: 'tool_call' },
      ],
    },
    { type: 'tool', id: 'm/2', content: '06:12', tool_call_id: 'x', name: 'search', status: 'success' },
    { type: 'tool', id: 'm/3', content: '{"hour":6}', tool_call_id: 'y', name: 'clock', status: 'error' },
    { type: 'ai', id: 'm/4', content: 'At twelve past six.', tool_calls: [] },
  ]);
  assert.deepEqual(messages[3]?.['response_metadata'], { model_name: 'gpt' });
  assert.deepEqual(andBack(record), record);
});

test('what a thread has no place for is told', async (t) => {
  const cases: readonly (readonly [string, Part, Message['role'], string, Part | undefined])[] = [
    ['a file without a link', { type: 'file', fileId: 'f' }, 'user', 'file', undefined],
    ['a citation', { type: 'citation', sources: [{ url: 'https://a' }] }, 'assistant', 'citation', undefined],
    ['an error', { type: 'error', text: 'no' }, 'assistant', 'error', { type: 'text', text: 'no' }],
    [
      'what nobody knows',
      { type: 'other', sourceType: 'hologram', value: 1, text: 'words' },
      'assistant',
      'hologram',
      { type: 'text', text: 'words' },
    ],
    ['who said it', { type: 'text', text: 'a', agentId: 'x' }, 'assistant', 'who said it', { type: 'text', text: 'a' }],
    [
      'fields of the source',
      { type: 'text', text: 'a', extra: { b: 1 } },
      'assistant',
      'field',
      { type: 'text', text: 'a' },
    ],
    ['thoughts of a user', { type: 'reasoning', text: 'a' }, 'user', 'reasoning of another', undefined],
    [
      'a call by a user',
      { type: 'toolCall', id: 'a', name: 'b', arguments: {} },
      'user',
      'call of a tool by another',
      undefined,
    ],
    [
      'a call without id',
      { type: 'toolCall', id: null, name: 'b', arguments: {} },
      'assistant',
      'call without an id',
      { type: 'toolCall', id: 'm/call-1', name: 'b', arguments: {} },
    ],
    [
      'arguments that are a list',
      { type: 'toolCall', id: 'a', name: 'b', arguments: [1] },
      'assistant',
      'arguments that are no object',
      { type: 'toolCall', id: 'a', name: 'b', arguments: { input: [1] } },
    ],
  ];
  for (const [name, part, role, kind, left] of cases) {
    await t.test(name, () => {
      const record = conversation([{ id: 'm', parentId: null, role, createdAt: null, parts: [part] }]);
      const { losses } = conversationToThread(record, { graphId: 'agent' });
      assert.deepEqual(
        losses.map((loss) => loss.kind),
        [kind],
      );
      assert.deepEqual(andBack(record).messages[0]?.parts, left === undefined ? [] : [left]);
    });
  }
  await t.test('the conversation’s own', () => {
    const record = conversation(messagesOf('a'), {
      files: [{ id: 'f' }],
      source: { system: 'x', extra: { a: 1 }, dropped: [1] },
    });
    const { losses } = conversationToThread(record, { graphId: 'agent' });
    assert.deepEqual(
      losses.map(({ detail }) => detail),
      ['files', 'source.dropped', 'source.extra'],
    );
  });
});

const text = fc.oneof(fc.string(), fc.constantFrom('', 'hello', 'é 👩‍🚀', '{"a":1}'));
const id = fc.string({ minLength: 1, maxLength: 3 });
const value = fc.jsonValue({ maxDepth: 2 }).map((json) => JSON.parse(JSON.stringify(json)) as never);
const callArguments = fc.oneof(
  text,
  fc.dictionary(
    fc.string({ maxLength: 4 }).filter((name) => name !== '__proto__'),
    value,
    { maxKeys: 2 },
  ),
);
const call: fc.Arbitrary<Part> = fc.record({
  type: fc.constant('toolCall' as const),
  id,
  name: text,
  arguments: callArguments,
});
const result: fc.Arbitrary<Part> = fc
  .record({ callId: fc.option(id), name: id, output: fc.oneof(text, value), isFailed: fc.boolean() })
  .map(({ callId, name, output, isFailed }) => ({
    type: 'toolResult',
    callId,
    name,
    output,
    ...(isFailed && { failed: true as const }),
  }));
const said: fc.Arbitrary<Part> = fc.record({ type: fc.constant('text' as const), text });
const file: fc.Arbitrary<Part> = fc.constantFrom<Part>(
  { type: 'file', url: 'https://a/b.png', mediaType: 'image/png' },
  { type: 'file', url: 'https://a/b' },
  { type: 'file', url: 'data:text/plain;base64,QQ==', mediaType: 'text/plain', name: 'a.txt' },
  { type: 'file', url: 'data:text/plain,a', mediaType: 'text/plain' },
);
const thought: fc.Arbitrary<Part> = fc.record({ type: fc.constant('reasoning' as const), text });

const partsOf: Readonly<Record<Message['role'], fc.Arbitrary<readonly Part[]>>> = {
  user: fc.array(fc.oneof(said, file), { maxLength: 3 }),
  assistant: fc.array(fc.oneof(said, thought, call, result, file), { maxLength: 6 }),
  system: fc.array(said, { maxLength: 2 }),
  tool: fc.oneof(
    fc.array(result, { maxLength: 2 }),
    said.map((part) => [part]),
  ),
};

const fields = fc.record(
  {
    name: fc.constantFrom('User', 'GPT'),
    model: fc.constant('gpt-5'),
    finishReason: fc.constant('stop'),
    endpoint: fc.constant('openAI'),
    recipient: fc.constant('all'),
    channel: fc.constant('final'),
    updatedAt: fc.constant('2026-03-01T09:00:00.123456Z'),
    tokens: fc.nat(),
    hidden: fc.constant(true as const),
    unfinished: fc.constant(true as const),
    failed: fc.constant(true as const),
    feedback: fc.constantFrom<NonNullable<Message['feedback']>>({ rating: 'up' }, { rating: null, text: 'hm' }),
    source: fc.constant({ recordId: '65f1' }),
  },
  { requiredKeys: [] },
);

const message = fc
  .record({
    role: fc.constantFrom<Message['role']>('user', 'assistant', 'assistant', 'system', 'tool'),
    createdAt: fc.constantFrom(
      null,
      '2026-03-01T08:00:00.000Z',
      '2026-03-01T08:00:00.000001Z',
      '2025-12-31T23:59:59.999Z',
    ),
    above: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    fields,
  })
  .chain((one) => partsOf[one.role].map((parts) => ({ ...one, parts })));

const conversations = fc
  .record({ messages: fc.array(message, { maxLength: 12 }), shown: fc.option(fc.nat()) })
  .map(({ messages, shown }) => {
    const list = messages.map(({ role, createdAt, above, fields: more, parts }, index): Message => {
      const parent = Math.floor(above * (index + 1)) - 1;
      return { id: `m${index}`, parentId: parent < 0 ? null : `m${parent}`, role, createdAt, parts, ...more };
    });
    const leaf = shown === null || list.length === 0 ? undefined : list[shown % list.length]?.id;
    // Records of the generator have no prototype.
    return JSON.parse(JSON.stringify(conversation(list, {}, leaf))) as Conversation;
  });

test('a conversation comes back from a thread as it was', () => {
  fc.assert(
    fc.property(conversations, (record) => {
      assert.deepEqual(conversationToThread(record, { graphId: 'agent' }).losses, []);
      assert.deepEqual(andBack(record), record);
    }),
    { numRuns: 500 },
  );
});

test('a conversation comes back from a thread with few checkpoints, branch after branch', () => {
  const sorted = ({ messages, tree, ...rest }: Conversation): unknown => ({
    ...rest,
    messages: [...messages].sort((a, b) => a.id.localeCompare(b.id)),
    activeLeaf: tree.activeLeaf,
    roots: tree.roots,
    children: messages
      .map(({ id: parent }) =>
        messages
          .filter((one) => one.parentId === parent)
          .map((one) => one.id)
          .join(' '),
      )
      .sort(),
  });
  fc.assert(
    fc.property(conversations, (record) => {
      assert.deepEqual(sorted(andBack(record, { checkpoints: 'branches' })), sorted(record));
    }),
    { numRuns: 300 },
  );
});

test('a chain of 20,000 messages goes there and back', () => {
  const messages = Array.from(
    { length: 20_000 },
    (_, index): Message => ({
      id: `m${index}`,
      parentId: index === 0 ? null : `m${index - 1}`,
      role: index % 2 === 0 ? 'user' : 'assistant',
      createdAt: null,
      parts: [{ type: 'text', text: `${index}` }],
    }),
  );
  const record = conversation(messages);
  const { losses } = conversationToThread(record, { graphId: 'agent' });
  assert.deepEqual(
    losses.map(({ kind }) => kind),
    ['checkpoints'],
  );
  assert.deepEqual(andBack(record), record);
});

test('a thread that is gone on with keeps what it was made of', () => {
  const record = conversation(messagesOf('a b<a'));
  const thread = there(record);
  const head = thread.history.at(-1);
  assert.ok(head !== undefined);
  const values = head.values as { messages: readonly unknown[] };
  const more = { type: 'human', id: 'new', content: 'and now?' };
  const next = {
    ...head,
    values: { messages: [...values.messages, more], turns: 3 },
    created_at: '2026-04-01T00:00:00.000Z',
    metadata: { source: 'loop', step: 9 },
    checkpoint: { checkpoint_id: 'next' },
    parent_checkpoint: head.checkpoint,
  };
  const { conversation: back } = threadToConversation({ ...thread, history: [...thread.history, next] });
  assert.equal(back.key, record.key);
  assert.deepEqual(back.messages.slice(0, 2), record.messages);
  assert.deepEqual(back.messages[2], {
    id: 'new',
    parentId: 'b',
    role: 'user',
    createdAt: '2026-04-01T00:00:00.000Z',
    parts: [{ type: 'text', text: 'and now?' }],
  });
  assert.deepEqual(back.source.extra, { values: { turns: 3 } });
});
