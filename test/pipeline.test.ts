import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Transform as NodeTransform, Writable } from 'node:stream';
import { test } from 'node:test';

import fc from 'fast-check';

import { EtlError } from '../src/errors.ts';
import { pipeline } from '../src/pipeline.ts';
import { reportOf } from '../src/report.ts';
import type { StageContext, Transform } from '../src/stage.ts';
import { syncTransform } from '../src/streams.ts';
import { arraySource, Store, storeSink } from './helpers/memory.ts';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Doubles every number; needs no await, so neighbours are fused. */
const double = (): Transform<number, number> =>
  syncTransform({ name: 'double' }, () => (batch) => ({
    records: batch.records.map((n) => n * 2),
    bytes: batch.bytes,
  }));

/** Rejects multiples of `divisor`, an awaiting transform. */
function rejectMultiples(divisor: number): Transform<number, number> {
  return {
    role: 'transform',
    name: 'reject-multiples',
    async *apply(input, ctx) {
      for await (const batch of input) {
        const records = batch.records.filter((n, index) => {
          if (n % divisor !== 0) return true;
          ctx.reject(n, new Error(`${n} is a multiple of ${divisor}`), { batch, index });
          return false;
        });
        yield { ...batch, records };
      }
    },
  };
}

/** Drops odd numbers and says so. */
const evens = (): Transform<number, number> =>
  syncTransform({ name: 'evens' }, (ctx) => (batch) => {
    const records = batch.records.filter((n) => n % 2 === 0);
    ctx.count('filtered', batch.records.length - records.length, { batch });
    return { records };
  });

