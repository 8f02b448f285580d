import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { conversationToOnyxId } from '../../src/mappings/conversation-to-onyx-id.ts';
import { microseconds, timeText } from '../../src/mappings/conversation-to-onyx-times.ts';
import { conversationToOnyx } from '../../src/mappings/conversation-to-onyx.ts';
import type { Part } from '../../src/models/conversation-parts.ts';
import type { Message } from '../../src/models/conversation.ts';
import { onyxProblems, type OnyxChat } from '../../src/models/onyx.ts';
import { shortConversation } from '../helpers/onyx/conversations.ts';

/** A chat in short: `place type<parent>shown`, and the text when it is not the source's id. */
function short({ messages }: OnyxChat): string {
  return messages
    .map(({ type, parent, latestChild, text }) => {
      const place = parent === null ? '' : `<${parent}`;
      return `${type[0]}${place}${latestChild === null ? '' : `>${latestChild}`}${text === '' ? '' : `:${text}`}`;
    })
    .join(' ');
}

const kindsOf = (losses: readonly { readonly kind: string }[]): string[] => [
  ...new Set(losses.map(({ kind }) => kind)),
];

const trees: readonly {
  readonly name: string;
  readonly text: string;
  readonly activeLeaf?: string;
  readonly expected: string;
  readonly losses?: readonly string[];
}[] = [
  { name: 'nothing but a root for an empty conversation', text: '', expected: 'S' },
  { name: 'a root above the first question', text: 'u1 a1<u1', expected: 'S>1 U<0>2:u1 A<1:a1' },
  {
    name: 'several first messages beside each other under one root',
    text: 'u1 u2 a1<u1',
    expected: 'S>2 U<0>3:u1 U<0:u2 A<1:a1',
    losses: ['several first messages'],
  },
  {
    name: 'the branch that the source shows',
    text: 'u1 a1<u1 a2<u1 u2<a1',
    activeLeaf: 'u2',
    expected: 'S>1 U<0>2:u1 A<1>4:a1 A<1:a2 U<2:u2',
  },
  {
    name: 'the newest child where the source shows nothing',
    text: 'u1 a1<u1 a2<u1 u2<a1 u3<a1',
    activeLeaf: 'a2',
    expected: 'S>1 U<0>3:u1 A<1>5:a1 A<1:a2 U<2:u2 U<2:u3',
  },
  {
    name: 'an answer that is the only child of an answer as part of it',
    text: 'u1 a1<u1 a2<a1 u2<a2',
    expected: 'S>1 U<0>2:u1 A<1>3:a1\n\na2 U<2:u2',
    losses: ['answer under answer'],
  },
  {
    name: 'answers beside each other under an answer below one empty question',
    text: 'u1 a1<u1 a2<a1 u2<a1 a3<a1',
    activeLeaf: 'a2',
    expected: 'S>1 U<0>2:u1 A<1>3:a1 U<2>4 A<3:a2 U<2:u2 A<3:a3',
    losses: ['answer under answer'],
  },
  {
    name: 'what follows a system message in its place',
    text: 's0 u1<s0 s1<u1 a1<s1',
    expected: 'S>1 U<0>2:u1 A<1:a1',
    losses: ['system message'],
  },
  { name: 'a chat that begins with an answer', text: 'a1 u1<a1', expected: 'S>1 A<0>2:a1 U<1:u1' },
  { name: 'a question after a question', text: 'u1 u2<u1', expected: 'S>1 U<0>2:u1 U<1:u2' },
  { name: 'a tool as an answer', text: 'u1 t1<u1', expected: 'S>1 U<0>2:u1 A<1:t1' },
  {
    name: 'an orphan under the root',
    text: 'u1 a9<gone',
    expected: 'S>2 U<0:u1 A<0:a9',
    losses: ['several first messages'],
  },
  { name: 'a message that is its own parent', text: 'u1<u1 a1<u1', expected: 'S>1 U<0>2:u1 A<1:a1' },
  { name: 'a cycle cut at its first message', text: 'u1<a1 a1<u1', expected: 'S>1 U<0>2:u1 A<1:a1' },
  { name: 'children that stand before their parents', text: 'a1<u1 u1', expected: 'S>1 U<0>2:u1 A<1:a1' },
];

