import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import type { LibrechatGroup } from '../../src/mappings/librechat-chats.ts';
import type { Conversation } from '../../src/models/conversation.ts';
import { pipeline } from '../../src/pipeline.ts';
import { librechatConversations, type DocumentGroup } from '../../src/transforms/librechat-conversations.ts';

const message = (messageId: string, more = {}) => ({
  _id: `${messageId}-id`,
  messageId,
  conversationId: 'c',
  user: 'u',
  text: messageId,
  ...more,
});

async function run(groups: readonly unknown[], rejects: string) {
  const records: Conversation[] = [];
  const report = await pipeline(groups as (LibrechatGroup | DocumentGroup)[], { onReject: { to: rejects } })
    .through(librechatConversations())
    .to(async (stream) => {
      for await (const record of stream) records.push(record);
    })
    .run();
  return { records, report };
}

test('librechat-conversations', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'librechat-conversations-'));
  const rejects = join(directory, 'rejects.jsonl');
  t.after(() => rm(directory, { recursive: true }));

  await t.test('makes one conversation of what group-by brought together', async () => {
    const group = {
      key: ['u', 'c'],
      records: [message('b', { parentMessageId: 'a' }), { conversationId: 'c', user: 'u', title: 'T' }, message('a')],
    };
    const { records, report } = await run([group], rejects);
    assert.deepEqual(
      records.map(({ id, title, messages }) => [id, title, messages.map(({ id }) => id)]),
      [['c', 'T', ['a', 'b']]],
    );
    assert.ok((report.findings['mended: time-absent'] ?? 0) > 0);
  });

  await t.test('makes several of documents without a conversation id, and counts them', async () => {
    const bare = (id: string) => message(id, { conversationId: null });
    const group = {
      userId: 'u',
      conversationId: null,
      user: null,
      conversations: [
        { _id: 'one', messages: ['a-id'] },
        { _id: 'two', messages: ['b-id'] },
      ],
      messages: [bare('a'), bare('b'), bare('stray')],
      files: [],
    };
    const { records, report } = await run([group], rejects);
    assert.deepEqual(
      records.map(({ id, messages }) => [id, messages.map(({ id }) => id)]),
      [
        ['one', ['a']],
        ['two', ['b']],
        ['without-conversation', ['stray']],
      ],
    );
    assert.equal(report.counts.expanded, 2);
  });

  await t.test('rejects what is no group and goes on', async () => {
    const { records, report } = await run(
      [{ id: 1 }, { records: [] }, { records: [1] }, { records: [message('a')] }],
      rejects,
    );
    assert.equal(records.length, 1);
    assert.equal(report.counts.rejected, 3);
    assert.match(await readFile(rejects, 'utf8'), /expected LibreChat documents of one conversation/);
  });
});
