import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { gunzipSync } from 'node:zlib';

import { BatchMemory } from '../src/formats/batch-memory.ts';
import { jsonBatch, lendMemory } from '../src/batch.ts';
import { encodeJsonRecords } from '../src/formats/json-records.ts';
import { pipeline } from '../src/pipeline.ts';
import { discardSink } from '../src/sinks/discard.ts';
import { jsonArraySink } from '../src/sinks/json-array.ts';
import { jsonlSink } from '../src/sinks/jsonl.ts';
import { jsonlSource } from '../src/sources/jsonl.ts';
import type { Source } from '../src/stage.ts';
import { syncTransform } from '../src/streams.ts';
import { dedupe } from '../src/transforms/dedupe.ts';
import { filterInWorkers } from '../src/transforms/filter-in-workers.ts';
import { filter } from '../src/transforms/filter.ts';
import { limit } from '../src/transforms/limit.ts';
import { mapInWorkers } from '../src/transforms/map-in-workers.ts';
import { map } from '../src/transforms/map.ts';
import { tap } from '../src/transforms/tap.ts';
import { testIn } from '../src/testing/scratch.ts';

interface Item {
  readonly id: number;
  readonly text: string;
}

const sizes = [10, 300, 70_000, 5, 1_200_000, 40, 65_537, 64_000];
const items: readonly Item[] = Array.from({ length: 60 }, (_, id) => ({
  id,
  text: String(id % 10).repeat(sizes[id % sizes.length] ?? 0),
}));

/** Batches of some records each, whose memory is overwritten the moment it is taken back; and how often each was. */
function overwritingSource(): { readonly source: Source<Item>; readonly taken: number[] } {
  const taken: number[] = [];
  const source: Source<Item> = {
    role: 'source',
    name: 'overwriting',
    async *read() {
      for (let from = 0, number = 0; from < items.length; from += 4, number += 1) {
        const json = encodeJsonRecords(items.slice(from, from + 4));
        taken.push(0);
        const takeBack = (): void => {
          json.bytes.fill(0x21);
          taken[number] = (taken[number] ?? 0) + 1;
        };
        yield jsonBatch<Item>(json, { cursor: number, takeBack });
      }
    },
  };
  return { source, taken };
}

const lines = (kept: readonly unknown[]): string => kept.map((item) => `${JSON.stringify(item)}\n`).join('');
const all = new Array<number>(items.length / 4).fill(1);
const none = new Array<number>(items.length / 4).fill(0);

testIn('memory of a batch is used again only once it is written', async (directory) => {
  const { source, taken } = overwritingSource();
  const path = join(directory, 'plain.jsonl');
  await pipeline(source).to(jsonlSink({ path })).run();
  assert.equal(await readFile(path, 'utf8'), lines(items));
  assert.deepEqual(taken, all);
});

testIn('so it is when a batch is compressed, or written piece by piece', async (directory) => {
  const compressed = overwritingSource();
  const path = join(directory, 'lines.jsonl.gz');
  await pipeline(compressed.source)
    .to(jsonlSink({ path, compress: 'gzip' }))
    .run();
  assert.equal(gunzipSync(await readFile(path)).toString(), lines(items));
  assert.deepEqual(compressed.taken, all);

  const array = overwritingSource();
  const into = join(directory, 'array.json');
  await pipeline(array.source)
    .to(jsonArraySink({ path: into }))
    .run();
  assert.deepEqual(JSON.parse(await readFile(into, 'utf8')), items);
  assert.deepEqual(array.taken, all);
});

testIn('a filter passes it on; what a map made needs it no longer', async (directory) => {
  const filtered = overwritingSource();
  const path = join(directory, 'filtered.jsonl');
  const isEven = ({ id }: Item): boolean => id % 2 === 0;
  await pipeline(filtered.source).through(filter(isEven)).to(jsonlSink({ path })).run();
  assert.equal(await readFile(path, 'utf8'), lines(items.filter(isEven)));
  assert.deepEqual(filtered.taken, all);

  const mapped = overwritingSource();
  const into = join(directory, 'mapped.jsonl');
  const change = ({ id, text }: Item): object => ({ id, length: text.length });
  await pipeline(mapped.source)
    .through(filter(isEven))
    .through(map(change))
    .to(jsonlSink({ path: into }))
    .run();
  assert.equal(await readFile(into, 'utf8'), lines(items.filter(isEven).map(change)));
  assert.deepEqual(mapped.taken, all);
});

testIn('so do stages that wait for something, one batch after the other', async (directory) => {
  const { source, taken } = overwritingSource();
  const path = join(directory, 'filtered.jsonl');
  await pipeline(source)
    .through(tap({ first: 0 }))
    .through(filter<Item>({ where: 'id % 3 = 0' }))
    .through(dedupe({ key: 'text' }))
    .through(limit({ records: 12 }))
    .to(jsonlSink({ path }))
    .run();
  const texts = new Set<string>();
  const kept = items.filter(({ id, text }) => id % 3 === 0 && !texts.has(text) && texts.add(text));
  assert.equal(await readFile(path, 'utf8'), lines(kept.slice(0, 12)));
  // What was read ahead when the limit was reached is not written.
  assert.deepEqual(taken.slice(0, 9), all.slice(0, 9));
  assert.ok(taken.every((times) => times <= 1));
});

