import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';

import fc from 'fast-check';

import { pipeline } from '../../src/pipeline.ts';
import { mapConcurrent } from '../../src/transforms/map-concurrent.ts';
import { arraySource, Store, storeSink } from '../helpers/memory.ts';
import { run, runBroken } from './run.ts';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** Doubles a number after some turns of the event loop, more or fewer from record to record. */
async function slowly(n: number): Promise<number> {
  for (let turns = (n * 7) % 5; turns > 0; turns -= 1) await turn();
  return n * 2;
}

test('keeps the order, whichever call is done first', async () => {
  const result = await run(numbers(50), [mapConcurrent((n) => slowly(n as number), { concurrency: 8 })], {
    batchSize: 7,
  });
  assert.deepEqual(
    result.records,
    numbers(50).map((n) => n * 2),
  );
});

test('unordered, records stay in their batch', async () => {
  const result = await run(
    numbers(40),
    [mapConcurrent((n) => slowly(n as number), { concurrency: 8, ordered: false })],
    { batchSize: 10 },
  );
  assert.notDeepEqual(
    result.records,
    numbers(40).map((n) => n * 2),
  );
  for (let from = 0; from < 40; from += 10) {
    const part = result.records.slice(from, from + 10) as number[];
    assert.deepEqual(
      part.sort((a, b) => a - b),
      numbers(10).map((n) => (from + n) * 2),
    );
  }
});

test('never has more calls under way than it may', async () => {
  let current = 0;
  let most = 0;
  const counted = async (n: unknown): Promise<unknown> => {
    current += 1;
    most = Math.max(most, current);
    await slowly(n as number);
    current -= 1;
    return n;
  };
  await run(numbers(60), [mapConcurrent(counted, { concurrency: 4 })], { batchSize: 3 });
  assert.equal(most, 4);
  assert.equal(current, 0);
});

test('reads no further ahead than its bounds', async () => {
  for (const [options, bound] of [
    [{ concurrency: 2 }, 8],
    // The source says 10 bytes a record: two batches of two.
    [{ concurrency: 50, maxBytes: 30 }, 8],
  ] as const) {
    let begun = 0;
    let done = 0;
    let ahead = 0;
    const store = new Store<unknown>();
    await pipeline(arraySource(numbers(60), { batchSize: 2 }), { name: 'p' })
      .through(
        mapConcurrent(async (n) => {
          begun += 1;
          ahead = Math.max(ahead, begun - done);
          await turn();
          return n;
        }, options),
      )
      .to({
        ...storeSink(store),
        async *write(input) {
          for await (const batch of input) {
            done += batch.records.length;
            yield { records: batch.records.length, cursor: batch.cursor };
          }
        },
      })
      .run();
    assert.ok(ahead <= bound, `${ahead} records ahead with ${JSON.stringify(options)}`);
  }
});

test('rejects a record whose call fails, in the order of the input', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'etl-test-'));
  try {
    const to = join(directory, 'rejects');
    const fails = async (n: unknown): Promise<unknown> => {
      await slowly(n as number);
      if ((n as number) % 3 === 0) throw new Error(`no ${String(n)}`);
      return n === 7 ? undefined : n;
    };
    for (const ordered of [true, false]) {
      await rm(to, { force: true });
      const result = await run(numbers(12), [mapConcurrent(fails, { concurrency: 5, ordered })], {
        batchSize: 4,
        onReject: { to },
      });
      assert.deepEqual(
        [...(result.records as number[])].sort((a, b) => a - b),
        [1, 2, 4, 5, 8, 10, 11],
      );
      const rejects = (await readFile(to, 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { record: number; reason: string });
      if (ordered)
        assert.deepEqual(
          rejects.map(({ record }) => record),
          [0, 3, 6, 7, 9],
        );
      assert.equal(rejects.length, 5);
      assert.ok(rejects.every(({ reason, record }) => record === 7 || reason === `no ${record}`));
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('what breaks upstream comes behind the batches that are under way', async () => {
  const store = new Store<unknown>();
  const broken = pipeline(arraySource(numbers(20), { failAt: 10 }), { name: 'p' })
    .through(mapConcurrent(slowly, { concurrency: 50 }))
    .to(storeSink(store))
    .run();
  await assert.rejects(broken, /the source broke at 10/);
  assert.deepEqual(
    store.records,
    numbers(10).map((n) => n * 2),
  );
});

test('a run broken anywhere and repeated gives every record once', async () => {
  const breaks = fc.array(
    fc.record({
      failAt: fc.option(fc.nat(30), { nil: undefined }),
      failAfter: fc.option(fc.nat(30), { nil: undefined }),
    }),
    { maxLength: 3 },
  );
  await fc.assert(
    fc.asyncProperty(
      breaks,
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 9 }),
      async (broken, batchSize, concurrency) => {
        const result = await runBroken(
          numbers(30),
          () => [mapConcurrent((n) => slowly(n as number), { concurrency })],
          broken,
          { batchSize, commitEvery: 2 },
        );
        assert.deepEqual(
          result.records,
          numbers(30).map((n) => n * 2),
        );
      },
    ),
    { numRuns: 30 },
  );
});

test('calls are told when the run is stopped, and none begins after that', async () => {
  const stop = new AbortController();
  let begun = 0;
  let told = 0;
  const waits = (n: number, signal: AbortSignal): Promise<number> => {
    begun += 1;
    if (n === 3) stop.abort();
    return new Promise((_, reject) => {
      const end = (): void => {
        told += 1;
        reject(new Error('told'));
      };
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    });
  };
  await assert.rejects(
    pipeline(arraySource(numbers(20), { batchSize: 20 }))
      .through(mapConcurrent(waits, { concurrency: 4 }))
      .to(storeSink(new Store<number>()))
      .run({ signal: stop.signal }),
    /stopped/,
  );
  assert.deepEqual([begun, told], [4, 4]);
});

test('refuses a concurrency that is none', () => {
  for (const concurrency of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => mapConcurrent(slowly, { concurrency }), RangeError);
});
