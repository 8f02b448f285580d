import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { pipeline } from '../../src/pipeline.ts';
import { jsonArraySink } from '../../src/sinks/json-array.ts';
import { sampleSource, testSink } from '../../src/testing/index.ts';
import { testIn } from '../../src/testing/scratch.ts';

const variants = [
  { at: undefined, compress: 'none' },
  { at: 'data.threads', compress: 'none' },
  { at: undefined, compress: 'gzip' },
] as const;

for (const { at, compress } of variants) {
  const pathIn = (directory: string): string => join(directory, 'records.json');
  const textOf = (bytes: Buffer): string => (compress === 'gzip' ? gunzipSync(bytes) : bytes).toString();
  testSink(
    (directory, { ifExists = 'error' }) => {
      assert.ok(ifExists !== 'append');
      return jsonArraySink({
        path: pathIn(directory),
        ...(at === undefined ? {} : { at }),
        compress,
        ifExists,
        commitEvery: 50,
      });
    },
    {
      name: `json-array, at: ${at}, compress: ${compress}`,
      read: async (directory) => {
        const value: unknown = JSON.parse(textOf(await readFile(pathIn(directory))));
        return (
          at === undefined ? value : (value as { data: { threads: unknown } }).data.threads
        ) as readonly unknown[];
      },
      content: (directory) => readFile(pathIn(directory)),
      committed: async (directory, state) => {
        const { length } = state as { readonly length: number };
        if (length === 0) return 0;
        const open = textOf((await readFile(pathIn(directory))).subarray(0, length));
        return open.split('\n').length - 1;
      },
      unwritable: [undefined, 1n],
      ifExists: ['replace', 'error'],
    },
  );
}

describe('sink json-array', () => {
  const cases = [
    {
      name: 'an array',
      at: undefined,
      records: [1, 'two', { three: [3] }],
      expected: '[\n1,\n"two",\n{"three":[3]}\n]\n',
    },
    { name: 'an empty array', at: undefined, records: [], expected: '[]\n' },
    { name: 'an array in an object', at: 'a', records: [1], expected: '{"a":[\n1\n]}\n' },
    { name: 'an empty array in objects', at: 'a."b', records: [], expected: '{"a":{"\\"b":[]}}\n' },
  ];
  for (const { name, at, records, expected } of cases) {
    for (const asText of [false, true]) {
      testIn(`writes ${name}${asText ? ' from JSON text' : ''}`, async (directory) => {
        const path = join(directory, 'out.json');
        await pipeline(sampleSource(records, { asText, batchSize: 2 }))
          .to(jsonArraySink({ path, ...(at === undefined ? {} : { at }) }))
          .run();
        assert.equal(await readFile(path, 'utf8'), expected);
      });
    }
  }

  testIn('leaves the array open when the source fails, with what was read in it', async (directory) => {
    const path = join(directory, 'out.json');
    await assert.rejects(
      pipeline(sampleSource([1, 2, 3, 4], { failAt: 1 }))
        .to(jsonArraySink({ path }))
        .run(),
    );
    assert.equal(await readFile(path, 'utf8'), '[\n1,\n2,\n3');
  });
});
