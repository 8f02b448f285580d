import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Binary,
  BSONSymbol,
  Code,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
} from 'bson';
import fc from 'fast-check';

import { compareBson, isNaNValue, typesAfter } from '../../src/mongodb/bson-order.ts';
import { compare } from '../helpers/mongodb-wire/order.ts';

/** In the order in which a server gives them. */
const ordered: readonly unknown[] = [
  new MinKey(),
  null,
  new Double(Number.NaN),
  Decimal128.fromString('-Infinity'),
  new Double(-1.5),
  new Int32(0),
  new Double(0.5),
  5,
  Long.fromString('9007199254740992'),
  Long.fromString('9007199254740993'),
  new Double(Number.POSITIVE_INFINITY),
  '',
  'B',
  new BSONSymbol('a'),
  'b',
  'é',
  '\uffee',
  '𝒳',
  {},
  { a: 1 },
  { a: 1, b: 1 },
  { a: 2 },
  { b: 0 },
  { a: 'x' },
  [1],
  new Binary(Buffer.from('z')),
  new Binary(Buffer.from('aa')),
  new Binary(Buffer.from('ab')),
  new UUID('00000000-0000-4000-8000-000000000000'),
  new ObjectId('000000000000000000000001'),
  new ObjectId('f00000000000000000000000'),
  false,
  true,
  new Date(-5),
  new Date(5),
  new Timestamp({ t: 1, i: 2 }),
  new Timestamp({ t: 0xffff_ffff, i: 0 }),
  /a/,
  new Code('a'),
  new Code('a', { x: 1 }),
  new MaxKey(),
];

test('compareBson puts values of all types in the server’s order', () => {
  for (const [i, a] of ordered.entries()) {
    for (const [j, b] of ordered.entries()) {
      assert.equal(Math.sign(compareBson(a, b)), Math.sign(i - j), `${String(a)} (${i}) and ${String(b)} (${j})`);
    }
  }
});

test('compareBson agrees with the comparison of the test server', () => {
  const scalar = fc.oneof(
    fc.constantFrom(
      ...ordered.filter(
        (value) =>
          !Array.isArray(value) &&
          !(value instanceof RegExp) &&
          !(value instanceof Double) &&
          !(value instanceof Int32),
      ),
    ),
    fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
    fc.integer(),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array({ maxLength: 6 }).map((bytes) => new Binary(bytes)),
  );
  fc.assert(
    fc.property(scalar, scalar, (a, b) => {
      assert.equal(Math.sign(compareBson(a, b)), Math.sign(compare(a, b)));
    }),
    { numRuns: 3000 },
  );
});

test('equal numbers of different types are equal', () => {
  for (const value of [new Int32(5), new Double(5), Long.fromNumber(5), Decimal128.fromString('5'), 5, 5n])
    assert.equal(compareBson(value, 5), 0);
});

test('typesAfter names the types that sort later, without arrays', () => {
  assert.deepEqual(typesAfter(true), [
    'date',
    'timestamp',
    'regex',
    'dbPointer',
    'javascript',
    'javascriptWithScope',
    'maxKey',
  ]);
  assert.deepEqual(typesAfter('a', { commonOnly: true }), [
    'object',
    'binData',
    'objectId',
    'bool',
    'date',
    'timestamp',
  ]);
  assert.deepEqual(typesAfter(new MaxKey()), []);
  assert.ok(!typesAfter(null).includes('array'));
});

test('isNaNValue knows NaN in every number type', () => {
  for (const value of [Number.NaN, new Double(Number.NaN), Decimal128.fromString('NaN')]) assert.ok(isNaNValue(value));
  for (const value of [0, 'NaN', null, new Date(Number.NaN), {}]) assert.ok(!isNaNValue(value));
});