async function failure(promise: Promise<unknown>): Promise<EtlError> {
  const error: unknown = await promise.then(
    () => assert.fail('the run did not fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof EtlError, String(error));
  return error;
}

test('moves records through fused and awaiting stages and accounts for each', async () => {
  const store = new Store<number>();
  const report = await pipeline(arraySource(numbers(10)), { name: 'p' })
    .through(double())
    .through(double())
    .through(evens())
    .to(storeSink(store))
    .run();
  assert.deepEqual(
    store.records,
    numbers(10).map((n) => n * 4),
  );
  assert.equal(report.status, 'finished');
  assert.deepEqual(report.counts, {
    read: 10,
    written: 10,
    skipped: 0,
    filtered: 0,
    merged: 0,
    expanded: 0,
    rejected: 0,
  });
  assert.deepEqual(
    report.stages.map(({ stage }) => stage),
    ['array', 'double', 'double-2', 'evens', 'store'],
  );
  assert.equal(store.progress?.status, 'finished');
  assert.equal(store.locked, false);
});

test('a finished run repeated does nothing, and --new-run starts over', async () => {
  const store = new Store<number>();
  const make = () => pipeline(arraySource(numbers(4)), { name: 'p' }).to(storeSink(store));
  await make().run();
  const again = await make().run();
  assert.equal(again.status, 'unchanged');
  assert.equal(store.records.length, 4);
  const anew = await make().run({ newRun: true });
  assert.equal(anew.status, 'finished');
  assert.equal(store.records.length, 8);
});

test('a source that fails half-way leaves everything before it committed, and the same run goes on', async () => {
  const store = new Store<number>();
  const error = await failure(
    pipeline(arraySource(numbers(10), { failAt: 6 }), { name: 'p' })
      .through(double())
      .to(storeSink(store, { commitEvery: 100 }))
      .run(),
  );
  assert.equal(error.code, 'ETL_SOURCE_FAILED');
  assert.equal(error.where.stage, 'array');
  assert.deepEqual(store.records, [0, 2, 4, 6, 8, 10]);
  const report = reportOf(error);
  assert.equal(report?.status, 'failed');
  assert.equal(report?.counts.written, 6);
  assert.equal(report?.error?.code, 'ETL_SOURCE_FAILED');
  const resumed = await pipeline(arraySource(numbers(10)), { name: 'p' })
    .through(double())
    .to(storeSink(store))
    .run();
  assert.equal(resumed.resumed, true);
  assert.equal(resumed.attempts, 2);
  assert.deepEqual(resumed.counts, {
    read: 10,
    written: 10,
    skipped: 0,
    filtered: 0,
    merged: 0,
    expanded: 0,
    rejected: 0,
  });
  assert.deepEqual(
    store.records,
    numbers(10).map((n) => n * 2),
  );
});

test('a sink that fails is reported with its stage, and the run resumes at the last commit', async () => {
  const store = new Store<number>();
  const error = await failure(
    pipeline(arraySource(numbers(10)), { name: 'p' })
      .to(storeSink(store, { failAfter: 4 }))
      .run(),
  );
  assert.equal(error.code, 'ETL_SINK_FAILED');
  assert.equal(error.where.stage, 'store');
  assert.equal(store.locked, false);
  await pipeline(arraySource(numbers(10)), { name: 'p' })
    .to(storeSink(store))
    .run();
  assert.deepEqual(store.records, numbers(10));
});

test('whatever is broken at whatever point, the resumed run equals the unbroken one', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        total: fc.nat(40),
        batchSize: fc.integer({ min: 1, max: 7 }),
        commitEvery: fc.integer({ min: 1, max: 5 }),
        divisor: fc.integer({ min: 2, max: 5 }),
      }),
      fc.array(
        fc.record({
          failAt: fc.option(fc.nat(40), { nil: undefined }),
          failAfter: fc.option(fc.nat(40), { nil: undefined }),
        }),
        { maxLength: 4 },
      ),
      async ({ total, batchSize, commitEvery, divisor }, failures) => {
        const directory = await mkdtemp(join(tmpdir(), 'etl-test-'));
        try {
          const outcome = async (
            breaks: readonly { failAt?: number | undefined; failAfter?: number | undefined }[],
            to: string,
          ) => {
            const store = new Store<number>();
            for (const { failAt, failAfter } of [...breaks, {}]) {
              await pipeline(arraySource(numbers(total), { batchSize, ...(failAt === undefined ? {} : { failAt }) }), {
                name: 'p',
                onReject: { to },
              })
                .through(evens())
                .through(rejectMultiples(divisor))
                .through(double())
                .to(storeSink(store, { commitEvery, ...(failAfter === undefined ? {} : { failAfter }) }))
                .run()
                .catch((error: unknown) => assert.ok(error instanceof EtlError));
            }
            assert.equal(store.progress?.status, 'finished');
            return { records: store.records, counts: store.progress?.counts, rejects: await readFile(to, 'utf8') };
          };
          const unbroken = await outcome([], join(directory, 'a.jsonl'));
          const broken = await outcome(failures, join(directory, 'b.jsonl'));
          assert.deepEqual(broken, unbroken);
        } finally {
          await rm(directory, { recursive: true });
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('a stop request writes and commits what was read, and the run goes on later', async () => {
  const store = new Store<number>();
  const stop = new AbortController();
  const stopping = syncTransform<number, number>({ name: 'stopping' }, () => (batch) => {
    if (batch.records.includes(4)) stop.abort();
    return batch;
  });
  const make = () =>
    pipeline(arraySource(numbers(100)), { name: 'p' })
      .through(stopping)
      .to(storeSink(store));
  const report = await make().run({ stopSignal: stop.signal });
  assert.equal(report.status, 'stopped');
  assert.equal(report.counts.written, store.records.length);
  assert.ok(store.records.length >= 6 && store.records.length < 100);
  assert.equal((await make().run()).status, 'finished');
  assert.deepEqual(store.records, numbers(100));
});

test('an abort ends the run at once with ETL_ABORTED, and the run goes on later', async () => {
  const store = new Store<number>();
  const abort = new AbortController();
  const aborting = syncTransform<number, number>({ name: 'aborting' }, () => (batch) => {
    if (batch.records.includes(4)) abort.abort();
    return batch;
  });
  const make = () =>
    pipeline(arraySource(numbers(100)), { name: 'p' })
      .through(aborting)
      .to(storeSink(store));
  const error = await failure(make().run({ signal: abort.signal }));
  assert.equal(error.code, 'ETL_ABORTED');
  assert.equal((await make().run()).status, 'finished');
  assert.deepEqual(store.records, numbers(100));
});

test('a source that waits for ever is woken by a stop request', async () => {
  const stop = new AbortController();
  const waiting = {
    role: 'source' as const,
    name: 'waiting',
    async *read({ signal }: StageContext) {
      yield { records: [1], cursor: 1 };
      await new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(new Error('woken')), { once: true }),
      );
    },
  };
  const store = new Store<number>();
  const report = await pipeline(waiting, { name: 'p' })
    .through(syncTransform<number, number>({ name: 'then-stop' }, () => (batch) => (stop.abort(), batch)))
    .to(storeSink(store))
    .run({ stopSignal: stop.signal });
  assert.equal(report.status, 'stopped');
  assert.deepEqual(store.records, [1]);
});

test('a changed configuration is refused with the difference', async () => {
  const store = new Store<number>();
  const make = (config: { divisor: number }) =>
    pipeline(arraySource(numbers(4)), { name: 'p' })
      .through({ ...double(), config })
      .to(storeSink(store));
  await make({ divisor: 2 }).run();
  const error = await failure(make({ divisor: 3 }).run());
  assert.equal(error.code, 'ETL_RUN_CHANGED');
  assert.match(error.message, /transforms\.0\.double\.divisor: 2 → 3/);
});

test('a source without cursors is read again by a repeated run', async () => {
  const store = new Store<number>();
  for (let times = 0; times < 2; times += 1) {
    const report = await pipeline([1, 2], { name: 'p' }).to(storeSink(store)).run();
    assert.equal(report.status, 'finished');
  }
  assert.deepEqual(store.records, [1, 2, 1, 2]);
});

test('a configuration changed before anything was committed just starts over', async () => {
  const store = new Store<number>();
  const make = (config: { divisor: number }, failAt?: number) =>
    pipeline(arraySource(numbers(4), failAt === undefined ? {} : { failAt }), { name: 'p' })
      .through({ ...double(), config })
      .to(storeSink(store));
  await failure(make({ divisor: 2 }, 0).run());
  const report = await make({ divisor: 3 }).run();
  assert.deepEqual([report.status, report.counts.written], ['finished', 4]);
});

test('--limit reads that many, never moves the cursor, and the next run starts over', async () => {
  const store = new Store<number>();
  const make = () => pipeline(arraySource(numbers(10), { batchSize: 3 }), { name: 'p' }).to(storeSink(store));
  const sample = await make().run({ limit: 4 });
  assert.equal(sample.status, 'sampled');
  assert.equal(sample.counts.read, 4);
  assert.deepEqual(store.records, [0, 1, 2, 3]);
  const whole = await make().run();
  assert.equal(whole.status, 'finished');
  assert.deepEqual(store.records, numbers(10));
});

test('after a sample the run may have another configuration', async () => {
  const store = new Store<number>();
  const make = (divisor: number) =>
    pipeline(arraySource(numbers(10), { batchSize: 3 }), { name: 'p' })
      .through({ ...double(), config: { divisor } })
      .to(storeSink(store));
  await make(2).run({ limit: 4 });
  const whole = await make(3).run();
  assert.deepEqual([whole.status, store.records.length], ['finished', 10]);
});

test('--limit in the middle of a run leaves its progress alone', async () => {
  const store = new Store<number>();
  await failure(
    pipeline(arraySource(numbers(10), { failAt: 4 }), { name: 'p' })
      .to(storeSink(store))
      .run(),
  );
  await pipeline(arraySource(numbers(10)), { name: 'p' })
    .to(storeSink(store))
    .run({ limit: 3 });
  await pipeline(arraySource(numbers(10)), { name: 'p' })
    .to(storeSink(store))
    .run();
  assert.deepEqual(store.records, numbers(10));
});

test('--limit is refused where the sample would replace the data', async () => {
  const store = new Store<number>();
  const error = await failure(
    pipeline(arraySource(numbers(4)), { name: 'p' })
      .to({ ...storeSink(store), ifExists: 'replace' })
      .run({ limit: 1 }),
  );
  assert.equal(error.code, 'ETL_LIMIT_REFUSED');
});

test('a dry run does everything but write', async () => {
  const store = new Store<number>();
  const sink = { ...storeSink(store), write: () => assert.fail('written') };
  const report = await pipeline(arraySource(numbers(4)), { name: 'p' })
    .through(double())
    .to(sink)
    .run({ dryRun: true });
  assert.equal(report.status, 'dry-run');
  assert.equal(report.counts.read, 4);
  assert.equal(store.progress, undefined);
});

test('the first reject stops the run with code, stage and place, and what came before is committed', async () => {
  const store = new Store<number>();
  const error = await failure(
    pipeline(arraySource(numbers(9).slice(1)), { name: 'p' })
      .through(rejectMultiples(5))
      .to(storeSink(store))
      .run(),
  );
  assert.equal(error.code, 'ETL_RECORD_REJECTED');
  assert.match(error.describe(), /5 is a multiple of 5[\s\S]*stage "reject-multiples"[\s\S]*array:4/);
  assert.deepEqual(store.records, [1, 2, 3, 4]);
});

test('rejects go to the file with stage, code, reason, place and record, up to max', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'etl-test-'));
  t.after(() => rm(directory, { recursive: true }));
  const to = join(directory, 'rejects.jsonl');
  const store = new Store<number>();
  const report = await pipeline(arraySource(numbers(9)), { name: 'p', onReject: { to } })
    .through(rejectMultiples(4))
    .to(storeSink(store))
    .run();
  assert.equal(report.counts.rejected, 3);
  assert.deepEqual(store.records, [1, 2, 3, 5, 6, 7]);
  const lines = (await readFile(to, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  assert.deepEqual(lines[1], {
    stage: 'reject-multiples',
    code: 'ETL_RECORD_INVALID',
    reason: '4 is a multiple of 4',
    at: 'array:4',
    record: 4,
  });
  const tooMany = await failure(
    pipeline(arraySource(numbers(9)), { name: 'p', onReject: { to: join(directory, 'few.jsonl'), max: 1 } })
      .through(rejectMultiples(4))
      .to(storeSink(new Store<number>()))
      .run(),
  );
  assert.equal(tooMany.code, 'ETL_TOO_MANY_REJECTS');
});

