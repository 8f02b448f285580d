import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import fc from 'fast-check';

import { recordCount } from '../../src/batch.ts';
import { EtlError } from '../../src/errors.ts';
import { jsonRecordText } from '../../src/formats/json-records.ts';
import { pipeline } from '../../src/pipeline.ts';
import type { StartRecordThread } from '../../src/workers/record-threads.ts';
import { reportOf } from '../../src/report.ts';
import type { Transform } from '../../src/stage.ts';
import { filterInWorkers } from '../../src/transforms/filter-in-workers.ts';
import { filter } from '../../src/transforms/filter.ts';
import { mapInWorkers } from '../../src/transforms/map-in-workers.ts';
import { map } from '../../src/transforms/map.ts';
import { workInThreads } from '../../src/workers/work-in-threads.ts';
import change, { edit, grow, isEven } from '../helpers/record-functions.ts';
import { arraySource, Store, storeSink } from '../helpers/memory.ts';
import { asJson, inDirectory, run, runBroken } from './run.ts';

const module = new URL('../helpers/record-functions.ts', import.meta.url);
const start: StartRecordThread = (workerData) =>
  new Worker(new URL('../helpers/record-worker.mjs', import.meta.url), { workerData });

type Any = Transform<unknown, unknown>;

/** `map` or `filter` by an expression, in threads from sources. */
function inThreads(does: 'map' | 'filter', expression: string, workers: number): Any {
  return {
    role: 'transform',
    name: does,
    config: {},
    apply: (input, ctx) => workInThreads(input, { does, by: { expression } }, { workers, start }, ctx),
  };
}

/** All that can be seen of a run: records as text, counts, rejects, the error. */
async function seen(
  records: readonly unknown[],
  transform: Any,
  { batchSize = 3, json = true, stop = false },
): Promise<unknown> {
  return inDirectory(async (directory) => {
    const to = join(directory, 'rejects');
    const written: string[] = [];
    const source = arraySource(records, { batchSize });
    const whole = pipeline(json ? asJson(source) : source, { onReject: stop ? 'stop' : { to } })
      .through(transform)
      .to({
        role: 'sink',
        name: 'keep',
        async *write(input) {
          for await (const batch of input) {
            for (let i = 0; i < recordCount(batch); i++) {
              const text = batch.json === undefined ? JSON.stringify(batch.records[i]) : jsonRecordText(batch.json, i);
              written.push(`${batch.at?.(i)} ${text}`);
            }
            yield { records: recordCount(batch), cursor: batch.cursor };
          }
        },
      });
    let error: unknown;
    const report = await whole.run().catch((caught: unknown) => {
      error = caught;
      return reportOf(caught);
    });
    const { code, message, where, hint } = (error ?? {}) as Partial<EtlError>;
    const rejects = await readFile(to, 'utf8').catch(() => '');
    return { written, counts: report?.counts, rejects, error: { code, message, where, hint } };
  });
}

const told = fc.record(
  {
    does: fc.constantFrom('same', 'nothing', 'throw', 'throw text', 'throw nothing', 'reject', 'change', 'change'),
    n: fc.nat(9),
    text: fc.string({ unit: 'binary' }),
  },
  { noNullPrototype: true, requiredKeys: ['n'] },
);

test('a function may change its record and give it back; one that it fails for is rejected as it came', async () => {
  const records = [{ n: 1, tags: ['a'] }, { n: 2 }, { n: 3, tags: [] }, { n: 4, tags: [] }];
  const expected = ['{"n":2,"tags":["a","edited"]}', '{"n":3}', '{"n":5,"tags":["edited"]}'];
  for (const transform of [map(edit) as Any, mapInWorkers({ module, name: 'edit', start })]) {
    const { written, rejects } = (await seen(records, transform, { batchSize: 2 })) as {
      readonly written: readonly string[];
      readonly rejects: string;
    };
    assert.deepEqual(
      written.map((line) => line.slice(line.indexOf('{'))),
      expected,
    );
    assert.deepEqual((JSON.parse(rejects) as { readonly record: unknown }).record, records[2]);
  }
});

