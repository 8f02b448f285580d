import assert from 'node:assert/strict';
import { test } from 'node:test';

import { chatDigest, documentDigest } from '../../src/formats/chat-digest.ts';

const digestOf = (value: unknown): string => documentDigest(Buffer.from(JSON.stringify(value)));

test('a document has the same digest whatever its search index fields say', () => {
  const plain = digestOf({ _id: 1, text: 'a', more: [1] });
  assert.equal(digestOf({ _id: 1, __v: 0, _meiliIndex: true, text: 'a', more: [1] }), plain);
  assert.equal(digestOf({ __v: 3, _id: 1, text: 'a', _meiliIndexAttempted: 5, more: [1], _meiliIndex: false }), plain);
  assert.notEqual(digestOf({ _id: 1, text: 'b', more: [1] }), plain);
  assert.notEqual(digestOf({ _id: 1, text: 'a', more: [1, 2] }), plain);
  assert.notEqual(digestOf({ _id: 1, text: 'a' }), plain);
});

test('a document is found inside a longer text', () => {
  const bytes = Buffer.from('[{"a":1},{"a":2}]');
  assert.equal(documentDigest(bytes, 1, 8), digestOf({ a: 1 }));
  assert.equal(documentDigest(bytes, 9, 16), digestOf({ a: 2 }));
});

test('values that are not objects have digests, too', () => {
  assert.notEqual(digestOf(null), digestOf([]));
  assert.notEqual(digestOf({}), digestOf([]));
});

test('a chat has the same digest in whatever order its messages were found', () => {
  const chat = { userId: 'u', conversationId: 'c', conversation: 'd', messages: ['2', '1', '3'] };
  const digest = chatDigest(chat);
  assert.match(digest, /^[0-9a-f]{64}$/);
  assert.equal(chatDigest({ ...chat, messages: ['3', '2', '1'] }), digest);
  for (const other of [
    { messages: ['1', '2'] },
    { messages: ['1', '2', '3', '3'] },
    { userId: 'v' },
    { conversationId: null },
    { conversationId: 'null' },
    { conversation: null },
    { copies: ['e'] },
    { conversation: 'e', copies: ['d'] },
  ]) {
    assert.notEqual(chatDigest({ ...chat, ...other }), digest, JSON.stringify(other));
  }
});
