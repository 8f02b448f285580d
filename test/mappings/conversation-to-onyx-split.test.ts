import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { cutOnyxMessage, cutText, splitOnyxMessage } from '../../src/mappings/conversation-to-onyx-split.ts';
import { conversationToOnyx } from '../../src/mappings/conversation-to-onyx.ts';
import { onyxProblems } from '../../src/models/onyx.ts';
import { shortConversation } from '../helpers/onyx/conversations.ts';

test('cutText cuts at lines, then at words, then between characters', () => {
  const cases: readonly (readonly [string, number, readonly string[]])[] = [
    ['', 10, ['']],
    ['short', 10, ['short']],
    ['one two three', 8, ['one two ', 'three']],
    ['one tw\nthree', 8, ['one tw\n', 'three']],
    ['a bcdefghijk', 8, ['a bcdefg', 'hijk']],
    ['ééééé', 5, ['éé', 'éé', 'é']],
    ['🎉🎉', 5, ['🎉', '🎉']],
  ];
  for (const [text, maxBytes, expected] of cases) assert.deepEqual(cutText(text, maxBytes), expected, text);
});

test('cutText loses nothing and keeps to the size', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.integer({ min: 4, max: 40 }), (text, maxBytes) => {
      const pieces = cutText(text, maxBytes);
      assert.equal(pieces.join(''), text.toWellFormed());
      assert.ok(pieces.every((piece) => Buffer.byteLength(piece) <= maxBytes));
    }),
  );
});

test('splitOnyxMessage puts the rest below, and what followed after it', () => {
  const { chat } = conversationToOnyx(shortConversation('u1 a1<u1 a2<u1 u2<a1', { activeLeaf: 'u2' }));
  const lines = (place: number): string[] => {
    const split = splitOnyxMessage(chat, place, ['x', 'y', 'z']);
    assert.deepEqual(onyxProblems(split), []);
    return split.messages.map(({ type, parent, latestChild, text }) => `${type[0]}${parent}>${latestChild} ${text}`);
  };
  assert.deepEqual(lines(1), ['Snull>1 ', 'U0>2 x', 'U1>3 y', 'U2>4 z', 'A3>6 a1', 'A3>null a2', 'U4>null u2']);
  assert.deepEqual(lines(2), [
    'Snull>1 ',
    'U0>2 u1',
    'A1>3 x',
    'U2>4 ',
    'A3>5 y',
    'U4>6 ',
    'A5>8 z',
    'A1>null a2',
    'U6>null u2',
  ]);
  assert.equal(splitOnyxMessage(chat, 1, ['only']), chat);
});

test('cutOnyxMessage attaches the whole to the question, and gives up where there is none', () => {
  const { chat } = conversationToOnyx(shortConversation('u1 a1<u1'));
  const short = (place: number): unknown =>
    cutOnyxMessage(chat, place, ['x', 'y'])?.messages.map(({ text, files }) => [
      text,
      ...files.map(({ name, text: whole }) => `${name}: ${whole}`),
    ]);
  const note = (name: string): string => `x\n\n[The text goes on in the attached file ${name}]`;
  assert.deepEqual(short(1), [[''], [note('question-u1.txt'), 'question-u1.txt: xy'], ['a1']]);
  assert.deepEqual(short(2), [[''], ['u1', 'answer-a1.txt: xy'], [note('answer-a1.txt')]]);
  assert.equal(cutOnyxMessage(chat, 1, ['only']), chat);
  const first = conversationToOnyx(shortConversation('a1'));
  assert.equal(cutOnyxMessage(first.chat, 1, ['x', 'y']), undefined);
});
