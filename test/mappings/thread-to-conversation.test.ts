import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { conversationToThread } from '../../src/mappings/conversation-to-thread.ts';
import { threadToConversation, type ThreadMappingOptions } from '../../src/mappings/thread-to-conversation.ts';
import type { Conversation, Message } from '../../src/models/conversation.ts';
import { conversationSchema } from '../../src/models/conversation-schema.ts';
import { THREAD_SCHEMA, type HistoryEntry, type ThreadRecord } from '../../src/models/langgraph.ts';

type Fields = Readonly<Record<string, unknown>>;

const human = (id: string, content: unknown = id): Fields => ({ type: 'human', id, content });
const ai = (id: string, content: unknown = id, more: Fields = {}): Fields => ({ type: 'ai', id, content, ...more });
const [h1, a1, h2, a2] = [human('h1'), ai('a1'), human('h2'), ai('a2')];

type Checkpoint = readonly [id: string, parent: string | null, messages: readonly unknown[], source?: string];

/** A history: each checkpoint by its id, the one before it, and its messages. */
function thread(checkpoints: readonly Checkpoint[], more: Partial<ThreadRecord> = {}): ThreadRecord {
  const history = checkpoints.map(
    ([id, parent, messages, source = 'loop'], step): HistoryEntry => ({
      values: { messages, count: step },
      next: [],
      tasks: [],
      metadata: { source, step },
      created_at: `2026-01-01T00:00:${String(step).padStart(2, '0')}.123456+00:00`,
      checkpoint: { checkpoint_id: id, checkpoint_ns: '' },
      parent_checkpoint: parent === null ? null : { checkpoint_id: parent, checkpoint_ns: '' },
    }),
  );
  return {
    schema: THREAD_SCHEMA,
    thread_id: 't1',
    thread: {
      thread_id: 't1',
      created_at: '2026-01-01T00:00:00Z',
      metadata: { owner: 'ana', title: 'A talk', graph_id: 'agent' },
      status: 'idle',
    },
    origin: { runtime: 'js' },
    history,
    ...more,
  };
}

function convert(record: ThreadRecord, options?: ThreadMappingOptions): Conversation {
  const { conversation } = threadToConversation(record, options);
  const checked = conversationSchema.safeParse(conversation);
  assert.ok(checked.success, checked.error?.message);
  return conversation;
}

/** `id<parent`, in order. */
const shapeOf = ({ messages }: Conversation): string =>
  messages.map(({ id, parentId }) => `${id}<${parentId ?? ''}`).join(' ');