test('a stage that loses records without saying so fails the run by name', async () => {
  const loses: Transform<number, number> = syncTransform({ name: 'loses' }, () => (batch) => ({
    records: batch.records.slice(1),
  }));
  const error = await failure(
    pipeline(arraySource(numbers(4)), { name: 'p' })
      .through(loses)
      .to(storeSink(new Store<number>()))
      .run(),
  );
  assert.equal(error.code, 'ETL_COUNT_MISMATCH');
  assert.equal(error.where.stage, 'loses');
});

test('a stage that ends early leaves the records read ahead out of the count', async () => {
  const store = new Store<number>();
  const firstThree: Transform<number, number> = {
    role: 'transform',
    name: 'first-three',
    async *apply(input, ctx) {
      let left = 3;
      for await (const batch of input) {
        const records = batch.records.slice(0, left);
        ctx.count('filtered', batch.records.length - records.length, { batch });
        left -= records.length;
        yield { ...batch, records };
        if (left === 0) return;
      }
    },
  };
  const report = await pipeline(arraySource(numbers(100)), { name: 'p' })
    .through(double())
    .through(firstThree)
    .to(storeSink(store))
    .run();
  assert.equal(report.status, 'finished');
  assert.deepEqual(store.records, [0, 2, 4]);
  assert.deepEqual([report.counts.read, report.counts.written, report.counts.filtered], [4, 3, 1]);
});

