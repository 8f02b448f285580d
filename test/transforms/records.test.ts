import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import fc from 'fast-check';

import { recordCount } from '../../src/batch.ts';
import { EtlError } from '../../src/errors.ts';
import { jsonRecordText } from '../../src/formats/json-records.ts';
import { pipeline } from '../../src/pipeline.ts';
import type { Batch, Transform } from '../../src/stage.ts';
import { dedupe } from '../../src/transforms/dedupe.ts';
import { filter } from '../../src/transforms/filter.ts';
import { limit } from '../../src/transforms/limit.ts';
import { map } from '../../src/transforms/map.ts';
import { rebatch } from '../../src/transforms/rebatch.ts';
import { tap } from '../../src/transforms/tap.ts';
import { arraySource, Store, storeSink } from '../helpers/memory.ts';
import { asJson, inDirectory, run, runBroken } from './run.ts';

const numbered = (count: number): { n: number }[] => Array.from({ length: count }, (_, n) => ({ n }));
const breaks = fc.array(
  fc.record({
    failAt: fc.option(fc.nat(40), { nil: undefined }),
    failAfter: fc.option(fc.nat(20), { nil: undefined }),
  }),
  { maxLength: 4 },
);

/** The batches that come out of a transform. */
async function batchesOf(
  records: readonly unknown[],
  transform: Transform<unknown, unknown>,
  batchSize = 2,
): Promise<Batch<unknown>[]> {
  const batches: Batch<unknown>[] = [];
  await pipeline(asJson(arraySource(records, { batchSize })))
    .through(transform)
    .to({
      role: 'sink',
      name: 'keep',
      async *write(input) {
        for await (const batch of input) {
          batches.push(batch);
          yield { records: recordCount(batch), cursor: batch.cursor };
        }
      },
    })
    .run();
  return batches;
}

test('filter keeps what Array.filter keeps, by function, simple and full expression', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ n: fc.nat(9) }, { noNullPrototype: true }), { maxLength: 30 }),
      fc.integer({ min: 1, max: 5 }),
      async (records, batchSize) => {
        const expected = records.filter(({ n }) => n > 4);
        const filters = [
          filter((record) => (record as { n: number }).n > 4),
          filter({ where: 'n > 4' }),
          filter({ where: '$max([n, 0]) > 4' }),
        ];
        for (const transform of filters) {
          const result = await run(records, [transform], { batchSize });
          assert.deepEqual(result.records, expected);
          assert.deepEqual(
            [result.counts.read, result.counts.filtered],
            [records.length, records.length - expected.length],
          );
        }
      },
    ),
    { numRuns: 40 },
  );
});

test('filter and map by expression pass on and give JSON', async () => {
  const [kept] = await batchesOf([{ n: 1 }, { n: 2 }], filter({ where: 'n = 2' }));
  assert.ok(kept?.json);
  assert.equal(jsonRecordText(kept.json, 0), '{"n":2}');
  const mapped = await run(
    [{ a: [{ v: 1 }, { v: 2 }], name: 'x' }, JSON.parse('{"a":{"v":3},"__proto__":"own"}')],
    [map({ to: '{"v": a.v, "name": name, "own": `__proto__`, "list": [a.v], "all": $}' })],
  );
  assert.equal(
    JSON.stringify(mapped.records),
    '[{"v":[1,2],"name":"x","list":[1,2],"all":{"a":[{"v":1},{"v":2}],"name":"x"}},{"v":3,"own":"own","list":[3],"all":{"a":{"v":3},"__proto__":"own"}}]',
  );
});

test('map gives what Array.map gives', async () => {
  const result = await run(numbered(7), [
    map((record) => ({ twice: (record as { n: number }).n * 2 })),
    map({ to: '{"four": twice * 2}' }),
  ]);
  assert.deepEqual(
    result.records,
    numbered(7).map(({ n }) => ({ four: n * 4 })),
  );
});