test('conversationToOnyx keeps the tree as Onyx can show it:', async (t) => {
  for (const { name, text, activeLeaf, expected, losses = [] } of trees) {
    await t.test(name, () => {
      const result = conversationToOnyx(shortConversation(text, activeLeaf === undefined ? {} : { activeLeaf }));
      assert.equal(short(result.chat), expected);
      assert.deepEqual(
        onyxProblems(result.chat).filter((problem) => !problem.includes('later')),
        [],
      );
      assert.deepEqual(kindsOf(result.losses.filter(({ kind }) => kind !== 'time')), losses);
    });
  }
});

test('conversationToOnyx keeps every rule and every text for any tree', () => {
  const message = fc.record({
    role: fc.constantFrom('u', 'a', 's', 't'),
    parent: fc.integer({ min: -2, max: 12 }),
    time: fc.option(fc.integer({ min: 0, max: 5 }), { nil: null }),
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 12 }), fc.nat(11), (drawn, active) => {
      const ids = drawn.map(({ role }, place) => `${role}${place}`);
      const text = drawn.map(({ parent }, place) => {
        const id = ids[place] ?? '';
        return parent === -1 ? id : `${id}<${ids[parent] ?? 'gone'}`;
      });
      const times = new Map(drawn.map(({ time }, place) => [ids[place], time]));
      const { chat, losses } = conversationToOnyx(
        shortConversation(text.join(' '), { activeLeaf: ids[active] ?? '' }, (one) => {
          const time = times.get(one.id) ?? null;
          return { ...one, createdAt: time === null ? null : new Date(1e12 + time).toISOString() };
        }),
      );
      assert.deepEqual(onyxProblems(chat), []);
      const found = chat.messages.flatMap((one) => one.text.split('\n\n')).filter((part) => part !== '');
      const left = losses.filter(({ kind }) => kind === 'system message').map(({ messageId }) => messageId);
      assert.deepEqual([...found, ...left].sort(), [...ids].sort());
    }),
    { numRuns: 500 },
  );
});

const text = (value: string): Part => ({ type: 'text', text: value });
const thought = (value: string): Part => ({ type: 'reasoning', text: value });
const call = (
  id: string | null,
  args: Part & { type: 'toolCall' } extends { arguments: infer A } ? A : never,
): Part => ({
  type: 'toolCall',
  id,
  name: 'search',
  arguments: args,
});
const result = (callId: string | null, output: string): Part => ({ type: 'toolResult', callId, output });
const made = (changes: object): object => ({
  id: 'c1',
  name: 'search',
  arguments: {},
  response: '',
  reasoning: null,
  turn: 0,
  tokens: 1,
  ...changes,
});

