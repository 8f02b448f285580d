import assert from 'node:assert/strict';
import { test } from 'node:test';

import { pipeline } from '../src/pipeline.ts';
import { syncTransform } from '../src/streams.ts';
import { arraySource, Store, storeSink } from './helpers/memory.ts';

const numbers = Array.from({ length: 20 }, (_, index) => index);

const oddFinder = () =>
  syncTransform<number, number>({ name: 'odd-finder', config: {} }, (ctx) => (batch) => {
    for (const record of batch.records) if (record % 2 === 1) ctx.finding('found: odd', 1, { batch });
    return batch;
  });

test('findings are summed up in the report', async () => {
  const report = await pipeline(arraySource(numbers)).through(oddFinder()).to(storeSink(new Store())).run();
  assert.deepEqual(report.findings, { 'found: odd': 10 });
});

test('a run that was broken and resumed counts each finding once', async () => {
  const store = new Store<number>();
  const run = (failAfter?: number) =>
    pipeline(arraySource(numbers))
      .through(oddFinder())
      .to(storeSink(store, failAfter === undefined ? {} : { failAfter }))
      .run();
  for (const failAfter of [4, 10]) await assert.rejects(run(failAfter), /disk is full/);
  const report = await run();
  assert.equal(report.resumed, true);
  assert.deepEqual(report.findings, { 'found: odd': 10 });
  assert.deepEqual((await run()).findings, { 'found: odd': 10 });
});