test('records that a condition or a mapping fails on are rejected, each in its place', async () => {
  const records = [{ n: 1 }, { n: 'x' }, { n: 3 }, {}, { n: 5 }];
  const failing: readonly { name: string; transform: () => Transform<unknown, unknown>; kept: readonly number[] }[] = [
    {
      name: 'filter by function',
      transform: () =>
        filter((record) => {
          if ((record as { n: unknown }).n === 'x') throw new Error('no number');
          return true;
        }),
      kept: [0, 2, 3, 4],
    },
    { name: 'filter by simple expression', transform: () => filter({ where: '$not(n > 9)' }), kept: [0, 2, 4] },
    { name: 'filter by full expression', transform: () => filter({ where: '$abs(n) > 0' }), kept: [0, 2, 4] },
    {
      name: 'map by function',
      transform: () => map((record) => ((record as { n: unknown }).n === undefined ? undefined : record)),
      kept: [0, 1, 2, 4],
    },
    { name: 'map by expression that gives nothing', transform: () => map({ to: 'n' }), kept: [0, 1, 2, 4] },
    {
      name: 'map by expression that gives a function',
      transform: () => map({ to: '$exists(n) ? $ : {"f": $sum}' }),
      kept: [0, 1, 2, 4],
    },
  ];
  for (const { name, transform, kept } of failing) {
    await inDirectory(async (directory) => {
      const to = join(directory, 'rejects');
      const result = await run(records, [transform()], { onReject: { to } });
      const left = kept.map((index) => (name.includes('gives nothing') ? records[index]?.n : records[index]));
      assert.deepEqual(result.records, left, name);
      const places = (await readFile(to, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
      const lost = records.map((_, index) => index).filter((index) => !kept.includes(index));
      const filtered = result.counts.filtered;
      assert.equal(places.length + filtered, lost.length, name);
      for (const line of places) {
        const reject = JSON.parse(line) as { at: string; record: unknown };
        const index = Number(reject.at.split(':')[1]);
        assert.deepEqual(reject.record, records[index], name);
        assert.ok(lost.includes(index), `${name}: ${reject.at}`);
      }
    });
  }
});

test('map knows the places of the records that are left', async () => {
  const batches: Batch<unknown>[] = [];
  await inDirectory(async (directory) => {
    await pipeline(arraySource([0, 1, 2, 3], { batchSize: 4 }), { onReject: { to: join(directory, 'rejects') } })
      .through(map((n) => (n === 1 ? undefined : n * 10)))
      .to({
        role: 'sink',
        name: 'keep',
        async *write(input) {
          for await (const batch of input) batches.push(batch);
          yield { records: 3 };
        },
      })
      .run();
  });
  assert.deepEqual(
    [0, 1, 2].map((index) => batches[0]?.at?.(index)),
    ['array:0', 'array:2', 'array:3'],
  );
});

test('an error about more than the record ends the run', async () => {
  await inDirectory(async (directory) => {
    const broken = map(() => {
      throw new EtlError('ETL_CONNECT_FAILED', 'the server is gone');
    });
    await assert.rejects(
      run([1, 2], [broken], { onReject: { to: join(directory, 'rejects') } }),
      (error) => error instanceof EtlError && error.code === 'ETL_CONNECT_FAILED' && error.where.stage === 'map',
    );
  });
});

const endless = '($f := function($x) { $f($x) }; $f(n))';
const slow: readonly (readonly [string, Transform<unknown, unknown>])[] = [
  ['filter', filter({ where: endless, timeoutMs: 20 })],
  ['map', map({ to: endless, timeoutMs: 20 })],
];

/** Records that tell when one of them is looked at. */
const watched = (count: number, look: () => void): unknown[] =>
  Array.from({ length: count }, () => ({
    get n() {
      look();
      return 1;
    },
  }));

test('the first reject of an expression ends the run before the next record is begun', async () => {
  for (const [name, transform] of slow) {
    let looks = 0;
    const records = watched(100, () => {
      looks += 1;
    });
    await assert.rejects(
      run(records, [transform], { batchSize: 100 }),
      (error) => error instanceof EtlError && error.code === 'ETL_RECORD_REJECTED' && error.where.stage === name,
    );
    assert.equal(looks, 1, name);
  }
});

test('signals and timers have their turn between records on which an expression is slow', async () => {
  for (const [name, transform] of slow) {
    await inDirectory(async (directory) => {
      const stop = new AbortController();
      let looks = 0;
      const records = watched(100, () => {
        looks += 1;
        // As Ctrl-C comes: not before the thread is let go.
        if (looks === 1) setImmediate(() => stop.abort());
      });
      const stages = pipeline(arraySource(records, { batchSize: 100 }), {
        onReject: { to: join(directory, 'rejects') },
      });
      await assert.rejects(
        stages.through(transform).to(storeSink(new Store())).run({ signal: stop.signal }),
        (error) => error instanceof EtlError && error.code === 'ETL_ABORTED',
      );
      assert.ok(looks < 20, `${name}: ${looks} of 100 looked at`);
    });
  }
});

test('an expression that does not compile is refused before anything runs', () => {
  const isRefused = (error: unknown): boolean => error instanceof EtlError && error.code === 'ETL_EXPRESSION_INVALID';
  assert.throws(() => filter({ where: 'n >' }), isRefused);
  assert.throws(() => map({ to: '{"a"' }), isRefused);
});

test('limit ends the stream, and counts over interruptions', async () => {
  assert.deepEqual((await run(numbered(10), [limit({ records: 0 })])).records, []);
  assert.deepEqual((await run(numbered(3), [limit({ records: 5 })])).records, numbered(3));
  await fc.assert(
    fc.asyncProperty(
      breaks,
      fc.nat(30),
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 4 }),
      async (broken, records, batchSize, commitEvery) => {
        const result = await runBroken(numbered(25), () => [limit({ records })], broken, { batchSize, commitEvery });
        assert.deepEqual(result.records, numbered(Math.min(25, records)));
      },
    ),
    { numRuns: 60 },
  );
});