const contents: readonly {
  readonly name: string;
  readonly parts: readonly Part[];
  readonly expected: object;
  readonly losses?: readonly string[];
}[] = [
  { name: 'nothing', parts: [], expected: { text: '', reasoning: null, toolCalls: [], error: null } },
  {
    name: 'texts, with blank lines between',
    parts: [text('a'), text(''), text('b 🎉')],
    expected: { text: 'a\n\nb 🎉' },
  },
  { name: 'a thought before the text', parts: [thought('hm'), text('a')], expected: { text: 'a', reasoning: 'hm' } },
  {
    name: 'a thought before a call with the call, which leaves a turn free for it',
    parts: [
      call('c1', '{"q":1}'),
      result('c1', 'r1'),
      thought('hm'),
      call('c2', { q: 2 }),
      result('c2', 'r2'),
      thought('so'),
      text('a'),
    ],
    expected: {
      reasoning: 'so',
      toolCalls: [
        made({ arguments: { q: 1 }, response: 'r1', tokens: 2 }),
        made({ id: 'c2', arguments: { q: 2 }, response: 'r2', reasoning: 'hm', turn: 2, tokens: 2 }),
      ],
    },
  },
  {
    name: 'arguments that are no object',
    parts: [
      call(null, 'cut {'),
      result(null, 'x'),
      call(null, ''),
      result(null, ''),
      call(null, '[1]'),
      result(null, ''),
    ],
    expected: {
      toolCalls: [
        made({ id: 'call_1', arguments: { input: 'cut {' }, response: 'x', tokens: 5 }),
        made({ id: 'call_2', turn: 1 }),
        made({ id: 'call_3', arguments: { input: [1] }, turn: 2, tokens: 4 }),
      ],
    },
  },
  {
    name: 'results of repeated ids in their order',
    parts: [call('c1', ''), call('c1', ''), result('c1', 'one'), result('c1', 'two')],
    expected: { toolCalls: [made({ response: 'one' }), made({ response: 'two', turn: 1 })] },
  },
  {
    name: 'a result whose call is not there',
    parts: [result('c1', 'r')],
    expected: { toolCalls: [made({ name: 'tool', response: 'r' })] },
    losses: ['result without a call'],
  },
  {
    name: 'a call that nobody answered, after a text',
    parts: [text('a'), call('c1', '')],
    expected: { toolCalls: [made({})] },
    losses: ['order of text and tools', 'call without a result'],
  },
  {
    name: 'a response that Onyx would read as its own',
    parts: [call('c1', ''), result('c1', '{"tool_name":"x"}')],
    expected: {
      toolCalls: [
        made({
          response: JSON.stringify({
            tool_name: 'search',
            response_type: 'text',
            tool_result: '{"tool_name":"x"}',
            error: null,
          }),
        }),
      ],
    },
  },
  {
    name: 'an error',
    parts: [{ type: 'error', text: 'no credit' }],
    expected: { text: 'no credit', error: 'no credit' },
  },
  {
    name: 'a file',
    parts: [text('a'), { type: 'file', fileId: 'f' }],
    expected: { text: 'a' },
    losses: ['file of an answer'],
  },
  {
    name: 'what is of another kind',
    parts: [{ type: 'other', sourceType: 'canvas', text: 'shown', value: 1 }],
    expected: { text: 'shown' },
    losses: ['canvas'],
  },
  {
    name: 'citations, numbered, with their marks',
    parts: [
      text('So \ue200\ue202turn0search1\ue202turn0news0\ue201 and \ue202turn5search0.'),
      {
        type: 'citation',
        turn: 0,
        sources: [
          { list: 'organic', url: 'https://a.example' },
          { list: 'organic', url: 'https://b.example', title: 'B', text: 'snippet' },
          { list: 'topStories', url: 'https://c.example' },
          { list: 'topStories', title: 'no address' },
        ],
      },
    ],
    expected: {
      text: 'So [[2]](https://b.example)[[3]](https://c.example) and .',
      documents: [
        { url: 'https://a.example', title: 'https://a.example', text: '' },
        { url: 'https://b.example', title: 'B', text: 'snippet' },
        { url: 'https://c.example', title: 'https://c.example', text: '' },
      ],
    },
    losses: ['citation without an address', 'mark of a citation'],
  },
];

test('conversationToOnyx gives an answer', async (t) => {
  for (const { name, parts, expected, losses = [] } of contents) {
    await t.test(name, () => {
      const conversation = shortConversation('u1 a1<u1', {}, (message) =>
        message.id === 'a1' ? { ...message, parts } : message,
      );
      const { chat, losses: lost } = conversationToOnyx(conversation);
      const answer = chat.messages[2] as unknown as Record<string, unknown>;
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, answer[key]])), expected);
      assert.deepEqual(kindsOf(lost), losses);
    });
  }
});

test('conversationToOnyx names the model of one answer among siblings only', () => {
  const model = (message: Message): Message => (message.role === 'assistant' ? { ...message, model: 'm' } : message);
  const names = (shown: string): (string | null)[] =>
    conversationToOnyx(shortConversation('u1 a1<u1 a2<u1 u2<u1', { activeLeaf: shown }, model)).chat.messages.map(
      (message) => message.model,
    );
  assert.deepEqual(names('a1'), [null, null, 'm', null, null]);
  assert.deepEqual(names('a2'), [null, null, null, 'm', null]);
  assert.deepEqual(names('u2'), [null, null, null, 'm', null]);
});

