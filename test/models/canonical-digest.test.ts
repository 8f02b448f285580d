import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { canonicalJson } from '../../src/canonical-json.ts';
import { canonicalDigest } from '../../src/models/canonical-digest.ts';

const whole = (value: unknown): string => hash('sha256', canonicalJson(value));

describe('the digest of a value is that of its canonical JSON', () => {
  const long = 256 * 1024;
  const cases: readonly (readonly [string, unknown])[] = [
    ['nothing', null],
    ['an empty list, and an empty object', [[], {}, { a: [] }]],
    ['names out of order, and odd ones', { b: 1, a: 2, '': 3, 10: 4, 9: 5, 'ä"\n': 6, toJSON: 7 }],
    ['a field that is not there', { a: undefined, b: [1, undefined, 2] }],
    ['a text as long as a piece', 'x'.repeat(long)],
    ['a text longer than a piece, with quotes and line breaks', '"\n\\'.repeat(long)],
    ['a character of two halves where a piece ends', `${'x'.repeat(long - 1)}😀${'y'.repeat(10)}`],
    ['half a character where a piece ends', `${'x'.repeat(long - 1)}\ud83d${'y'.repeat(10)}`],
    ['half a character at the end', `${'x'.repeat(long)}\ud83d`],
    ['two first halves where a piece ends', `${'x'.repeat(long - 1)}\ud83d\ud83d\ude00`],
    ['many small values', Array.from({ length: 50_000 }, (_, index) => ({ id: index, text: `number ${index}` }))],
    ['a text that is not ASCII', { messages: [{ content: '私は学生です。'.repeat(100_000) }] }],
  ];
  for (const [name, value] of cases) test(name, () => assert.equal(canonicalDigest(value), whole(value)));

  test('whatever it is', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => assert.equal(canonicalDigest(value), whole(value))));
  });
});
