import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ObjectId } from 'bson';
import fc from 'fast-check';
import type { Document } from 'mongodb';

import { fieldOf } from '../../src/mongodb/bson-documents.ts';
import { compareBson } from '../../src/mongodb/bson-order.ts';
import { keysetPages } from '../../src/mongodb/keyset-pages.ts';
import { fakeMongodb } from '../helpers/fake-mongodb.ts';

const { signal } = new AbortController();

const id = fc.oneof(
  fc.integer({ min: -50, max: 50 }),
  fc.string({ unit: 'grapheme', maxLength: 3 }),
  fc.boolean(),
  fc.constant(null),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => new ObjectId(bytes)),
  fc.record({ a: fc.integer({ min: 0, max: 5 }) }),
);
const documents: fc.Arbitrary<Document[]> = fc.uniqueArray(
  fc.record({ _id: id, text: fc.string({ maxLength: 200 }) }),
  {
    maxLength: 60,
    comparator: (a, b) => compareBson(a._id, b._id) === 0,
  },
);

async function texts(
  options: Parameters<typeof fakeMongodb>[1],
  all: Document[],
  after?: { value: unknown },
  filter: Document = {},
): Promise<unknown[]> {
  const connection = fakeMongodb({ c: all }, options);
  const found: unknown[] = [];
  for await (const page of keysetPages(
    connection,
    { collection: 'c', filter, by: '_id', after, pageBytes: 300 },
    signal,
  )) {
    for (let i = 0; i < page.count; i++) found.push(fieldOf(page, i, 'text'));
  }
  return found;
}

test('pages hold every document once, in order, however little a reply holds', async () => {
  await fc.assert(
    fc.asyncProperty(documents, fc.integer({ min: 50, max: 2000 }), async (all, replyBytes) => {
      const sorted = [...all].sort((a, b) => compareBson(a['_id'], b['_id']));
      assert.deepEqual(
        await texts({ replyBytes }, all),
        sorted.map(({ text }) => text as unknown),
      );
    }),
    { numRuns: 300 },
  );
});

test('pages after any value hold exactly the rest', async () => {
  await fc.assert(
    fc.asyncProperty(documents, fc.nat(), async (all, place) => {
      if (all.length === 0) return;
      const sorted = [...all].sort((a, b) => compareBson(a['_id'], b['_id']));
      const from = place % sorted.length;
      const after = { value: sorted[from]?.['_id'] as unknown };
      assert.deepEqual(
        await texts({ replyBytes: 400 }, all, after),
        sorted.slice(from + 1).map(({ text }) => text as unknown),
      );
    }),
    { numRuns: 300 },
  );
});

test('a filter on _id itself holds as well', async () => {
  const all = Array.from({ length: 20 }, (_, i) => ({ _id: i, text: `${i}` }));
  assert.deepEqual(await texts({ replyBytes: 60 }, all, undefined, { _id: { $gte: 5, $lt: 8 } }), ['5', '6', '7']);
});

test('one query is enough for a collection that one page holds', async () => {
  const connection = fakeMongodb({ c: [{ _id: 1 }, { _id: 'a' }] });
  for await (const page of keysetPages(connection, { collection: 'c', filter: {}, by: '_id' }, signal))
    assert.equal(page.count, 2);
  assert.equal(connection.pages.length, 1);
});

test('documents without _id are refused with a way out', async () => {
  const connection = fakeMongodb({ c: Array.from({ length: 3 }, (_, i) => ({ _id: i, n: i })) });
  const query = { collection: 'c', filter: {}, projection: { _id: 0 }, by: '_id' };
  await assert.rejects(
    async () => {
      for await (const _ of keysetPages(connection, query, signal));
    },
    { code: 'ETL_SOURCE_INVALID' },
  );
});
