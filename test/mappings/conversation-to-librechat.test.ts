import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EJSON, ObjectId } from 'bson';
import fc from 'fast-check';

import type { Json } from '../../src/json.ts';
import { conversationToLibrechat, type LibrechatDocuments } from '../../src/mappings/conversation-to-librechat.ts';
import { librechatToConversation } from '../../src/mappings/librechat-to-conversation.ts';
import type { Loss } from '../../src/mappings/loss.ts';
import type { Part } from '../../src/models/conversation-parts.ts';
import { CONVERSATION_SCHEMA, type Conversation, type Message } from '../../src/models/conversation.ts';
import { idText } from '../../src/models/extended-json.ts';
import { treeOf } from '../../src/tree/conversation-tree.ts';
import { joinedLibrechat } from '../helpers/joined-librechat.ts';

/** What LibreChat's reader makes of the documents again. */
function readAgain({ users, files, messages, conversations }: LibrechatDocuments): Conversation {
  const [conversation = null] = conversations;
  return librechatToConversation({
    userId: idText(conversation?.['user']) ?? '',
    conversationId: idText(conversation?.['conversationId']) ?? null,
    user: users[0] ?? null,
    conversation,
    messages,
    files,
  }).conversation;
}

const settled = ['messageId', 'parentMessageId', 'conversationId', 'user', 'isCreatedByUser', 'createdAt', 'updatedAt'];

/** A conversation without what is said to be lost. */
function without(conversation: Conversation, losses: readonly Loss[]): unknown {
  const has = (kind: string, detail?: string): boolean =>
    losses.some((loss) => loss.kind === kind && (detail === undefined || loss.detail === detail));
  const { id, key, owner, tree, source, messages, ...rest } = JSON.parse(JSON.stringify(conversation)) as Conversation;
  const { orphan, dropped, recordId, extra = {}, ...others } = source;
  const { messages: _, user: __, conversationId: ___, ...left } = extra;
  const isRepaired = has('repaired');
  return {
    ...rest,
    ...(!has('id') && { id, key, owner }),
    tree: isRepaired ? { ...tree, repairs: [], missingParentIds: [] } : tree,
    source: {
      ...others,
      ...(orphan !== undefined && !isRepaired && { orphan }),
      ...(dropped !== undefined && !has('dropped') && { dropped }),
      // What has no id of its own gets one.
      ...(isRepaired ? {} : { recordId }),
      extra: isRepaired ? left : extra,
    },
    messages: messages.map((message) => withoutSettled(message, losses)),
  };
}

function withoutSettled(message: Message, losses: readonly Loss[]): unknown {
  const extra: Record<string, Json> = { ...message.source?.extra };
  for (const field of settled) if (losses.some(({ detail }) => detail === `messages.${field}`)) delete extra[field];
  return { ...message, source: { ...message.source, extra } };
}

for (const damage of [false, true]) {
  test(`LibreChat’s documents made again are read as the same conversation, but for what is said to be lost (damage: ${damage})`, () => {
    const { chats } = joinedLibrechat({
      seed: 11,
      conversations: 400,
      users: 6,
      damage,
      textScale: 0.05,
      maxTurns: 12,
    });
    let same = 0;
    for (const chat of chats) {
      const { conversation } = librechatToConversation(chat);
      const { documents, losses } = conversationToLibrechat(conversation);
      const again = readAgain(documents);
      assert.deepEqual(without(again, losses), without(conversation, losses), conversation.key);
      if (losses.length === 0) same += 1;
    }
    assert.ok(same > (damage ? 20 : chats.length / 2), `${same} of ${chats.length} without any loss`);
  });
}