describe('the tree of messages', () => {
  const edited = human('h2', 'otherwise');
  const cases: readonly (readonly [string, readonly Checkpoint[], string, string | null])[] = [
    ['of no checkpoints', [], '', null],
    ['of checkpoints without messages', [['1', null, []]], '', null],
    [
      'of a row',
      [
        ['1', null, [h1]],
        ['2', '1', [h1, a1]],
        ['3', '2', [h1, a1, h2]],
      ],
      'h1< a1<h1 h2<a1',
      'h2',
    ],
    [
      'branches where the history forks',
      [
        ['1', null, [h1]],
        ['2', '1', [h1, a1]],
        ['3', '1', [h1, a2]],
        ['4', '3', [h1, a2, h2]],
      ],
      'h1< a1<h1 a2<h1 h2<a2',
      'h2',
    ],
    [
      'branches at the top where the history forks before the first message',
      [
        ['1', null, []],
        ['2', '1', [h1]],
        ['3', '1', [h2]],
      ],
      'h1< h2<',
      'h2',
    ],
    [
      'goes on with the older branch when that is done',
      [
        ['1', null, [h1]],
        ['2', '1', [h1, a1]],
        ['3', '1', [h1, a2]],
        ['4', '2', [h1, a1, h2]],
      ],
      'h1< a1<h1 a2<h1 h2<a1',
      'h2',
    ],
    [
      'branches where a message is edited by hand',
      [
        ['1', null, [h1, a1, h2]],
        ['2', '1', [h1, a1, edited], 'update'],
        ['3', '2', [h1, a1, edited, a2]],
      ],
      'h1< a1<h1 h2<a1 h2~2<a1 a2<h2~2',
      'a2',
    ],
    [
      'branches where the first message is edited and answered anew',
      [
        ['1', null, [h1]],
        ['2', '1', [h1, a1]],
        ['3', '2', [human('h1', 'anew')]],
        ['4', '3', [human('h1', 'anew'), a2]],
      ],
      'h1< a1<h1 h1~2< a2<h1~2',
      'a2',
    ],
    [
      'keeps a message in its place that a node edits',
      [
        ['1', null, [h1, a1]],
        ['2', '1', [h1, ai('a1', 'polished')]],
        ['3', '2', [h1, ai('a1', 'polished'), h2]],
      ],
      'h1< a1<h1 h2<a1',
      'h2',
    ],
    [
      'keeps messages that are taken away',
      [
        ['1', null, [h1, a1, h2]],
        ['2', '1', [h2]],
        ['3', '2', [h2, a2]],
      ],
      'h1< a1<h1 h2<a1 a2<h2',
      'a2',
    ],
    [
      'branches where the last message was taken back',
      [
        ['1', null, [h1, a1]],
        ['2', '1', [h1]],
        ['3', '2', [h1, a2]],
      ],
      'h1< a1<h1 a2<h1',
      'a2',
    ],
    [
      'is not doubled when a message comes back',
      [
        ['1', null, [h1, a1]],
        ['2', '1', [h1]],
        ['3', '2', [h1, a1]],
      ],
      'h1< a1<h1',
      'a1',
    ],
    [
      'goes on where all were replaced by a summary',
      [
        ['1', null, [h1, a1]],
        ['2', '1', [human('s', 'so far')]],
        ['3', '2', [human('s', 'so far'), h2]],
      ],
      'h1< a1<h1 s<a1 h2<s',
      'h2',
    ],
    [
      'goes on where a summary was put before what stayed',
      [
        ['1', null, [h1, a1]],
        ['2', '1', [human('s', 'so far'), a1]],
        ['3', '2', [human('s', 'so far'), a1, h2]],
      ],
      'h1< a1<h1 s<a1 h2<s',
      'h2',
    ],
    [
      'is one where two forks say the same',
      [
        ['1', null, [h1]],
        ['2', '1', [h1, a1]],
        ['3', '1', [h1, a1]],
        ['4', '3', [h1, a1, h2]],
      ],
      'h1< a1<h1 h2<a1',
      'h2',
    ],
    [
      'tells apart what two branches say under one id',
      [
        ['1', null, []],
        ['2', '1', [h1, a1]],
        ['3', '1', [h2, a1]],
      ],
      'h1< a1<h1 h2< a1~2<h2',
      'a1~2',
    ],
    [
      'is whole where older checkpoints were left out',
      [
        ['8', '7', [h1, a1]],
        ['9', '8', [h1, a1, h2]],
      ],
      'h1< a1<h1 h2<a1',
      'h2',
    ],
    [
      'takes no order to remove for a message',
      [['1', null, [h1, { type: 'remove', id: 'a9', content: '' }]]],
      'h1<',
      'h1',
    ],
    ['keeps two messages of one id apart', [['1', null, [h1, human('h1', 'again')]]], 'h1< h1#2<h1', 'h1#2'],
  ];
  for (const [name, checkpoints, expected, activeLeaf] of cases) {
    test(name, () => {
      const conversation = convert(thread(checkpoints));
      assert.equal(shapeOf(conversation), expected);
      assert.equal(conversation.tree.activeLeaf, activeLeaf);
    });
  }

  test('has ids for messages without, the same in each checkpoint', () => {
    const [x, y] = [
      { type: 'human', content: 'x' },
      { type: 'ai', content: 'y' },
    ];
    const { messages, tree } = convert(
      thread([
        ['1', null, [x]],
        ['2', '1', [x, y, x]],
      ]),
    );
    assert.equal(messages.length, 3);
    assert.equal(new Set(messages.map(({ id }) => id)).size, 3);
    assert.deepEqual(
      tree.repairs.map(({ kind }) => kind),
      ['id-absent', 'id-absent', 'id-absent'],
    );
  });

  test('is found in another channel, and in a state that is a list', () => {
    const record = thread([['1', null, [h1, a1]]]);
    const [entry] = record.history;
    assert.ok(entry !== undefined);
    const named = { ...record, history: [{ ...entry, values: { talk: [h1, a1] } }] };
    assert.equal(convert(named, { channel: 'talk' }).messages.length, 2);
    assert.equal(convert(named).messages.length, 0);
    assert.equal(convert({ ...record, history: [{ ...entry, values: [h1, a1] }] }).messages.length, 2);
  });

  test('is the row’s messages where there is no history', () => {
    const record = thread([]);
    const row = { ...record.thread, values: { messages: [h1, a1], title: 'x' } };
    const conversation = convert({ ...record, thread: row });
    assert.equal(shapeOf(conversation), 'h1< a1<h1');
    assert.equal(conversation.messages[0]?.createdAt, null);
  });

  test('of 20,000 messages in one checkpoint, and of 1,500 checkpoints, is made without recursion', () => {
    const messages = Array.from({ length: 20_000 }, (_, index) =>
      index % 2 === 0 ? human(`m${index}`) : ai(`m${index}`),
    );
    assert.equal(convert(thread([['1', null, messages]])).tree.depth, 20_000);
    const many = messages
      .slice(0, 1500)
      .map((_, index) => [`${index}`, index === 0 ? null : `${index - 1}`, messages.slice(0, index + 1)] as const);
    assert.equal(convert(thread(many)).tree.depth, 1500);
  });
});