test('a stage finds its own state again after a failure', async () => {
  const store = new Store<number>();
  const seen: unknown[] = [];
  const counting = (): Transform<number, number> =>
    syncTransform({ name: 'counting' }, (ctx) => {
      seen.push(ctx.cursor);
      let count = typeof ctx.cursor === 'number' ? ctx.cursor : 0;
      return (batch) => {
        count += batch.records.length;
        return { records: batch.records, cursor: ctx.withState(batch.cursor, count) };
      };
    });
  await failure(
    pipeline(arraySource(numbers(10), { failAt: 6 }), { name: 'p' })
      .through(counting())
      .to(storeSink(store))
      .run(),
  );
  await pipeline(arraySource(numbers(10)), { name: 'p' })
    .through(counting())
    .to(storeSink(store))
    .run();
  assert.deepEqual(seen, [undefined, 6]);
});

test('plain streams, iterables and generator functions plug in at every joint', async () => {
  const written: number[] = [];
  const halves = new NodeTransform({ objectMode: true, transform: (n: number, _, done) => done(null, n / 2) });
  const sink = new Writable({ objectMode: true, write: (n: number, _, done) => (written.push(n), done()) });
  const report = await pipeline(Readable.from([2, 4, 6]) as AsyncIterable<number>)
    .through(async function* (records) {
      for await (const n of records) {
        yield n;
        yield n * 10;
      }
    })
    .through(halves)
    .to(sink)
    .run();
  assert.deepEqual(written, [1, 10, 2, 20, 3, 30]);
  assert.deepEqual([report.counts.read, report.counts.expanded, report.counts.written], [3, 3, 6]);

  const sums: number[] = [];
  await pipeline([1, 2, 3])
    .to(async (records) => {
      let sum = 0;
      for await (const n of records) sum += n;
      sums.push(sum);
    })
    .run();
  await pipeline(function* () {
    yield 4;
    yield 5;
  })
    .to(async (records) => {
      for await (const n of records) sums.push(n);
    })
    .run();
  assert.deepEqual(sums, [6, 4, 5]);
});

