import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { folderSink } from '../../examples/folder-sink.ts';
import { folderSource } from '../../examples/folder-source.ts';
import { numberRecords } from '../../examples/number-records.ts';
import { shout } from '../../examples/shout.ts';
import { pipeline, type RunReport } from '../../src/index.ts';
import { testSink, testSource } from '../../src/testing/index.ts';
import { Store, arraySource, storeSink } from '../helpers/memory.ts';

async function filled(directory: string, texts: Readonly<Record<string, string>>): Promise<string> {
  const path = join(directory, 'in');
  await mkdir(path, { recursive: true });
  for (const [name, text] of Object.entries(texts)) await writeFile(join(path, name), text);
  return path;
}

const ten = Object.fromEntries(Array.from({ length: 10 }, (_, id) => [`${id}.json`, `{"id":${id}}`]));

testSource(async (directory) => folderSource({ path: await filled(directory, ten), batchSize: 3 }), {
  name: 'of the guide',
  records: 10,
  damaged: {
    make: async (directory) =>
      folderSource({ path: await filled(directory, { ...ten, '5.json': '{"' }), batchSize: 3 }),
    records: 9,
    rejected: 1,
    before: 5,
  },
});

testSink((directory) => folderSink({ path: join(directory, 'out') }), {
  name: 'of the guide',
  async read(directory) {
    const path = join(directory, 'out');
    const names = await readdir(path).catch(() => []);
    const texts = await Promise.all(
      names.filter((name) => name.endsWith('.json')).map((name) => readFile(join(path, name), 'utf8')),
    );
    return texts.map((text) => JSON.parse(text) as { readonly id: number }).sort((left, right) => left.id - right.id);
  },
  unwritable: [{ text: 'no id' }, { id: '../up' }],
});

test('the transform of the guide rejects what it cannot shout', async () => {
  const store = new Store<{ text: string }>();
  const rejected: string[] = [];
  const report: RunReport = await pipeline(arraySource<unknown>([{ text: 'a' }, { text: 1 }, null]), {
    onReject: { to: '/dev/null' },
  })
    .through(shout())
    .to(storeSink(store))
    .run({ onReject: ({ reason }) => rejected.push(reason) });
  assert.deepEqual(store.records, [{ text: 'A' }]);
  assert.equal(report.counts.rejected, 2);
  assert.deepEqual(rejected, Array(2).fill('expected "text" to be a string'));
});

test('the counting transform of the guide goes on counting after a failure', async () => {
  const store = new Store<{ id: number; number: number }>();
  const records = Array.from({ length: 10 }, (_, id) => ({ id }));
  const run = (failAt?: number) =>
    pipeline(arraySource(records, failAt === undefined ? {} : { failAt }))
      .through(numberRecords())
      .to(storeSink(store))
      .run();
  await assert.rejects(run(4));
  assert.equal(store.records.length, 4);
  await run();
  assert.deepEqual(
    store.records.map(({ number }) => number),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
});
