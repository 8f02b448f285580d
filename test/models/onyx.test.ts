import assert from 'node:assert/strict';
import { test } from 'node:test';

import { onyxProblems, type OnyxMessage } from '../../src/models/onyx.ts';

function message(
  type: OnyxMessage['type'],
  parent: number | null,
  latestChild: number | null,
  changes: Partial<OnyxMessage> = {},
): OnyxMessage {
  return {
    sourceId: 'x',
    parent,
    latestChild,
    type,
    text: type === 'SYSTEM' ? '' : 'text',
    tokens: 1,
    timeSent: parent === null ? 0 : (parent + 1) * 10,
    reasoning: null,
    model: null,
    error: null,
    toolCalls: [],
    documents: [],
    files: [],
    feedback: null,
    ...changes,
  };
}

const root = message('SYSTEM', null, 1);
const question = message('USER', 0, 2);
const answer = message('ASSISTANT', 1, null);

const cases: readonly (readonly [string, readonly OnyxMessage[], readonly RegExp[]])[] = [
  ['a sound chat', [root, question, answer], []],
  ['a root alone', [message('SYSTEM', null, null)], []],
  ['a question after a question', [root, question, message('USER', 1, null)], []],
  ['nothing at all', [], [/not even a root/]],
  ['no root', [message('USER', null, null)], [/^message 0: is not an empty SYSTEM root/]],
  ['a root that says something', [message('SYSTEM', null, null, { text: 'x' })], [/message 0: is not an empty/]],
  ['two roots', [root, message('USER', 0, null), message('SYSTEM', null, null)], [/message 2: has no parent/]],
  ['a system message below', [root, question, message('SYSTEM', 1, null)], [/message 2: is a second SYSTEM/]],
  ['a parent that is not there', [root, question, answer, message('USER', 9, null)], [/message 3: has no parent/]],
  [
    'a child before its parent',
    [
      { ...root, latestChild: 2 },
      { ...answer, parent: 2, timeSent: 20 },
      { ...question, latestChild: 1 },
    ],
    [/message 1: stands before its parent/],
  ],
  [
    'an answer to an answer',
    [root, question, { ...answer, latestChild: 3 }, message('ASSISTANT', 2, null)],
    [/answer to/],
  ],
  ['equal times', [root, question, { ...answer, timeSent: 10 }], [/message 2: is not later/]],
  ['no shown child', [root, { ...question, latestChild: null }, answer], [/message 1: does not show/]],
  ['a shown child on a leaf', [root, question, { ...answer, latestChild: 1 }], [/message 2: does not show/]],
  ['a message that shows itself', [root, question, { ...answer, latestChild: 2 }], [/message 2: does not show/]],
  ['a shown child that skips one', [{ ...root, latestChild: 2 }, question, answer], [/message 0: does not show/]],
];

test('onyxProblems names each rule that is broken', async (t) => {
  for (const [name, messages, expected] of cases) {
    await t.test(name, () => {
      const problems = onyxProblems({ messages });
      assert.equal(problems.length, expected.length, problems.join('; '));
      for (const [place, pattern] of expected.entries()) assert.match(problems[place] ?? '', pattern);
    });
  }
});