test('rebatch changes the batches and nothing else', async () => {
  const sizes = async (options: Parameters<typeof rebatch>[0], count: number, batchSize: number): Promise<number[]> => {
    const batches = await batchesOf(numbered(count), rebatch(options), batchSize);
    assert.deepEqual(
      batches.flatMap((batch) => batch.records),
      numbered(count),
    );
    assert.ok(batches.every(({ json }) => json !== undefined));
    return batches.map(recordCount);
  };
  assert.deepEqual(await sizes({ records: 3 }, 10, 4), [3, 3, 3, 1]);
  assert.deepEqual(await sizes({ records: 5 }, 10, 2), [5, 5]);
  assert.deepEqual(await sizes({ records: 100 }, 10, 3), [10]);
  // The source says 10 bytes a record.
  assert.deepEqual(await sizes({ bytes: 25 }, 10, 4), [3, 3, 3, 1]);
  assert.deepEqual(await sizes({ bytes: 1 }, 3, 2), [1, 1, 1]);
  assert.deepEqual(await sizes({ bytes: 1000, records: 4 }, 9, 9), [4, 4, 1]);
});

test('rebatch knows where its records came from', async () => {
  const batches = await batchesOf(numbered(7), rebatch({ records: 3 }), 2);
  assert.deepEqual(
    batches.map((batch) => batch.records.map((_, index) => batch.at?.(index))),
    [['array:0', 'array:1', 'array:2'], ['array:3', 'array:4', 'array:5'], ['array:6']],
  );
});

/** Rejects the record of one number. */
const rejecting = (wanted: number): Transform<unknown, unknown> =>
  map((record) => {
    if ((record as { n: number }).n === wanted) throw new Error(`no ${wanted}`);
    return record;
  });

test('a run broken anywhere around rebatch gives each record and each reject once', async () => {
  await fc.assert(
    fc.asyncProperty(
      breaks,
      fc.record({
        batchSize: fc.integer({ min: 1, max: 7 }),
        commitEvery: fc.integer({ min: 1, max: 4 }),
        size: fc.integer({ min: 1, max: 9 }),
        again: fc.integer({ min: 1, max: 9 }),
      }),
      fc.boolean(),
      async (broken, { size, again, ...rhythm }, json) => {
        await inDirectory(async (directory) => {
          const doubled = [...numbered(20), ...numbered(25)];
          const stages = () => [
            filter({ where: 'n != 3' }),
            dedupe({ key: 'n' }),
            rejecting(11),
            rebatch({ records: size }),
            filter({ where: 'n != 7' }),
            rejecting(13),
            rebatch({ records: again }),
            filter({ where: 'n != 17' }),
            rejecting(19),
          ];
          const outcome = async (name: string, breaking: typeof broken) => {
            const to = join(directory, `${name}.rejects`);
            const result = await runBroken(doubled, stages, breaking, {
              ...rhythm,
              json,
              directory: join(directory, name),
              onReject: { to },
            });
            const rejects = await readFile(to, 'utf8');
            return { records: result.records, counts: result.counts, rejects: rejects.split('\n').sort() };
          };
          const unbroken = await outcome('unbroken', []);
          const left = numbered(25).filter(({ n }) => ![3, 7, 11, 13, 17, 19].includes(n));
          assert.deepEqual(unbroken.records, left);
          // 3 twice, 7 and 17 by the filters; what comes again, but for 3, by dedupe.
          const { read, written, filtered, rejected } = unbroken.counts;
          assert.deepEqual([read, written, filtered, rejected], [45, 19, 4 + 19, 3]);
          assert.deepEqual(await outcome('broken', broken), unbroken);
        });
      },
    ),
    { numRuns: 150 },
  );
});

test('tap shows the first and every n-th record and changes nothing', async () => {
  const seen: [number, number][] = [];
  const show = (record: unknown, number: number): void => void seen.push([(record as { n: number }).n, number]);
  const batches = await batchesOf(numbered(11), tap(show, { first: 2, every: 4 }), 3);
  assert.deepEqual(seen, [
    [0, 1],
    [1, 2],
    [3, 4],
    [7, 8],
  ]);
  assert.deepEqual(
    batches.flatMap((batch) => batch.records),
    numbered(11),
  );
  assert.ok(batches.every(({ json }) => json !== undefined));
});

test('tap numbers records over interruptions', async () => {
  const seen = new Set<string>();
  const show = (record: unknown, number: number): void => void seen.add(`${(record as { n: number }).n}:${number}`);
  await runBroken(numbered(20), () => [tap(show, { first: 0, every: 5 })], [{ failAt: 7 }, { failAfter: 9 }], {
    batchSize: 3,
  });
  assert.deepEqual([...seen], ['4:5', '9:10', '14:15', '19:20']);
});

test('tap writes to stderr, cut to a length', async (t) => {
  const lines: string[] = [];
  t.mock.method(process.stderr, 'write', (text: string) => lines.push(text) > 0);
  await run([{ text: 'x'.repeat(100) }, { text: 'y' }], [tap({ first: 1, maxLength: 10 })]);
  t.mock.restoreAll();
  assert.deepEqual(lines, ['tap: 1 {"text":"x…\n', 'tap: 2 records\n']);
});