test('earlier versions, and what was taken away, are on the message', () => {
  const polished = ai('a1', 'polished');
  const { messages } = convert(
    thread([
      ['1', null, [h1, a1]],
      ['2', '1', [h1, polished]],
      ['3', '2', [polished, h2]],
    ]),
  );
  assert.deepEqual(messages[0]?.source?.extra, { removed: true });
  assert.deepEqual(messages[1]?.parts, [{ type: 'text', text: 'polished' }]);
  assert.deepEqual(messages[1]?.source?.extra, { versions: [{ checkpointId: '2', value: a1 }] });
  assert.equal(messages[1]?.createdAt, '2026-01-01T00:00:00.123456Z');
  assert.equal(messages[1]?.updatedAt, '2026-01-01T00:00:01.123456Z');
});

test('a summary put before the others is hidden', () => {
  const { messages } = convert(
    thread([
      ['1', null, [h1, a1]],
      ['2', '1', [human('s', 'so far'), a1]],
    ]),
  );
  assert.deepEqual(
    messages.map(({ hidden }) => hidden),
    [undefined, undefined, true],
  );
});

test('the conversation has the thread’s names and times, and the rest is kept or told', () => {
  const question = { id: 'q', value: 'go on?' };
  const record = thread([
    ['0', null, []],
    ['1', '0', [h1]],
  ]);
  const [start, entry] = record.history;
  assert.ok(start !== undefined && entry !== undefined);
  const waiting = {
    ...record,
    limited: true as const,
    history: [
      start,
      { ...entry, next: ['ask'], tasks: [{ id: 't', name: 'ask', interrupts: [question] }] },
      { ...entry, checkpoint: { checkpoint_id: '1', checkpoint_ns: 'sub:t' } },
    ],
  };
  const { conversation, losses } = threadToConversation(waiting);
  const { messages: _, tree, ...rest } = conversation;
  assert.deepEqual(rest, {
    schema: 'threadmill/conversation@1',
    id: 't1',
    key: 'langgraph:ana:t1',
    owner: { id: 'ana' },
    title: 'A talk',
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:01.123456Z',
    archived: false,
    pinned: false,
    temporary: false,
    tags: [],
    project: null,
    settings: { endpoint: 'agent' },
    files: [],
    source: {
      system: 'langgraph',
      recordId: 't1',
      extra: {
        metadata: record.thread.metadata,
        status: 'idle',
        origin: { runtime: 'js' },
        values: { count: 1 },
        next: ['ask'],
        interrupts: [question],
      },
    },
  });
  assert.deepEqual(
    tree.repairs.map(({ kind }) => kind),
    ['history-cut'],
  );
  assert.deepEqual(losses, [
    { kind: 'history', detail: 'channels of earlier checkpoints' },
    { kind: 'history', detail: 'checkpoints of subgraphs' },
  ]);
});

