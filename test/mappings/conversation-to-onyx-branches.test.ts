import assert from 'node:assert/strict';
import { test } from 'node:test';

import { conversationToOnyxBranches } from '../../src/mappings/conversation-to-onyx-branches.ts';
import { conversationToOnyx, type OnyxMappingOptions } from '../../src/mappings/conversation-to-onyx.ts';
import type { Conversation } from '../../src/models/conversation.ts';
import { shortConversation } from '../helpers/onyx/conversations.ts';

const short = (parts: readonly Conversation[] | undefined): string[] | undefined =>
  parts?.map(({ key, messages }) => `${key.replace(/^.*:/, '').slice(-3)}: ${messages.map(({ id }) => id).join(' ')}`);

test('conversationToOnyxBranches gives the whole, each branch, the shown one, or none', () => {
  const tree = shortConversation('u1 a1<u1 a2<u1 u2<a1', { activeLeaf: 'u2', key: 'x:key' });
  const line = shortConversation('u1 a1<u1', { key: 'x:key' });
  const cases = [
    [tree, 'tree', ['key: u1 a1 a2 u2']],
    [tree, 'active', ['key: u1 a1 u2']],
    [tree, 'skip', []],
    [line, 'split', ['key: u1 a1']],
    [line, 'active', ['key: u1 a1']],
    [line, 'skip', ['key: u1 a1']],
    [shortConversation('', { key: 'x:key' }), 'split', ['key: ']],
  ] as const;
  for (const [conversation, branches, expected] of cases)
    assert.deepEqual(short(conversationToOnyxBranches(conversation, branches)), expected, branches);
  const split = conversationToOnyxBranches(tree, 'split');
  assert.deepEqual(
    split?.map(({ key, branch, messages }) => [key, branch?.active, messages.at(-1)?.id]),
    [
      ['x:key~1', false, 'a2'],
      ['x:key', true, 'u2'],
    ],
  );
  assert.equal(conversationToOnyxBranches(tree, 'split', 1), undefined, 'more than the limit');
});

test('conversationToOnyx takes projects and files as it is told, and counts what it leaves', () => {
  const files = [
    { id: 'f1', name: 'a.png', mediaType: 'image/png', paths: ['a.png'] },
    { id: 'f2', name: 'b.txt', text: 'only text', unavailable: 'textOnly' as const },
    { id: 'f3', name: 'c.txt', unavailable: 'missing' as const },
  ];
  const conversation = shortConversation(
    'u1 a1<u1',
    { files, tags: ['one', 'two'], archived: true, project: { id: 'p', name: 'Plans' } },
    (message) => ({
      ...message,
      parts: [...message.parts, ...files.map(({ id }) => ({ type: 'file', fileId: id }) as const)],
    }),
  );
  const kinds = (options: OnyxMappingOptions): unknown => {
    const { chat, losses } = conversationToOnyx(conversation, options);
    const lost = losses.map(({ kind, detail }) => (kind === 'field' ? detail : kind));
    return [chat.project, chat.messages[1]?.files.map(({ name, text }) => text ?? name), lost];
  };
  const ofAnswer = Array.from({ length: 3 }, () => 'file of an answer');
  assert.deepEqual(kinds({ files: true }), [
    'Plans',
    ['a.png', 'only text'],
    ['archived', 'tags', 'file', ...ofAnswer],
  ]);
  assert.deepEqual(kinds({ archived: 'project' }), [
    'Archived',
    [],
    ['tags', 'project', 'file', 'file', 'file', ...ofAnswer],
  ]);
  assert.deepEqual(kinds({ projects: 'drop', files: true }), [
    null,
    ['a.png', 'only text'],
    ['archived', 'tags', 'project', 'file', ...ofAnswer],
  ]);
});