test('a plain stream that fails ends the run', async () => {
  const broken = new PassThrough({ objectMode: true });
  const fails = new NodeTransform({
    objectMode: true,
    transform: (_chunk, _encoding, done) => done(new Error('duplex broke')),
  });
  const error = await failure(pipeline([1, 2, 3]).through(fails).to(broken).run());
  assert.match(error.message, /duplex broke/);
  const full = new Writable({
    objectMode: true,
    write: (_chunk, _encoding, done) => done(new Error('writable broke')),
  });
  assert.match((await failure(pipeline([1, 2, 3]).to(full).run())).message, /writable broke/);
});

test('holds the source back when the sink is slow', async () => {
  let read = 0;
  let ahead = 0;
  const source = {
    role: 'source' as const,
    name: 'counting',
    async *read() {
      for (; read < 100; read += 1) yield { records: [read], cursor: read };
    },
  };
  let written = 0;
  await pipeline(source, { name: 'p' })
    .to({
      role: 'sink',
      name: 'slow',
      async *write(input) {
        for await (const batch of input) {
          await new Promise((resolve) => setImmediate(resolve));
          written += 1;
          ahead = Math.max(ahead, read - written);
          yield { records: 1, cursor: batch.cursor };
        }
      },
    })
    .run();
  assert.ok(ahead <= 4, `read ${ahead} batches ahead`);
});
