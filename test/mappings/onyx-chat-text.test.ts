import assert from 'node:assert/strict';
import { test } from 'node:test';

import { conversationToOnyx } from '../../src/mappings/conversation-to-onyx.ts';
import { onyxChatText } from '../../src/mappings/onyx-chat-text.ts';
import type { OnyxChat, OnyxMessage } from '../../src/models/onyx.ts';
import { onyxChats } from '../helpers/onyx/conversations.ts';

const [conversation] = onyxChats(1);
assert.ok(conversation !== undefined);
const { chat } = conversationToOnyx(conversation);

/** The chat with one message changed. */
function changed(place: number, change: Partial<OnyxMessage>): OnyxChat {
  return {
    ...chat,
    messages: chat.messages.map((message, at) => (at === place ? { ...message, ...change } : message)),
  };
}

test('the same chat has the same text, however its objects were made', () => {
  assert.equal(onyxChatText(changed(1, {})), onyxChatText(chat));
});

test('each field of a chat and of a message counts', () => {
  const other = { title: 'x', sessionId: 'x', project: 'x', timeCreated: 1, timeUpdated: 1 };
  for (const [name, value] of Object.entries(other))
    assert.notEqual(onyxChatText({ ...chat, [name]: value }), onyxChatText(chat), name);
  for (const name of Object.keys(chat.messages[1] ?? {}))
    assert.notEqual(onyxChatText(changed(1, { [name]: { other: name } })), onyxChatText(chat), name);
});

test('text that moves from one message to the next is a difference', () => {
  const texts = [
    ['a', 'b\nc'],
    ['a\nb', 'c'],
    ['', 'a\nb\nc'],
    ['a\nb\nc', ''],
  ];
  const all = texts.map(([first = '', second = '']) => {
    const { messages } = changed(1, { text: first });
    return onyxChatText({ ...chat, messages: messages.map((one, at) => (at === 2 ? { ...one, text: second } : one)) });
  });
  assert.equal(new Set(all).size, all.length);
});
