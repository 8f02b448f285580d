import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hasIndexOn, indexOn } from '../../src/mongodb/indexes.ts';

const index = (key: Record<string, unknown>, isLimited = false) => ({ name: JSON.stringify(key), key, isLimited });

test('indexOn', async (t) => {
  const cases: [string, ReturnType<typeof index>, string[], boolean][] = [
    ['a single field', index({ a: 1 }), ['a'], true],
    ['a single field, descending', index({ a: -1 }), ['a'], true],
    ['the first of several fields', index({ a: 1, b: -1 }), ['a'], true],
    ['two fields in one direction', index({ a: -1, b: -1, c: 1 }), ['a', 'b'], true],
    ['two fields in two directions', index({ a: 1, b: -1 }), ['a', 'b'], false],
    ['fields in another order', index({ b: 1, a: 1 }), ['a'], false],
    ['more fields than the index has', index({ a: 1 }), ['a', 'b'], false],
    ['a hashed index', index({ a: 'hashed' }), ['a'], false],
    ['a text index', index({ _fts: 'text', _ftsx: 1 }), ['_fts'], false],
    ['an index without all documents', index({ a: 1 }, true), ['a'], false],
    ['an index of the new double form', index({ a: 1.0 }), ['a'], true],
  ];
  for (const [name, given, fields, expected] of cases) {
    await t.test(`${expected ? 'takes' : 'does not take'} ${name}`, () =>
      assert.equal(indexOn([given], fields) !== undefined, expected),
    );
  }
});

test('hasIndexOn: _id always has one', () => {
  assert.ok(hasIndexOn([], ['_id']));
  assert.ok(!hasIndexOn([], ['a']));
});
