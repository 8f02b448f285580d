import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { BSON, type Document, ObjectId } from 'bson';

import { queryFilter } from '../../src/mongodb/query-filter.ts';

const id = '0123456789abcdef01234567';

describe('queryFilter', () => {
  const filters: readonly (readonly [filter: Record<string, unknown>, sent: Document])[] = [
    [{}, {}],
    [{ _id: { $gt: { $oid: id } } }, { _id: { $gt: new ObjectId(id) } }],
    [{ _id: { $in: [new ObjectId(id)] } }, { _id: { $in: [new ObjectId(id)] } }],
    [{ at: { $gte: { $date: '2025-01-31' } } }, { at: { $gte: new Date('2025-01-31T00:00:00Z') } }],
    [{ at: new Date(5) }, { at: new Date(5) }],
    [{ title: { $regex: '^a', $options: 'i' } }, { title: { $regex: '^a', $options: 'i' } }],
    [{ title: /^a/i }, { title: /^a/i }],
    [{ $or: [{ n: 1.5 }, { n: { $numberInt: '2' } }, { n: null }] }, { $or: [{ n: 1.5 }, { n: 2 }, { n: null }] }],
  ];
  for (const [filter, sent] of filters) {
    test(`sends what ${JSON.stringify(filter)} says`, () =>
      assert.deepEqual(BSON.serialize(queryFilter(filter, 'here').query), BSON.serialize(sent)));
  }

  for (const filter of [
    { at: { $date: 'soon' } },
    { at: { $date: { $numberLong: '8640000000000001' } } },
    { at: { $date: '2025-02-30T00:00:00Z' } },
    { _id: { $oid: 'zz' } },
    { a: { $undefined: true } },
  ]) {
    test(`refuses ${JSON.stringify(filter)}, which would be sent as something else`, () =>
      assert.throws(() => queryFilter(filter, 'here'), {
        code: 'ETL_CONFIG_INVALID',
        message: /"filter" is no Extended JSON/,
      }));
  }
});
