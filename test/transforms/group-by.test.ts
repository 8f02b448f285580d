import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import fc from 'fast-check';

import { encodeKey } from '../../src/spill/key-bytes.ts';
import { dedupe } from '../../src/transforms/dedupe.ts';
import { filter } from '../../src/transforms/filter.ts';
import { groupBy, type GroupByOptions } from '../../src/transforms/group-by.ts';
import { limit } from '../../src/transforms/limit.ts';
import { rebatch } from '../../src/transforms/rebatch.ts';
import { inDirectory, run, runBroken } from './run.ts';

interface Keyed {
  readonly key: unknown;
  readonly n: number;
}

/** The oracle: a Map, its keys in the order of their bytes. */
function grouped(records: readonly Keyed[]): unknown[] {
  const groups = new Map<string, { key: unknown; records: Keyed[] }>();
  for (const record of records) {
    const name = encodeKey([record.key]).toString('hex');
    const group = groups.get(name) ?? { key: record.key ?? null, records: [] };
    group.records.push(record);
    groups.set(name, group);
  }
  return [...groups].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, group]) => group);
}

const cases: readonly {
  name: string;
  options: GroupByOptions;
  records: readonly unknown[];
  groups: readonly unknown[];
  rejected?: number;
}[] = [
  {
    name: 'keys of all kinds, each its own',
    options: { key: 'k', missingKey: 'keep' },
    records: [
      { k: '1' },
      { k: 1 },
      { k: null },
      { k: true },
      {},
      { k: [1] },
      { k: { b: 1, a: 2 } },
      { k: { a: 2, b: 1 } },
      { k: 1.0 },
      5,
    ],
    groups: [
      { key: null, records: [{ k: null }, {}, 5] },
      { key: true, records: [{ k: true }] },
      { key: 1, records: [{ k: 1 }, { k: 1 }] },
      { key: '1', records: [{ k: '1' }] },
      { key: [1], records: [{ k: [1] }] },
      { key: { a: 2, b: 1 }, records: [{ k: { b: 1, a: 2 } }, { k: { a: 2, b: 1 } }] },
    ],
  },
  {
    name: 'several fields',
    options: { key: ['a', 'b.c'] },
    records: [
      { a: 'x', b: { c: 2 } },
      { a: 'x', b: { c: 1 } },
      { a: 'x', b: { c: 2 }, z: 1 },
    ],
    groups: [
      { key: ['x', 1], records: [{ a: 'x', b: { c: 1 } }] },
      {
        key: ['x', 2],
        records: [
          { a: 'x', b: { c: 2 } },
          { a: 'x', b: { c: 2 }, z: 1 },
        ],
      },
    ],
  },
  {
    name: 'an order inside',
    options: { key: 'k', orderBy: 't' },
    records: [{ k: 1, t: 3 }, { k: 1, t: 1, first: true }, { k: 1 }, { k: 1, t: 1 }],
    groups: [{ key: 1, records: [{ k: 1 }, { k: 1, t: 1, first: true }, { k: 1, t: 1 }, { k: 1, t: 3 }] }],
  },
  {
    name: 'records without key rejected',
    options: { key: 'k' },
    records: [{}, { k: null }, { k: 0 }, 'x'],
    groups: [{ key: 0, records: [{ k: 0 }] }],
    rejected: 3,
  },
  { name: 'no records', options: { key: 'k' }, records: [], groups: [] },
];

test('groups', async (t) => {
  for (const { name, options, records, groups, rejected = 0 } of cases) {
    for (const memoryBytes of [1, 64_000_000]) {
      await t.test(`${name}, ${memoryBytes} bytes`, async () => {
        await inDirectory(async (directory) => {
          const result = await run(records, [groupBy({ ...options, memoryBytes })], {
            onReject: { to: join(directory, 'rejects') },
          });
          assert.deepEqual(result.records, groups);
          assert.deepEqual(
            [result.counts.merged, result.counts.rejected],
            [records.length - groups.length - rejected, rejected],
          );
        });
      });
    }
  }
});

const records = fc
  .array(fc.oneof(fc.nat(9), fc.constantFrom('a', 'b', 'á', null, true)), { maxLength: 60 })
  .map((keys) => keys.map((key, n) => ({ key, n })));
const breaks = fc.array(
  fc.record({
    failAt: fc.option(fc.nat(60), { nil: undefined }),
    failAfter: fc.option(fc.nat(15), { nil: undefined }),
  }),
  { maxLength: 4 },
);

test('a run broken anywhere and repeated gives each group once, with tiny memory as with much', async () => {
  await fc.assert(
    fc.asyncProperty(
      records,
      breaks,
      fc.integer({ min: 1, max: 7 }),
      fc.constantFrom(1, 64_000_000),
      fc.boolean(),
      async (all, broken, batchSize, memoryBytes, json) => {
        await inDirectory(async (directory) => {
          // Small batches after it, so that it is broken between groups; stages with a state of their own before and after.
          const stages = () => [
            dedupe({ key: 'n' }),
            groupBy({ key: 'key', missingKey: 'keep', memoryBytes }),
            rebatch({ records: 2 }),
            filter({ where: '$not(key = 3)' }),
            limit({ records: 8 }),
          ];
          const result = await runBroken(all, stages, broken, { batchSize, directory, json });
          const groups = grouped(all).filter((group) => (group as Keyed).key !== 3);
          assert.deepEqual(result.records, groups.slice(0, 8));
        });
      },
    ),
    { numRuns: 100 },
  );
});

test('a resumed run counts what an unbroken one counts', async () => {
  const all = Array.from({ length: 1000 }, (_, n) => ({ key: n % 400, n }));
  await inDirectory(async (directory) => {
    const outcome = async (name: string, broken: readonly { failAfter: number }[]) =>
      runBroken(all, () => [groupBy({ key: 'key', memoryBytes: 50_000 })], broken, {
        batchSize: 50,
        directory: join(directory, name),
      });
    const unbroken = await outcome('a', []);
    assert.equal(unbroken.records.length, 400);
    assert.deepEqual(await outcome('b', [{ failAfter: 100 }, { failAfter: 300 }]), unbroken);
  });
});
