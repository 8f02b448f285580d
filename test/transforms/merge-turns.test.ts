import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { mergeConversationTurns } from '../../src/mappings/merge-turns.ts';
import type { Part } from '../../src/models/conversation-parts.ts';
import type { Conversation, Message, Role } from '../../src/models/conversation.ts';
import { conversationSchema } from '../../src/models/conversation-schema.ts';
import type { Transform } from '../../src/stage.ts';
import { mergeTurns } from '../../src/transforms/merge-turns.ts';
import { treeOf } from '../../src/tree/conversation-tree.ts';
import { conversationOf } from '../helpers/conversation.ts';
import { run } from './run.ts';

const roles: Readonly<Record<string, Role>> = { u: 'user', a: 'assistant', t: 'tool', s: 'system' };

function conversation(messages: readonly Message[], activeLeaf?: string): Conversation {
  return conversationOf(messages, { tree: treeOf(messages, { activeLeaf }) });
}

/** `u1 a1<u1 t1<a1`: the role is the first letter. */
function talk(text: string, activeLeaf?: string): Conversation {
  return conversation(
    text.split(' ').map((one) => {
      const [id = '', parentId = null] = one.split('<');
      return { id, parentId, role: roles[id[0] ?? ''] ?? 'user', createdAt: null, parts: [{ type: 'text', text: id }] };
    }),
    activeLeaf,
  );
}

function merged(record: Conversation): Conversation {
  const result = mergeConversationTurns(record);
  const checked = conversationSchema.safeParse(result);
  assert.ok(checked.success, checked.error?.message);
  return result;
}

const told = ({ messages }: Conversation): string =>
  messages
    .map(({ id, parentId, parts }) => {
      const text = parts.map((part) => (part.type === 'text' ? part.text : '')).join('+');
      return `${id}<${parentId ?? ''}=${text}`;
    })
    .join(' ');

describe('turns', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['nothing to join', 'u1 a1<u1 u2<a1', 'u1<=u1 a1<u1=a1 u2<a1=u2'],
    ['an answer over tools', 'u1 a1<u1 t1<a1 a2<t1 u2<a2', 'u1<=u1 a1<u1=a1+t1+a2 u2<a1=u2'],
    ['two users', 'u1 u2<u1', 'u1<=u1 u2<u1=u2'],
    ['a system message between', 'a1 s1<a1 a2<s1', 'a1<=a1 s1<a1=s1 a2<s1=a2'],
    ['a branch within a turn', 'u1 a1<u1 t1<a1 t2<a1 a2<t2', 'u1<=u1 a1<u1=a1 t1<a1=t1 t2<a1=t2+a2'],
    ['a branch after a turn', 'a1 t1<a1 u1<t1 u2<t1', 'a1<=a1+t1 u1<a1=u1 u2<a1=u2'],
    ['a tool at the beginning', 't1 a1<t1', 't1<=t1+a1'],
  ];
  for (const [name, tree, expected] of cases) test(name, () => assert.equal(told(merged(talk(tree))), expected));

  test('the leaf that is shown is that of its turn', () => {
    assert.equal(merged(talk('u1 a1<u1 t1<a1 a2<u1', 't1')).tree.activeLeaf, 'a1');
  });

  test('what is hidden is not joined to what is shown', () => {
    const { messages } = talk('a1 t1<a1 a2<t1');
    const hidden = messages.map((message) => (message.id === 't1' ? { ...message, hidden: true as const } : message));
    assert.equal(merged(conversation(hidden)).messages.length, 3);
  });
});

test('results stand behind their calls, and nothing of the messages is lost', () => {
  const call = (id: string): Part => ({ type: 'toolCall', id, name: 'f', arguments: {} });
  const result = (callId: string | null, output: string): Part => ({ type: 'toolResult', callId, output });
  const time = (second: number): string => `2026-01-01T00:00:0${second}.000Z`;
  const record = conversation([
    {
      id: 'a1',
      parentId: null,
      role: 'assistant',
      name: 'planner',
      createdAt: time(1),
      tokens: 1,
      model: 'x',
      finishReason: 'tool_calls',
      parts: [call('x'), call('y'), call('x')],
    },
    { id: 't1', parentId: 'a1', role: 'tool', createdAt: time(2), parts: [result('y', '1'), result('x', '2')] },
    { id: 't2', parentId: 't1', role: 'tool', createdAt: time(3), parts: [result('x', '3'), result('z', '4')] },
    {
      id: 'a2',
      parentId: 't2',
      role: 'assistant',
      name: 'writer',
      createdAt: time(4),
      tokens: 2,
      finishReason: 'stop',
      parts: [{ type: 'text', text: 'done' }],
      source: { extra: { k: 1 } },
    },
  ]);
  assert.deepEqual(merged(record).messages, [
    {
      id: 'a1',
      parentId: null,
      role: 'assistant',
      name: 'planner',
      createdAt: time(1),
      updatedAt: time(4),
      tokens: 3,
      model: 'x',
      finishReason: 'stop',
      parts: [
        call('x'),
        result('x', '2'),
        call('y'),
        result('y', '1'),
        call('x'),
        result('x', '3'),
        result('z', '4'),
        { type: 'text', text: 'done', agentId: 'writer' },
      ],
      source: {
        extra: {
          merged: [
            { id: 't1', parentId: 'a1', role: 'tool', createdAt: time(2) },
            { id: 't2', parentId: 't1', role: 'tool', createdAt: time(3) },
            {
              id: 'a2',
              parentId: 't2',
              role: 'assistant',
              name: 'writer',
              createdAt: time(4),
              tokens: 2,
              finishReason: 'stop',
              source: { extra: { k: 1 } },
            },
          ],
        },
      },
    },
  ]);
});

test('every part is there once, users and systems stay, and joining again changes nothing', () => {
  const trees = fc.array(fc.tuple(fc.constantFrom('u', 'a', 't', 's'), fc.nat()), { maxLength: 15 }).map((list) =>
    list.map(([letter, above], index) => {
      const parent = above % (index + 1);
      const [name] = list[parent - 1] ?? [];
      return parent === 0 ? `${letter}${index}` : `${letter}${index}<${name ?? ''}${parent - 1}`;
    }),
  );
  fc.assert(
    fc.property(trees, (tree) => {
      const record = tree.length === 0 ? conversation([]) : talk(tree.join(' '));
      const result = merged(record);
      const parts = ({ messages }: Conversation): string[] =>
        messages.flatMap((one) => one.parts.map((part) => JSON.stringify(part)));
      assert.deepEqual(parts(result).sort(), parts(record).sort());
      const others = ({ messages }: Conversation): string[] =>
        messages.filter(({ role }) => role === 'user' || role === 'system').map(({ id }) => id);
      assert.deepEqual(others(result), others(record));
      assert.equal(merged(result), result);
    }),
  );
});

test('a chain of 20,000 messages is joined, and what cannot be is rejected', async () => {
  const long = talk(
    Array.from({ length: 20_000 }, (_, index) => (index === 0 ? 'a0' : `a${index}<a${index - 1}`)).join(' '),
  );
  const stage = (): Transform<unknown, unknown> => mergeTurns() as Transform<unknown, unknown>;
  const { records } = await run([long], [stage()]);
  assert.equal((records[0] as Conversation).messages.length, 1);
  await assert.rejects(run([{ no: 1 }], [stage()]), { code: 'ETL_RECORD_REJECTED' });
});
