import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { jsonEqual } from '../../src/json-equal.ts';
import { valueDifferences } from '../../src/models/value-differences.ts';

test('says where two values differ', async (t) => {
  const long = 'x'.repeat(100);
  const cases: readonly (readonly [string, unknown, unknown, string])[] = [
    ['nothing', { a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, ''],
    ['a plain value', 1, 2, '1 here, 2 there'],
    ['a member', { a: 1, b: 2 }, { a: 1, b: 3 }, 'b: 2 here, 3 there'],
    ['a member that is gone', { a: null }, {}, 'a: null here, nothing there'],
    ['a member more', {}, { a: '' }, 'a: nothing here, "" there'],
    ['an element', { m: [{ t: 'hello' }] }, { m: [{ t: 'HELLO' }] }, 'm[0].t: "hello" here, "HELLO" there'],
    ['a name in two lines', { a: { 'b\nc': 1 } }, { a: {} }, 'a["b\\nc"]: 1 here, nothing there'],
    [
      'names that read as places',
      { 'a.b': 1, '': 2 },
      {},
      '["a.b"]: 1 here, nothing there; [""]: 2 here, nothing there',
    ],
    [
      'names of other alphabets, and with dashes',
      { größe: { 'user-agent': 1 } },
      { größe: 2 },
      'größe: {"user-agent":1} here, 2 there',
    ],
    ['an element more', [1], [1, 2], '[1]: nothing here, 2 there'],
    ['another kind', { a: [] }, { a: {} }, 'a: [] here, {} there'],
    [
      'many',
      [1, 2, 3, 4, 5],
      [],
      '[0]: 1 here, nothing there; [1]: 2 here, nothing there; [2]: 3 here, nothing there; and 2 more',
    ],
    ['the end of a long text', `${long}a`, `${long}b`, `…${'x'.repeat(20)}a" here, …${'x'.repeat(20)}b" there`],
    ['the beginning of one', `a${long}`, `b${long}`, `"a${'x'.repeat(58)}… here, "b${'x'.repeat(58)}… there`],
  ];
  for (const [name, here, there, expected] of cases)
    await t.test(name, () => assert.equal(valueDifferences(here, there), expected));
});

test('is silent exactly where two JSON values are equal', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      assert.equal(valueDifferences(a, b) === '', jsonEqual(a, b));
      assert.equal(valueDifferences(a, structuredClone(a)), '');
    }),
  );
});