/** Conversations as no LibreChat has them: any roles, ids, times and parts. */
const text = fc.string({ maxLength: 12 });
const part: fc.Arbitrary<Part> = fc.oneof(
  fc.record({ type: fc.constant('text' as const), text }),
  fc.record({ type: fc.constant('text' as const), text, role: fc.constantFrom('user' as const, 'system' as const) }),
  fc.record({ type: fc.constant('reasoning' as const), text, label: text }),
  fc.record({
    type: fc.constant('toolCall' as const),
    id: fc.option(text),
    name: text,
    arguments: fc.jsonValue() as fc.Arbitrary<Json>,
  }),
  fc.record({
    type: fc.constant('toolResult' as const),
    callId: fc.option(text),
    output: fc.jsonValue() as fc.Arbitrary<Json>,
    failed: fc.constant(true as const),
  }),
  fc.record({ type: fc.constant('file' as const), fileId: fc.constantFrom('f1', 'f2', 'gone'), name: text }),
  fc.record({ type: fc.constant('file' as const), url: fc.webUrl() }),
  fc.record({
    type: fc.constant('citation' as const),
    sources: fc.array(fc.record({ title: text, url: fc.webUrl() })),
  }),
  fc.record({ type: fc.constant('error' as const), text }),
  fc.record({ type: fc.constant('other' as const), sourceType: text, value: fc.jsonValue() as fc.Arbitrary<Json> }),
);
const time = fc
  .date({ min: new Date('1960-01-01T00:00:00Z'), max: new Date('2100-01-01T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString().replace('Z', '123Z'));
const conversations: fc.Arbitrary<Conversation> = fc
  .record({
    id: fc.oneof(fc.uuid(), text),
    owner: fc.record({ id: fc.oneof(fc.constant('65f0c0ffee0000000000000a'), text), email: fc.emailAddress() }),
    title: fc.option(text),
    createdAt: fc.option(time),
    pinned: fc.boolean(),
    temporary: fc.boolean(),
    tags: fc.array(text, { maxLength: 2 }),
    messages: fc.array(
      fc.record({
        role: fc.constantFrom('user' as const, 'assistant' as const, 'system' as const, 'tool' as const),
        parent: fc.nat(8),
        createdAt: fc.option(time),
        parts: fc.array(part, { maxLength: 4 }),
        failed: fc.boolean(),
      }),
      { maxLength: 6 },
    ),
  })
  .map(({ id, owner, messages, ...rest }) => {
    const placed = messages.map(({ parent, failed, ...message }, place) => ({
      id: `m${place}`,
      parentId: parent < place ? `m${parent}` : null,
      ...message,
      ...(failed && { failed: true as const }),
    }));
    const files = [
      { id: 'f1', name: 'a.txt', storage: 'local', paths: ['uploads/a.txt'], createdAt: '2026-01-01T00:00:00.000Z' },
      { id: 'f2', name: 'b.txt', sha256: 'ab', unavailable: 'neverExported' as const },
    ];
    return {
      schema: CONVERSATION_SCHEMA,
      id,
      key: `other:${owner.id}:${id}`,
      owner,
      updatedAt: null,
      archived: false,
      project: null,
      settings: { endpoint: 'openAI' },
      tree: treeOf(placed, {}),
      files,
      source: { system: 'other' },
      ...rest,
      messages: placed,
    };
  });

test('conversations of other systems become documents that LibreChat takes, and that stay as they are from then on', () => {
  fc.assert(
    fc.property(conversations, (conversation) => {
      const { documents } = conversationToLibrechat(conversation);
      const ids = [...documents.messages, ...documents.files].map(({ _id }) => idText(_id));
      assert.equal(new Set(ids).size, ids.length);
      for (const stored of [...documents.messages, ...documents.conversations].map((one) => EJSON.deserialize(one))) {
        assert.ok(stored['_id'] instanceof ObjectId);
        assert.match(String(stored['conversationId']), /^[0-9a-f-]{36}$/);
        assert.match(String(stored['user']), /^[0-9a-f]{24}$/);
        for (const name of ['createdAt', 'updatedAt']) if (name in stored) assert.ok(stored[name] instanceof Date);
      }
      assert.deepEqual(conversationToLibrechat(conversation).documents, documents);
      const first = readAgain(documents);
      const again = conversationToLibrechat(first);
      assert.deepEqual(without(readAgain(again.documents), again.losses), without(first, again.losses));
      assert.deepEqual(
        first.messages.map(({ id, parentId }) => [id, parentId]).sort(),
        conversation.messages.map(({ id, parentId }) => [id, parentId]).sort(),
      );
    }),
    { numRuns: 300 },
  );
});