const inThreads = {
  module: new URL('./helpers/record-functions.ts', import.meta.url),
  workers: 2,
  start: (workerData: unknown): Worker =>
    new Worker(new URL('./helpers/record-worker.mjs', import.meta.url), { workerData }),
};
const measured = ({ id, text }: Item): object => ({ id, length: text.length, n: 0 });

testIn('so do threads, which work on several batches at a time', async (directory) => {
  const mapped = overwritingSource();
  const path = join(directory, 'mapped.jsonl');
  await pipeline(mapped.source)
    .through(filterInWorkers<Item>({ ...inThreads, name: 'hasEvenId' }))
    .through(mapInWorkers<Item, object>({ ...inThreads, name: 'measure' }))
    .to(jsonlSink({ path }))
    .run();
  const kept = items.filter(({ id }) => id % 2 === 0);
  assert.equal(await readFile(path, 'utf8'), lines(kept.map(measured)));
  assert.deepEqual(mapped.taken, all);
});

testIn('what threads made is left alone where a later stage may hold on to it', async (directory) => {
  const { source, taken } = overwritingSource();
  const held: Buffer[] = [];
  const holding = syncTransform<object, object>({ name: 'holding' }, () => (batch) => {
    held.push(batch.json?.bytes as Buffer);
    return batch;
  });
  const path = join(directory, 'held.jsonl');
  await pipeline(source)
    .through(mapInWorkers<Item, object>({ ...inThreads, name: 'measure' }))
    .through(holding)
    .to(jsonlSink({ path }))
    .run();
  assert.equal(Buffer.concat(held).toString(), lines(items.map(measured)));
  assert.equal(await readFile(path, 'utf8'), lines(items.map(measured)));
  // Before them it is free as soon as the threads have answered.
  assert.deepEqual(taken, all);
});

testIn('it is left alone where a stage may hold on to it, and in a sample', async (directory) => {
  const held = overwritingSource();
  let previous = Buffer.alloc(0);
  const holding = syncTransform<Item, Item>({ name: 'holding' }, () => (batch) => {
    if (previous.length > 0) assert.equal(previous[0], 0x7b);
    previous = batch.json?.bytes as Buffer<ArrayBuffer>;
    return batch;
  });
  await pipeline(held.source).through(holding).to(discardSink()).run();
  assert.deepEqual(held.taken, none);

  const sample = overwritingSource();
  const path = join(directory, 'sample.jsonl');
  await pipeline(sample.source).to(jsonlSink({ path })).run({ limit: 6 });
  assert.equal(await readFile(path, 'utf8'), lines(items.slice(0, 6)));
  assert.deepEqual(sample.taken.slice(0, 2), [1, 0]);
});

testIn('files of lines are copied through used memory, byte for byte', async (directory) => {
  const from = join(directory, 'from.jsonl');
  const to = join(directory, 'to.jsonl');
  const many = Array.from({ length: 3 }, () => items).flat();
  await pipeline(many)
    .to(jsonlSink({ path: from }))
    .run();
  await pipeline(jsonlSource({ path: from, batchSize: 7 }))
    .to(jsonlSink({ path: to }))
    .run();
  assert.ok((await readFile(to)).equals(await readFile(from)));
});

test('memory is taken again when it is large enough, and freed when it is very large', () => {
  const memory = new BatchMemory(1_000_000);
  const first = memory.take(100_000);
  assert.ok(first.length >= 100_000);
  memory.giveBack(first);
  assert.notEqual(memory.take(400_000), first);
  assert.equal(memory.take(90_000), first);
  assert.notEqual(memory.take(90_000), first);
  const large = memory.take(2_000_000);
  memory.giveBack(large);
  assert.equal(large.length, 0, 'whoever has it still has nothing');
  const part = Buffer.alloc(3_000_000).subarray(0, 2_000_000);
  memory.giveBack(part);
  assert.equal(part.length, 2_000_000, 'memory is freed as a whole only');
  const text = memory.take(100_000);
  memory.giveBackAround(text.subarray(10, 20));
  assert.equal(memory.take(100_000).buffer, text.buffer);
  memory.giveBackAround(large);
});

test('memory of records is left alone where a stage may hold on to them', async () => {
  const source = (taken: number[]): Source<Item> => ({
    role: 'source',
    name: 'lending',
    async *read() {
      for (let from = 0; from < items.length; from += 10)
        yield lendMemory({ records: items.slice(from, from + 10), cursor: from, bytes: 10 }, () => taken.push(from));
    },
  });
  const at: number[] = [];
  await pipeline(source(at)).to(discardSink({})).run();
  assert.deepEqual(at, [0, 10, 20, 30, 40, 50]);
  const none: number[] = [];
  const holding = syncTransform<Item, Item>({ name: 'holding' }, () => (batch) => batch);
  await pipeline(source(none)).through(holding).to(discardSink({})).run();
  assert.deepEqual(none, []);
});