test('whose a thread is', async (t) => {
  const cases: readonly (readonly [string, Fields, string | undefined, Conversation['owner']])[] = [
    ['an id', { owner: 'ana' }, undefined, { id: 'ana' }],
    ['a number', { owner: 7 }, undefined, { id: '7' }],
    ['an address', { owner: 'ana@example.org' }, undefined, { id: 'ana@example.org', email: 'ana@example.org' }],
    [
      'an object',
      { owner: { id: 'u', email: 'a@b.c', name: 'Ana' } },
      undefined,
      { id: 'u', email: 'a@b.c', name: 'Ana' },
    ],
    ['another field', { who: 'ben', owner: 'ana' }, 'who', { id: 'ben' }],
    ['a field that clients use', { user_id: 'ben' }, undefined, { id: 'ben' }],
    ['nobody', {}, undefined, { id: '' }],
  ];
  for (const [name, metadata, owner, expected] of cases) {
    await t.test(name, () => {
      const record = thread([['1', null, [h1]]], { thread: { thread_id: 't1', metadata } });
      const conversation = convert(record, owner === undefined ? {} : { owner });
      assert.deepEqual(conversation.owner, expected);
      assert.equal(conversation.tree.repairs.length, expected.id === '' ? 1 : 0);
    });
  }
});

test('a checkpoint’s time is in its id where nothing else tells', () => {
  const record = thread([['1f1e54ff-9bb8-6830-8002-72f900805cf5', null, [h1]]]);
  const [entry] = record.history;
  assert.ok(entry !== undefined);
  const [message] = convert({ ...record, history: [{ ...entry, created_at: null }] }).messages;
  assert.equal(message?.createdAt, '2026-11-21T02:05:08.019000Z'.replace('000Z', 'Z'));
});