test('map and filter in threads do what they do in one, record by record', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(told, { maxLength: 300 }),
      fc.record({ batchSize: fc.integer({ min: 1, max: 40 }), json: fc.boolean(), stop: fc.boolean() }),
      async (records, options) => {
        const pairs: readonly [Any, Any][] = [
          [map(change as (record: unknown) => unknown), mapInWorkers({ module, start })],
          [filter(isEven as (record: unknown) => boolean), filterInWorkers({ module, name: 'isEven', start })],
          [
            map({ to: '$exists(text) ? {"n": n, "t": $uppercase(text)} : n' }),
            inThreads('map', '$exists(text) ? {"n": n, "t": $uppercase(text)} : n', 2),
          ],
          [filter({ where: 'n > 4 and does != "same"' }), inThreads('filter', 'n > 4 and does != "same"', 2)],
        ];
        for (const [one, several] of pairs) {
          assert.deepEqual(await seen(records, several, options), await seen(records, one, options));
        }
      },
    ),
    // Starting eight threads takes its time.
    { numRuns: 2 },
  );
});

test('records of all sizes, and what grows beyond the memory it came in, are written whole', async () => {
  const sizes = [10, 3000, 70_000, 5, 2_500_000, 40, 600_000, 1];
  const records = Array.from({ length: 60 }, (_, n) => ({
    n,
    text: `${n % 10}é`.repeat((sizes[n % sizes.length] ?? 0) / 2),
    times: [1, 3, 2, 1, 1][n % 5],
  }));
  for (const batchSize of [1, 4]) {
    const whole = await seen(records, map(grow as (record: unknown) => unknown), { batchSize });
    const threads = mapInWorkers({ module, name: 'grow', start, workers: 2 });
    assert.deepEqual(await seen(records, threads, { batchSize }), whole);
  }
});

test('records of many megabytes are changed, kept and rejected as in one thread', async () => {
  const text = 'some "text"\\\n é😀\ud800 '.repeat(120_000);
  const records = ['change', 'reject', 'same', 'nothing', 'throw', 'change'].map((does, n) => ({ n, does, text }));
  const options = { batchSize: 2 };
  const whole = await seen(records, map(change as (record: unknown) => unknown), options);
  assert.deepEqual(await seen(records, mapInWorkers({ module, start, workers: 2 }), options), whole);
  const kept = await seen(records, filter(isEven as (record: unknown) => boolean), options);
  assert.deepEqual(await seen(records, filterInWorkers({ module, name: 'isEven', start }), options), kept);
});

/** Runs records through a transform in threads until it fails. */
async function failure(records: readonly unknown[], transform: Any, signal?: AbortSignal): Promise<unknown> {
  const whole = pipeline(asJson(arraySource(records, { batchSize: 2 })))
    .through(transform)
    .to(async (some) => {
      // Read to its end.
      for await (const _ of some);
    });
  return whole.run({ ...(signal && { signal }) }).then(
    () => undefined,
    (error: unknown) => error,
  );
}

const odd = [
  { name: 'a value without JSON form', does: 'bigint', reason: 'what came out has no JSON form' },
  { name: 'a function', does: 'function', reason: 'what came out has no JSON form' },
  { name: 'nothing', does: 'nothing', reason: 'nothing came out for this record' },
];

test('what has no JSON form is rejected, in its place', async () => {
  const records = [{ n: 1 }, ...odd.map(({ does }) => ({ does })), { does: 'date' }, { does: 'wait', n: 2 }];
  const { written, rejects } = (await seen(records, mapInWorkers({ module, start, workers: 1 }), {
    batchSize: 10,
  })) as {
    written: readonly string[];
    rejects: string;
  };
  assert.deepEqual(written, ['array:0 {"n":2}', 'array:4 {"at":"1970-01-01T00:00:00.000Z"}', 'array:5 {"waited":2}']);
  const told = rejects
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { reason: string; at: string });
  assert.deepEqual(
    told.map(({ reason, at }) => `${at} ${reason}`),
    odd.map(({ reason }, index) => `array:${index + 1} ${reason}`),
  );
});

test('records that are no JSON are worked on here', async () => {
  const report = await run(
    [{ n: 1 }, 2n, { n: 3 }],
    [filterInWorkers<unknown>({ module, name: 'isEven', start, workers: 1 })],
  );
  assert.deepEqual([report.records, report.counts.filtered], [[2n], 2]);
});

