import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { compilePath, parsePath, PathError } from '../src/paths.ts';

const parsed: readonly [string, readonly (string | number)[]][] = [
  ['id', ['id']],
  ['a.b.c', ['a', 'b', 'c']],
  ['a[0].b', ['a', 0, 'b']],
  ['[12][3]', [12, 3]],
  ['a["x.y"].z', ['a', 'x.y', 'z']],
  ["a['it''s']".replace("''", "\\'"), ['a', "it's"]],
  ['["a\\"b\\\\"]', ['a"b\\']],
  ['with space.äöü.😀', ['with space', 'äöü', '😀']],
  ['__proto__.constructor', ['__proto__', 'constructor']],
];

test('reads field paths', () => {
  for (const [text, steps] of parsed) assert.deepEqual(parsePath(text), steps, text);
});

test('says where a path is wrong', () => {
  const wrong: readonly [string, number][] = [
    ['', 0],
    ['.a', 0],
    ['a.', 1],
    ['a..b', 2],
    ['a[', 1],
    ['a[x]', 1],
    ['a[-1]', 1],
    ['a[0]b', 4],
    ['a]', 1],
  ];
  for (const [text, offset] of wrong) {
    assert.throws(
      () => parsePath(text),
      (error) => error instanceof PathError && (error.offset === offset || error.offset === text.length),
      text,
    );
  }
});

test('reads own properties only, and nothing where there is nothing', () => {
  const record: unknown = JSON.parse('{"a":{"b":[1,{"c":null}]},"__proto__":{"x":1},"s":"text","n":0}');
  const found: readonly [string, unknown][] = [
    ['a.b[0]', 1],
    ['a.b[1].c', null],
    ['a.b[1].c.d', undefined],
    ['a.b[2]', undefined],
    ['a.b.length', 2],
    ['__proto__.x', 1],
    ['constructor', undefined],
    ['s.length', undefined],
    ['n', 0],
    ['n.toFixed', undefined],
    ['a["b"][0]', 1],
  ];
  for (const [path, value] of found) {
    // An array's length is its own property, and harmless.
    assert.deepEqual(compilePath(path)(record), value, path);
  }
  for (const odd of [undefined, null, 1, 'x', []]) assert.equal(compilePath('a.b')(odd), undefined);
});

test('finds what was put at any path', () => {
  const name = fc.string({ minLength: 1, unit: 'binary' }).filter((text) => !/[.[\]]/.test(text));
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 5 }), fc.integer(), (names, value) => {
      const record = names.reduceRight<unknown>((inner, key) => Object.fromEntries([[key, inner]]), value);
      assert.equal(compilePath(names.join('.'))(record), value);
      const quoted = names.map((key) => `["${key.replaceAll(/["\\]/g, '\\$&')}"]`).join('');
      assert.equal(compilePath(quoted)(record), value);
    }),
  );
});
