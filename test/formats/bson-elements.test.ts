import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BSON,
  Binary,
  BSONRegExp,
  BSONSymbol,
  Code,
  DBRef,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
} from 'bson';
import fc from 'fast-check';

import { elements, elementValue, findElement } from '../../src/formats/bson-elements.ts';

const values: Record<string, unknown> = {
  double: new Double(1.5),
  string: 'é\0x',
  empty: '',
  document: { a: { b: 1 } },
  array: [1, [2]],
  binary: new Binary(Buffer.from('abc')),
  objectId: new ObjectId('0123456789abcdef01234567'),
  true: true,
  date: new Date(-5),
  null: null,
  regex: new BSONRegExp('a.b', 'i'),
  code: new Code('f()'),
  scoped: new Code('f()', { x: 1 }),
  symbol: new BSONSymbol('s'),
  int: new Int32(7),
  timestamp: new Timestamp({ t: 1, i: 2 }),
  long: Long.fromString('9007199254740993'),
  decimal: Decimal128.fromString('1.50'),
  minKey: new MinKey(),
  maxKey: new MaxKey(),
  reference: new DBRef('c', new ObjectId('0123456789abcdef01234567')),
  ключ: 'not ASCII',
};

test('findElement walks over every type to the one after it', async (t) => {
  const bytes = Buffer.from(BSON.serialize({ ...values, last: 'found' }));
  for (const [name, value] of Object.entries({ ...values, last: 'found' })) {
    await t.test(name, () => {
      const element = findElement(bytes, 0, name);
      assert.ok(element);
      assert.equal(BSON.EJSON.stringify({ v: elementValue(bytes, element) }), BSON.EJSON.stringify({ v: value }));
    });
  }
  assert.equal([...elements(bytes, 0)].length, Object.keys(values).length + 1);
});

test('findElement gives nothing for a field that is not there', () => {
  const bytes = Buffer.from(BSON.serialize({ ab: 1, nested: { x: 1 } }));
  for (const name of ['a', 'abc', 'x', '', 'ключ']) assert.equal(findElement(bytes, 0, name), undefined, name);
});

test('findElement finds fields of a document in the middle of others', () => {
  const parts = [{ _id: 1 }, { x: 'a', _id: 2 }, { _id: 3 }].map((each) => Buffer.from(BSON.serialize(each)));
  const start = parts[0]?.length ?? 0;
  const bytes = Buffer.concat(parts);
  const element = findElement(bytes, start, '_id');
  assert.ok(element);
  assert.equal(Number(elementValue(bytes, element)), 2);
});

test('a regular expression without an end does not send the walk back', () => {
  // A length that is all wrong, a null called "r", a regular expression called "x", and no zero behind it.
  const bytes = Buffer.from([1, 1, 1, 1, 0x0a, 0x72, 0, 0x0b, 0x78, 0, ...Buffer.from('never ending')]);
  assert.equal(findElement(bytes, 0, 'last'), undefined);
  assert.equal([...elements(bytes, 0)].length, 1);
});

test('findElement never throws or runs off whatever the bytes are', () => {
  const good = Buffer.from(BSON.serialize({ ...values, last: 'found' }));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 8 }),
      fc.nat(good.length),
      (changes, cut) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        const part = bytes.subarray(0, Math.max(4, cut));
        const element = findElement(part, 0, 'last');
        if (element !== undefined) assert.ok(element.start <= element.end && element.end <= part.length);
      },
    ),
    { numRuns: 2000 },
  );
});