test('conversationToOnyx keeps feedback on answers, tokens, and errors', () => {
  const { chat, losses } = conversationToOnyx(
    shortConversation('u1 a1<u1 u2<a1', {}, (message) => ({
      ...message,
      tokens: message.id === 'a1' ? 7 : 0,
      feedback: { rating: 'down', tag: 'inaccurate', text: 'no' },
      ...(message.id === 'a1' ? { failed: true as const } : {}),
    })),
  );
  const [, question, answer] = chat.messages;
  assert.deepEqual(answer?.feedback, { isPositive: false, tag: 'inaccurate', text: 'no' });
  assert.deepEqual([question?.feedback, question?.tokens], [null, 1]);
  assert.deepEqual([answer?.tokens, answer?.error], [7, 'a1']);
  assert.deepEqual(
    losses.map(({ kind, messageId }) => `${kind} ${messageId}`),
    ['feedback u1', 'feedback u2'],
  );
});

test('conversationToOnyx takes titles, and counts what has no place', () => {
  const title = (given: string | null): string | null =>
    conversationToOnyx(shortConversation('u1', { title: given })).chat.title;
  assert.deepEqual([title(null), title('New Chat'), title('x')], [null, null, 'x']);
  assert.equal(title('x'.repeat(2000))?.length, 1000);
  const branch = { of: 'c', leaf: 'u1', number: 2, count: 3, active: false };
  assert.equal(conversationToOnyx(shortConversation('u1', { branch })).chat.title, 'A title (branch 2 of 3)');
  const { losses } = conversationToOnyx(
    shortConversation('u1', { archived: true, tags: ['x'], project: { id: 'p' }, settings: { model: 'm' } }),
  );
  assert.deepEqual(
    losses.map(({ detail }) => detail),
    ['archived', 'tags', 'project', 'settings'],
  );
});

test('times grow along every path, and are kept where they do', () => {
  const at = (
    createdAt: Record<string, string | null>,
    changes = {},
  ): { sent: string[]; created: string; updated: string } => {
    const { chat } = conversationToOnyx(
      shortConversation('u1 a1<u1 u2<a1', changes, (message) => ({
        ...message,
        createdAt: createdAt[message.id] ?? null,
      })),
    );
    const seconds = (time: number): string => timeText(time).slice(17);
    return {
      sent: chat.messages.map(({ timeSent }) => seconds(timeSent)),
      created: seconds(chat.timeCreated),
      updated: seconds(chat.timeUpdated),
    };
  };
  const same = '2026-01-02T03:04:05.000Z';
  assert.deepEqual(at({ u1: same, a1: same, u2: '2026-01-02T03:04:01Z' }).sent, [
    '00.999999Z',
    '05.000000Z',
    '05.000001Z',
    '05.000002Z',
  ]);
  const none = { createdAt: null, updatedAt: null };
  assert.deepEqual(at({ u1: same, u2: '2026-01-02T03:04:09.123456Z' }, none), {
    sent: ['04.999999Z', '05.000000Z', '05.000001Z', '09.123456Z'],
    created: '05.000000Z',
    updated: '09.123456Z',
  });
  assert.deepEqual(at({}, none).created, '00.000000Z');
  assert.deepEqual(
    [undefined, null, 'never', '1969-01-01T00:00:00Z', '+010000-01-01T00:00:00Z', '2026-01-01T00:00:00.0000075Z'].map(
      microseconds,
    ),
    [undefined, undefined, undefined, undefined, undefined, Date.UTC(2026, 0) * 1000 + 7],
  );
});

test('a conversation keeps its id when that is a UUID, and else gets one that never changes', () => {
  assert.equal(
    conversationToOnyxId({ id: 'ABCDEF01-0000-4000-8000-000000000001', key: 'k' }),
    'abcdef01-0000-4000-8000-000000000001',
  );
  const derived = conversationToOnyxId({ id: 'new', key: 'k' });
  assert.match(derived, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(conversationToOnyxId({ id: 'old', key: 'k' }), derived);
  assert.notEqual(conversationToOnyxId({ id: 'new', key: 'l' }), derived);
});
