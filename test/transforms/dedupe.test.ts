import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import fc from 'fast-check';

import { EtlError } from '../../src/errors.ts';
import { dedupe, type DedupeOptions } from '../../src/transforms/dedupe.ts';
import { limit } from '../../src/transforms/limit.ts';
import { inDirectory, run, runBroken } from './run.ts';

/** The first record of each key, by a Set. */
function firsts(records: readonly { id: unknown }[]): unknown[] {
  const seen = new Set<string>();
  return records.filter(({ id }) => {
    const key = JSON.stringify(id);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

const id = fc.oneof(fc.nat(6), fc.constantFrom('1', '2', 'a', 'á', '\ud800', '', true, 1.5));
const records = fc.array(fc.record({ id }, { noNullPrototype: true }), { maxLength: 40 });
const breaks = fc.array(
  fc.record({
    failAt: fc.option(fc.nat(40), { nil: undefined }),
    failAfter: fc.option(fc.nat(20), { nil: undefined }),
  }),
  { maxLength: 4 },
);

test('keeps the first record of every key, however batches are cut and wherever the run is broken', async () => {
  await fc.assert(
    fc.asyncProperty(
      records,
      breaks,
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
      async (all, broken, batchSize, commitEvery, json) => {
        await inDirectory(async (directory) => {
          for (const memory of ['exact', 'spill'] as const) {
            const stages = () => [dedupe({ key: 'id', memory, memoryBytes: 120 })];
            const result = await runBroken(all, stages, broken, {
              batchSize,
              commitEvery,
              directory: join(directory, memory),
              json,
            });
            const expected = firsts(all);
            assert.deepEqual(result.records, expected);
            const { read, written, filtered } = result.counts;
            assert.deepEqual([read, written, filtered], [all.length, expected.length, all.length - expected.length]);
          }
        });
      },
    ),
    { numRuns: 60 },
  );
});

const tables: readonly {
  name: string;
  options: DedupeOptions;
  records: readonly unknown[];
  kept: readonly number[];
  rejected?: number;
}[] = [
  {
    name: 'a path',
    options: { key: 'a.b[0]' },
    records: [{ a: { b: [1] } }, { a: { b: [1, 2] } }, { a: { b: [2] } }],
    kept: [0, 2],
  },
  {
    name: 'several fields',
    options: { key: ['a', 'b'] },
    records: [
      { a: 'x', b: 'y' },
      { a: 'xy', b: '' },
      { b: 'y', a: 'x' },
    ],
    kept: [0, 1],
  },
  {
    name: 'types kept apart',
    options: { key: 'id' },
    records: [{ id: 1 }, { id: '1' }, { id: true }, { id: 'true' }, { id: [1] }, { id: [1] }],
    kept: [0, 1, 2, 3, 4],
  },
  {
    name: 'whole records, whatever the order of fields',
    options: { key: 'record' },
    records: [{ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }, { a: 1 }, 'text', 'text', null, null],
    kept: [0, 2, 3, 5],
  },
  {
    name: 'missing keys kept',
    options: { key: 'id', missingKey: 'keep' },
    records: [{}, {}, { id: null }, { id: 1 }, { id: 1 }, 5],
    kept: [0, 1, 2, 3, 5],
  },
  {
    name: 'missing keys rejected',
    options: { key: 'id' },
    records: [{}, { id: null }, { id: 1 }, { id: 1 }, 5],
    kept: [2],
    rejected: 3,
  },
  {
    name: 'a field called record',
    options: { key: ['record'] },
    records: [
      { record: 1, a: 1 },
      { record: 1, a: 2 },
    ],
    kept: [0],
  },
  {
    name: 'a field called __proto__',
    options: { key: '__proto__' },
    records: [JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":1}')],
    kept: [0],
  },
  { name: 'no records', options: { key: 'id' }, records: [], kept: [] },
];

test('compares by', async (t) => {
  for (const { name, options, records: all, kept, rejected = 0 } of tables) {
    await t.test(name, async () => {
      await inDirectory(async (directory) => {
        const result = await run(all, [dedupe(options)], { onReject: { to: join(directory, 'rejects') } });
        assert.deepEqual(
          result.records,
          kept.map((index) => all[index]),
        );
        assert.equal(result.counts.rejected, rejected);
      });
    });
  }
});

test('stops at a record without key, unless told otherwise', async () => {
  await assert.rejects(
    run([{ id: 1 }, {}], [dedupe({ key: 'id' })]),
    (error) =>
      error instanceof EtlError && error.code === 'ETL_RECORD_REJECTED' && /no value at id/.test(error.message),
  );
});

test('closes its files when the stage after it needs no more', async () => {
  const result = await run(
    [{ id: 1 }, { id: 1 }, { id: 2 }, { id: 3 }],
    [dedupe({ key: 'id', memory: 'spill', memoryBytes: 60 }), limit({ records: 2 })],
  );
  assert.deepEqual(result.records, [{ id: 1 }, { id: 2 }]);
});

test('a run killed at any moment and repeated gives what an unbroken one gives', async () => {
  await inDirectory(async (directory) => {
    const input = join(directory, 'in.jsonl');
    const lines: string[] = [];
    let random = 1;
    for (let i = 0; i < 60_000; i += 1) {
      random = (random * 1103515245 + 12345) % 2 ** 31;
      lines.push(JSON.stringify({ id: `id ${random % 20_000}`, i }));
    }
    await writeFile(input, `${lines.join('\n')}\n`);
    const expected = firsts(lines.map((line) => JSON.parse(line) as { id: string })).map((record) =>
      JSON.stringify(record),
    );
    const output = join(directory, 'out.jsonl');
    let kills = 0;
    // Killed at the first, the third and the sixth commit of each attempt; then left alone.
    for (const commits of [1, 3, 6, 0]) {
      const child = spawn(
        process.execPath,
        ['--import', 'tsx', new URL('dedupe-child.ts', import.meta.url).pathname, input, output],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      let seen = 0;
      child.stdout.on('data', (data: Buffer) => {
        seen += data.toString().split('\n').length - 1;
        if (commits > 0 && seen >= commits) child.kill('SIGKILL');
      });
      const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
      if (signal === 'SIGKILL') kills += 1;
      else assert.equal(code, 0);
    }
    assert.ok(kills > 0, 'no attempt was killed');
    assert.deepEqual((await readFile(output, 'utf8')).trimEnd().split('\n'), expected);
  });
});