describe('messages of every kind', () => {
  const call = { id: 'c1', name: 'search', args: { q: 1 }, type: 'tool_call' };
  const cases: readonly (readonly [string, unknown, Partial<Message>])[] = [
    ['text', human('x', 'hi'), { role: 'user', parts: [{ type: 'text', text: 'hi' }] }],
    ['nothing', ai('x', ''), { role: 'assistant', parts: [] }],
    ['null', ai('x', null), { parts: [] }],
    ['plain text', 'hi', { role: 'user', parts: [{ type: 'text', text: 'hi' }] }],
    ['a pair', ['assistant', 'hi'], { role: 'assistant', parts: [{ type: 'text', text: 'hi' }] }],
    ['a role', { role: 'system', content: 'be good' }, { role: 'system', parts: [{ type: 'text', text: 'be good' }] }],
    [
      'a constructor',
      {
        lc: 1,
        type: 'constructor',
        id: ['langchain_core', 'messages', 'AIMessage'],
        kwargs: { id: 'x', content: 'hi', additional_kwargs: {} },
      },
      { id: 'x', role: 'assistant', parts: [{ type: 'text', text: 'hi' }] },
    ],
    [
      'a stored message',
      { type: 'human', data: { id: 'x', content: 'hi', example: false } },
      { id: 'x', role: 'user', parts: [{ type: 'text', text: 'hi' }] },
    ],
    [
      'empty fields, as Python writes them',
      { ...human('x', 'hi'), name: null, additional_kwargs: {}, response_metadata: {}, example: false },
      { id: 'x', role: 'user' },
    ],
    [
      'a call',
      ai('x', '', { tool_calls: [call] }),
      { parts: [{ type: 'toolCall', id: 'c1', name: 'search', arguments: { q: 1 } }] },
    ],
    [
      'a call with the provider’s own text',
      ai('x', '', {
        tool_calls: [call],
        additional_kwargs: {
          tool_calls: [{ id: 'c1', type: 'function', function: { name: 'search', arguments: '{ "q": 1 }' } }],
        },
      }),
      { parts: [{ type: 'toolCall', id: 'c1', name: 'search', arguments: '{ "q": 1 }' }] },
    ],
    [
      'a call of an older kind',
      ai('x', '', { additional_kwargs: { function_call: { name: 'search', arguments: '{}' } } }),
      { parts: [{ type: 'toolCall', id: null, name: 'search', arguments: '{}' }] },
    ],
    [
      'a call that stands in the content too',
      ai(
        'x',
        [
          { type: 'text', text: 'so' },
          { type: 'tool_use', id: 'c1', name: 'search', input: {} },
          { type: 'text', text: 'it is' },
        ],
        { tool_calls: [call] },
      ),
      {
        parts: [
          { type: 'text', text: 'so' },
          { type: 'toolCall', id: 'c1', name: 'search', arguments: { q: 1 } },
          { type: 'text', text: 'it is' },
        ],
      },
    ],
    [
      'a broken call',
      ai('x', '', { invalid_tool_calls: [{ id: 'c', name: 'f', args: '{"a":', error: 'cut' }] }),
      {
        parts: [
          {
            type: 'toolCall',
            id: 'c',
            name: 'f',
            arguments: '{"a":',
            sourceType: 'invalid_tool_call',
            extra: { error: 'cut' },
          },
        ],
      },
    ],
    [
      'a broken call that Python moved',
      ai('x', '', { additional_kwargs: { invalid_tool_calls: [{ id: 'c', name: 'f', args: '{' }] } }),
      { parts: [{ type: 'toolCall', id: 'c', name: 'f', arguments: '{', sourceType: 'invalid_tool_call' }] },
    ],
    [
      'reasoning beside the content',
      ai('x', 'b', { additional_kwargs: { reasoning_content: 'a' } }),
      {
        parts: [
          { type: 'reasoning', text: 'a', sourceType: 'reasoning_content' },
          { type: 'text', text: 'b' },
        ],
      },
    ],
    [
      'thinking in the content',
      ai('x', [{ type: 'thinking', thinking: 'hm', signature: 's' }]),
      { parts: [{ type: 'reasoning', text: 'hm', sourceType: 'thinking', extra: { signature: 's' } }] },
    ],
    [
      'summaries of reasoning',
      ai('x', [{ type: 'reasoning', summary: [{ type: 'summary_text', text: 'a' }, { text: 'b' }] }]),
      { parts: [{ type: 'reasoning', text: 'a\n\nb', sourceType: 'reasoning' }] },
    ],
    [
      'an image by its link',
      human('x', [{ type: 'image_url', image_url: { url: 'https://a/b.png', detail: 'low' } }]),
      { parts: [{ type: 'file', url: 'https://a/b.png', sourceType: 'image_url', extra: { detail: 'low' } }] },
    ],
    [
      'an image by its link alone',
      human('x', [{ type: 'image_url', image_url: 'data:image/png;base64,QQ==' }]),
      {
        parts: [{ type: 'file', url: 'data:image/png;base64,QQ==', mediaType: 'image/png', sourceType: 'image_url' }],
      },
    ],
    [
      'a file by its bytes',
      human('x', [{ type: 'file', data: 'QUJD', mime_type: 'application/pdf', extras: { filename: 'a.pdf' } }]),
      {
        parts: [
          {
            type: 'file',
            url: 'data:application/pdf;base64,QUJD',
            name: 'a.pdf',
            mediaType: 'application/pdf',
            sourceType: 'file',
          },
        ],
      },
    ],
    [
      'a document within a source',
      human('x', [{ type: 'document', source: { type: 'base64', media_type: 'text/plain', data: 'QQ==' } }]),
      {
        parts: [
          {
            type: 'file',
            url: 'data:text/plain;base64,QQ==',
            mediaType: 'text/plain',
            sourceType: 'document',
          },
        ],
      },
    ],
    [
      'a search by the provider',
      ai('x', [
        { type: 'server_tool_use', id: 's', name: 'web_search', input: { q: 1 } },
        { type: 'web_search_tool_result', tool_use_id: 's', content: [1] },
      ]),
      {
        parts: [
          { type: 'toolCall', id: 's', name: 'web_search', arguments: { q: 1 }, sourceType: 'server_tool_use' },
          { type: 'toolResult', callId: 's', output: [1], sourceType: 'web_search_tool_result' },
        ],
      },
    ],
    [
      'a block nobody knows',
      human('x', [{ type: 'hologram', at: 1 }]),
      { parts: [{ type: 'other', sourceType: 'hologram', value: { type: 'hologram', at: 1 } }] },
    ],
    [
      'model, tokens and why it ended',
      ai('x', 'a', {
        response_metadata: { model_name: 'm', finish_reason: 'stop', id: 'r' },
        usage_metadata: { output_tokens: 2 },
      }),
      {
        model: 'm',
        tokens: 2,
        finishReason: 'stop',
        source: { extra: { response_metadata: { id: 'r' }, usage_metadata: { output_tokens: 2 } } },
      },
    ],
    [
      'a role of its own',
      { type: 'chat', role: 'assistant', id: 'x', content: 'a' },
      { role: 'assistant', source: { extra: { type: 'chat', role: 'assistant' } } },
    ],
    [
      'a piece',
      { type: 'AIMessageChunk', id: 'x', content: 'a' },
      { role: 'assistant', source: { extra: { type: 'AIMessageChunk' } } },
    ],
    [
      'a name, and fields nobody knows',
      { type: 'human', id: 'x', content: 'a', name: 'Ana', custom: 1 },
      { name: 'Ana', source: { extra: { custom: 1 } } },
    ],
  ];
  for (const [name, given, expected] of cases) {
    test(name, () => {
      const [message] = convert(thread([['1', null, [given]]])).messages;
      const wanted: Partial<Message> = { source: undefined, ...expected } as Partial<Message>;
      const found = Object.fromEntries(Object.keys(wanted).map((field) => [field, message?.[field as keyof Message]]));
      assert.deepEqual(found, wanted);
    });
  }

  test('an answer of a tool is joined to its call', () => {
    const { messages } = convert(
      thread([
        [
          '1',
          null,
          [
            ai('a', '', { tool_calls: [call] }),
            { type: 'tool', id: 't', content: '42', tool_call_id: 'c1', status: 'success' },
            { type: 'tool', id: 'u', content: [1], tool_call_id: 'c9', status: 'error', artifact: { a: 1 } },
          ],
        ],
      ]),
    );
    assert.deepEqual(
      messages.slice(1).map(({ role, parts }) => [role, parts]),
      [
        ['tool', [{ type: 'toolResult', callId: 'c1', name: 'search', output: '42' }]],
        ['tool', [{ type: 'toolResult', callId: 'c9', output: [1], failed: true, extra: { artifact: { a: 1 } } }]],
      ],
    );
  });

  test('a list with something else in it is kept whole', () => {
    const { messages, source } = convert(thread([['1', null, [h1, 7]]]));
    assert.equal(messages.length, 1);
    assert.deepEqual(source.extra?.['values'], { messages: [h1, 7], count: 0 });
  });

  test('what a thread says is the same after a way over a conversation', () => {
    // A call without an id gets one, which is told.
    const messages = cases
      .filter(([name]) => name !== 'a call of an older kind')
      .map(([, given], index) =>
        typeof given === 'object' && !Array.isArray(given) && given !== null && 'id' in given && !('lc' in given)
          ? { ...given, id: `m${index}` }
          : given,
      );
    const conversation = convert(thread([['1', null, messages]]));
    const { thread: made } = conversationToThread(conversation);
    const back = convert(JSON.parse(JSON.stringify(made)) as ThreadRecord);
    const plain = (list: readonly Message[]): unknown =>
      list.map(({ id, role, parts, name, model, tokens, createdAt }) => ({
        id,
        role,
        parts,
        name,
        model,
        tokens,
        createdAt,
      }));
    assert.deepEqual(plain(back.messages), plain(conversation.messages));
    assert.equal(back.key, conversation.key);
  });
});
