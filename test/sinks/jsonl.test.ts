import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'node:test';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';

import fc from 'fast-check';

import { pipeline } from '../../src/pipeline.ts';
import { jsonlSink, type JsonlSinkOptions } from '../../src/sinks/jsonl.ts';
import { sampleSource, testSink } from '../../src/testing/index.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { failureOf, linesOf, makeFile, someRecords } from '../files/make-files.ts';

const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;
const unwritable = [undefined, 1n, () => 1, cycle];

for (const compress of ['none', 'gzip'] as const) {
  const pathIn = (directory: string): string =>
    join(directory, 'out', `records.jsonl${compress === 'gzip' ? '.gz' : ''}`);
  const textOf = (bytes: Uint8Array): string =>
    compress === 'gzip' ? gunzipSync(bytes).toString() : Buffer.from(bytes).toString();
  const parsed = (text: string): unknown[] =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as unknown);
  testSink(
    (directory, { ifExists = 'error' }) => jsonlSink({ path: pathIn(directory), compress, ifExists, commitEvery: 50 }),
    {
      name: `jsonl, compress: ${compress}`,
      read: async (directory) => parsed(textOf(await readFile(pathIn(directory)))),
      content: (directory) => readFile(pathIn(directory)),
      committed: async (directory, state) => {
        const { length } = state as { readonly length: number };
        const safe = (await readFile(pathIn(directory))).subarray(0, length);
        assert.equal(safe.length, length);
        return length === 0 ? 0 : parsed(textOf(safe)).length;
      },
      unwritable,
      ifExists: ['append', 'replace', 'error'],
    },
  );
}

describe('sink jsonl', () => {
  const write = (path: string, records: readonly unknown[], options: Partial<JsonlSinkOptions> = {}) =>
    pipeline(sampleSource(records), { name: 'write' }).to(jsonlSink({ path, ...options }));

  testIn(
    'writes text that no stage changed byte for byte, odd spacing and number forms included',
    async (directory) => {
      const { jsonlSource } = await import('../../src/sources/jsonl.ts');
      const text = '{ "a" : 1.0, "b":1e2 }\n[ ]\n"\\u00e9\\ud83d"\n-0\n';
      const from = await makeFile(directory, 'in.jsonl', text);
      await pipeline(jsonlSource({ path: from }))
        .to(jsonlSink({ path: join(directory, 'out.jsonl') }))
        .run();
      assert.equal(await readFile(join(directory, 'out.jsonl'), 'utf8'), text);
    },
  );

  testIn('writes records of any size', async (directory) => {
    const sizes = fc.array(
      fc.integer({ min: 0, max: 20 }).map((power) => 2 ** power),
      { maxLength: 12 },
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.constantFrom('none', 'gzip'),
        fc.constantFrom('x', 'é', '🙂'),
        async (lengths, compress, character) => {
          const path = join(directory, `${(run += 1)}`);
          const records = lengths.map((length) => character.repeat(length));
          await write(path, records, { compress: compress === 'gzip' ? 'gzip' : 'none' }).run();
          const bytes = await readFile(path);
          assert.equal((compress === 'gzip' ? gunzipSync(bytes) : bytes).toString(), linesOf(records));
        },
      ),
      { numRuns: 30 },
    );
  });

  testIn('writes a gzip file that gzip itself takes, also of nothing', async (directory) => {
    for (const records of [[], someRecords(20_000)]) {
      const path = join(directory, `${records.length}.gz`);
      await write(path, records, { compress: 'gzip', level: 6 }).run();
      const { stdout } = await promisify(execFile)('gzip', ['-dc', path], { encoding: 'utf8', maxBuffer: 2 ** 30 });
      assert.equal(stdout, linesOf(records));
    }
  });

  testIn('cuts off what a killed run had written after its last commit', async (directory) => {
    const path = join(directory, 'out.jsonl');
    const stop = new AbortController();
    const records = someRecords(30);
    await write(path, records, { commitEvery: 30 })
      .run({ signal: stop.signal, onCommit: () => stop.abort() })
      .catch(() => undefined);
    const committed = await readFile(path, 'utf8');
    await makeFile(directory, 'out.jsonl', `${committed}{"torn":`);
    await write(path, records, { commitEvery: 30 }).run();
    assert.equal(await readFile(path, 'utf8'), linesOf(records));
  });

  for (const [what, change] of [
    ['shorter than what was committed', (path: string) => truncate(path, 10)],
    ['gone', (path: string) => rm(path)],
  ] as const) {
    testIn(`refuses to go on when the target is ${what}`, async (directory) => {
      const path = join(directory, 'out.jsonl');
      const failing = pipeline(sampleSource(someRecords(30), { failAt: 5 }), { name: 'write' }).to(
        jsonlSink({ path, commitEvery: 30 }),
      );
      await assert.rejects(failing.run());
      await change(path);
      const error = await failureOf(write(path, someRecords(30), { commitEvery: 30 }).run());
      assert.equal(error.code, 'ETL_SINK_CHANGED');
      assert.match(error.describe(), /had written \d+ bytes/);
    });
  }

  testIn('takes an empty file for no data', async (directory) => {
    const path = await makeFile(directory, 'out.jsonl', '');
    await write(path, [1]).run();
    assert.equal(await readFile(path, 'utf8'), '1\n');
  });

  testIn('makes the folders it writes to', async (directory) => {
    const path = join(directory, 'a', 'b', 'out.jsonl');
    await write(path, [1]).run();
    assert.ok((await stat(path)).isFile());
  });

  testIn('names the file and the reason when the target cannot be written', async (directory) => {
    const file = await makeFile(directory, 'file', 'x');
    const folder = join(directory, 'folder');
    await mkdir(folder);
    const cases: readonly (readonly [string, RegExp])[] = [
      [folder, /folder is a directory/],
      [join(file, 'out.jsonl'), /has a file where a folder should be/],
    ];
    for (const [path, message] of cases) {
      const error = await failureOf(write(path, [1]).run());
      assert.match(error.describe(), message);
      assert.equal(error.code, 'ETL_SINK_FAILED');
    }
  });

  testIn('refuses options it does not know', async (directory) => {
    assert.throws(() => jsonlSink({ path: join(directory, 'x'), commitEvry: 1 } as unknown as JsonlSinkOptions));
  });
});
