import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';

import fc from 'fast-check';

import { canonicalJson } from '../src/canonical-json.ts';
import { jsonEqual, roughJsonLength } from '../src/json-equal.ts';

test('jsonEqual says of any two JSON values what their canonical text says', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      assert.equal(jsonEqual(a, b), canonicalJson(a) === canonicalJson(b));
    }),
  );
});

test('jsonEqual finds a value equal to a copy of it, in whatever order its properties are', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const copy: unknown = JSON.parse(canonicalJson(value));
      assert.equal(jsonEqual(value, copy), isDeepStrictEqual(JSON.parse(JSON.stringify(value)), copy));
    }),
  );
});

test('jsonEqual tells apart what looks alike', () => {
  const pairs: readonly (readonly [unknown, unknown])[] = [
    [[], {}],
    [{}, []],
    [null, {}],
    [0, null],
    ['1', 1],
    [[1], [1, 2]],
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: 1, b: 2 }, { a: 1 }],
    [{ a: null }, {}],
    [{ a: null }, { b: null }],
  ];
  for (const [a, b] of pairs) assert.equal(jsonEqual(a, b), false, JSON.stringify([a, b]));
});

test('roughJsonLength is at most six times too long, and at most twelve times too short', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      // Characters that are escaped in the text count as one.
      const { length } = JSON.stringify(value);
      const rough = roughJsonLength(value);
      assert.ok(rough <= 6 * length && 12 * rough >= length, `${rough} for ${length}`);
    }),
  );
});