test('an error about more than the record ends the run', async () => {
  const error = await failure([{}, { does: 'end the run' }], mapInWorkers({ module, start, workers: 1 }));
  assert.ok(error instanceof EtlError && error.code === 'ETL_CONNECT_FAILED');
  assert.equal(error.where.stage, 'map');
});

test('a thread that ends is an error that says so', async () => {
  const many = Array.from({ length: 9 }, (_, n) => ({ n }));
  const ends = [
    { name: 'leave', does: 'leave', says: 'code 7' },
    { name: 'hoard', does: 'hoard', says: 'memory' },
  ];
  for (const { name, does, says } of ends) {
    const limited: StartRecordThread = (workerData) =>
      new Worker(new URL('../helpers/record-worker.mjs', import.meta.url), {
        workerData,
        resourceLimits: { maxOldGenerationSizeMb: 60 },
      });
    const error = await failure(
      [...many, { does }, ...many],
      mapInWorkers({ module, name, start: limited, workers: 2 }),
    );
    assert.ok(error instanceof EtlError, name);
    assert.equal(error.code, 'ETL_WORKER_FAILED', name);
    assert.ok(error.message.includes(says), error.message);
  }
});

test('an abort ends threads that never would', async () => {
  const abort = new AbortController();
  let exited: Promise<unknown> = Promise.resolve();
  const watched: StartRecordThread = (work) => {
    const thread = start(work);
    exited = once(thread, 'exit');
    thread.once('message', () => abort.abort());
    return thread;
  };
  const spin = mapInWorkers({ module, name: 'spin', start: watched, workers: 1 });
  const error = await failure([1, 2, 3, 4, 5, 6], spin, abort.signal);
  assert.ok(error instanceof EtlError && error.code === 'ETL_ABORTED');
  await exited;
});

test('without threads the work is done here, and a warning says so', async () => {
  const starts: readonly StartRecordThread[] = [
    () => new Worker(new URL('./no-such-file.mjs', import.meta.url)),
    () => {
      throw new Error('threads are not allowed');
    },
  ];
  for (const one of starts) {
    const store = new Store<unknown>();
    const { warnings } = await pipeline(asJson(arraySource([{ n: 1 }, { n: 2 }], { batchSize: 1 })))
      .through(mapInWorkers({ module, start: one }))
      .to(storeSink(store))
      .run();
    assert.deepEqual(store.records, [{ n: 2 }, { n: 3 }]);
    assert.match(warnings[0]?.message ?? '', /no thread can be started/);
  }
});

test('a module without the function is a mistake in the configuration', async () => {
  const missing = new URL('./no-such-module.js', import.meta.url);
  assert.throws(() => mapInWorkers({ module: missing }), { code: 'ETL_CONFIG_INVALID' });
  for (const name of ['notAFunction', 'unknown', 'default']) {
    const from = name === 'default' ? new URL('data:text/javascript,throw new Error("broken")') : module;
    const error = await failure([1], mapInWorkers({ module: from, name, start, workers: 1 }));
    assert.ok(error instanceof EtlError && error.code === 'ETL_CONFIG_INVALID', name);
  }
});

test('a run that is broken anywhere and goes on gives what an unbroken one gives', async () => {
  const records = Array.from({ length: 30 }, (_, n) => ({ n, ...(n % 7 === 3 && { does: 'throw' }) }));
  const transforms = () => [
    filterInWorkers<unknown>({ module, name: 'isEven', start, workers: 2 }),
    map(change as (record: unknown) => unknown),
  ];
  await inDirectory(async (directory) => {
    const onReject = { to: join(directory, 'rejects') };
    const breaks = [{ failAt: 11 }, { failAfter: 3 }, { failAt: 25 }];
    const broken = await runBroken(records, transforms, breaks, { onReject, json: true });
    const whole = await run(records, transforms(), { onReject: { to: join(directory, 'whole') } });
    assert.deepEqual(broken.records, whole.records);
    assert.deepEqual(broken.counts, whole.counts);
    assert.equal(await readFile(onReject.to, 'utf8'), await readFile(join(directory, 'whole'), 'utf8'));
  });
});
