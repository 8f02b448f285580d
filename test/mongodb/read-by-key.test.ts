import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ObjectId } from 'bson';
import fc from 'fast-check';
import type { Document } from 'mongodb';

import { decodeJsonRecords } from '../../src/formats/json-records.ts';
import { compareBson } from '../../src/mongodb/bson-order.ts';
import { readByKey, readKeys, type KeyedRecords } from '../../src/mongodb/read-by-key.ts';
import { fakeMongodb } from '../helpers/fake-mongodb.ts';

const { signal } = new AbortController();

const key = fc.oneof(
  fc.constantFrom('a', 'b', 'c', 'é', '', null, undefined),
  fc.integer({ min: 0, max: 3 }),
  fc.string({ maxLength: 2, unit: 'grapheme' }),
);
const documents: fc.Arbitrary<Document[]> = fc
  .uniqueArray(
    fc.record({
      _id: fc.nat(1000).map((n) => new ObjectId(n.toString(16).padStart(24, '0'))),
      key,
      text: fc.string({ maxLength: 100 }),
    }),
    { maxLength: 80, comparator: (a, b) => a._id.equals(b._id) },
  )
  .map((all) => all.map(({ key: value, ...rest }) => (value === undefined ? rest : { ...rest, key: value })));

function expected(all: readonly Document[]): string[] {
  const sorted = [...all].sort((a, b) => compareBson(a['key'], b['key']) || compareBson(a['_id'], b['_id']));
  return sorted.map(({ _id }) => String(_id));
}

async function idsOf(reading: AsyncIterable<KeyedRecords>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { json, keys } of reading) {
    assert.equal(keys.length, json.count);
    for (const [i, record] of (decodeJsonRecords(json) as Document[]).entries()) {
      assert.deepEqual(JSON.stringify(keys[i]), JSON.stringify(record['key'] ?? null));
      ids.push(String(record['_id']));
    }
  }
  return ids;
}

test('readByKey gives all documents of a key together, in the order of (key, _id), however the pages end', async () => {
  await fc.assert(
    fc.asyncProperty(documents, fc.integer({ min: 100, max: 3000 }), async (all, replyBytes) => {
      const connection = fakeMongodb({ c: all }, { replyBytes });
      const reading = readByKey(connection, { collection: 'c', key: 'key', types: 'plain', pageBytes: 400 }, signal);
      assert.deepEqual(await idsOf(reading), expected(all));
    }),
    { numRuns: 300 },
  );
});

test('readByKey goes on after any key', async () => {
  await fc.assert(
    fc.asyncProperty(documents, key, async (all, value) => {
      const connection = fakeMongodb({ c: all }, { replyBytes: 500 });
      const reading = readByKey(
        connection,
        { collection: 'c', key: 'key', types: 'plain', from: { value: value ?? null }, pageBytes: 400 },
        signal,
      );
      assert.deepEqual(await idsOf(reading), expected(all.filter((each) => compareBson(each['key'], value) > 0)));
    }),
    { numRuns: 300 },
  );
});

test('readKeys gives the documents of the keys asked for, as readByKey would', async () => {
  await fc.assert(
    fc.asyncProperty(
      documents,
      fc.array(key, { maxLength: 6 }),
      fc.integer({ min: 1, max: 4 }),
      async (all, some, batchKeys) => {
        const values = some.map((value) => value ?? null);
        const connection = fakeMongodb({ c: all }, { replyBytes: 500 });
        const reading = readKeys(
          connection,
          { collection: 'c', key: 'key', types: 'plain', values, batchKeys, pageBytes: 400 },
          signal,
        );
        const wanted = all.filter((each) => values.some((value) => compareBson(each['key'], value) === 0));
        assert.deepEqual(await idsOf(reading), expected(wanted));
      },
    ),
    { numRuns: 300 },
  );
});

test('readByKey takes a filter and a projection', async () => {
  const all = Array.from({ length: 50 }, (_, n) => ({ _id: n, key: `k${n % 7}`, n, text: 'x' }));
  const connection = fakeMongodb({ c: all }, { replyBytes: 300 });
  const records: unknown[] = [];
  const options = {
    collection: 'c',
    key: 'key',
    filter: { n: { $gte: 46 } },
    projection: { key: 1 },
    types: 'plain' as const,
  };
  for await (const { json } of readByKey(connection, options, signal)) records.push(...decodeJsonRecords(json));
  const kept = [
    { _id: 49, key: 'k0' },
    { _id: 46, key: 'k4' },
    { _id: 47, key: 'k5' },
    { _id: 48, key: 'k6' },
  ];
  assert.deepEqual(records, kept);
});

test('readByKey keeps the key and _id whatever the projection says', async () => {
  const connection = fakeMongodb({ c: [{ _id: 1, key: 'a', n: 1, text: 'x' }] });
  const cases: [Document, Document][] = [
    [{ n: 1 }, { _id: 1, key: 'a', n: 1 }],
    [
      { n: 1, _id: 0 },
      { _id: 1, key: 'a', n: 1 },
    ],
    [{ text: 0 }, { _id: 1, key: 'a', n: 1 }],
    [
      { text: 0, key: 0, _id: 0 },
      { _id: 1, key: 'a', n: 1 },
    ],
    [{ _id: 1 }, { _id: 1, key: 'a' }],
    [{ key: 1 }, { _id: 1, key: 'a' }],
    [{}, { _id: 1, key: 'a', n: 1, text: 'x' }],
  ];
  for (const [projection, expectedRecord] of cases) {
    for await (const { json } of readByKey(
      connection,
      { collection: 'c', key: 'key', projection, types: 'plain' },
      signal,
    )) {
      assert.deepEqual(decodeJsonRecords(json), [expectedRecord], JSON.stringify(projection));
    }
  }
});

test('a key that is an array is refused, not misplaced', async () => {
  const connection = fakeMongodb({ c: [{ _id: 1, key: ['a', 'b'] }] });
  await assert.rejects(idsOf(readByKey(connection, { collection: 'c', key: 'key' }, signal)), {
    code: 'ETL_SOURCE_INVALID',
  });
});
