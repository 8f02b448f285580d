import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'node:test';
import { gzipSync } from 'node:zlib';

import { jsonArraySource, type JsonArraySourceOptions } from '../../src/sources/json-array.ts';
import { testSource } from '../../src/testing/index.ts';
import { readAll, recordsOf } from '../../src/testing/recorder.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { failureOf, makeFile, someRecords } from '../files/make-files.ts';

const records = someRecords(200);
const small = { batchSize: 30, batchBytes: 4000 };
const elements = records.map((record) => JSON.stringify(record));
const damaged = [...elements];
damaged[6] = '{"id": 6, "text": }';
damaged[80] = '{"a" 1}';
damaged[150] = 'nul';

const layouts: readonly (readonly [string, string | undefined, (parts: readonly string[]) => string])[] = [
  ['an array', undefined, (parts) => `[${parts.join(',')}]`],
  ['an array with spaces around everything', undefined, (parts) => ` [ ${parts.join(' , ')} ] `],
  [
    'an array in objects',
    'data.threads',
    (parts) => `{"a":[1,{"threads":2}],"data":{"x":"]","threads":[\n${parts.join(',\n')}\n]},"z":0}`,
  ],
];

for (const [name, at, layout] of layouts) {
  for (const compress of [false, true]) {
    const where = at === undefined ? {} : { at };
    const from = async (directory: string, parts: readonly string[]) => {
      const text = layout(parts);
      return jsonArraySource({
        path: await makeFile(directory, 'in', compress ? gzipSync(text) : text),
        ...where,
        ...small,
      });
    };
    const large = (directory: string) =>
      from(
        directory,
        someRecords(50_000).map((record) => JSON.stringify(record)),
      );
    testSource((directory) => from(directory, elements), {
      name: `json-array, ${name}${compress ? ', gzip' : ''}`,
      records: records.length,
      damaged: { make: (directory) => from(directory, damaged), records: 197, rejected: 3, before: 6 },
      ...(compress ? {} : { readAhead: { make: large, maxBytes: 1_500_000 } }),
    });
  }
}

describe('source json-array', () => {
  const read = async (directory: string, text: string | Uint8Array, options: Partial<JsonArraySourceOptions> = {}) => {
    const given: string[] = [];
    const source = jsonArraySource({ path: await makeFile(directory, 'in.json', text), ...options });
    const run = readAll({
      ...source,
      async *read(ctx) {
        for await (const batch of source.read(ctx)) {
          given.push(...batch.records.map((record) => JSON.stringify(record)));
          yield batch;
        }
      },
    });
    return { given, run };
  };

  testIn('gives pretty-printed elements as single lines', async (directory) => {
    const path = await makeFile(directory, 'in.json', JSON.stringify(records, null, 2));
    const { batches } = await readAll(jsonArraySource({ path }));
    assert.deepEqual(
      recordsOf(batches).map((text) => JSON.parse(text) as unknown),
      records,
    );
    assert.ok(recordsOf(batches).every((text) => !text.includes('\n')));
  });

  testIn('gives nothing for an empty array', async (directory) => {
    const { batches } = await readAll(jsonArraySource({ path: await makeFile(directory, 'in.json', '[ ]') }));
    assert.deepEqual(recordsOf(batches), []);
  });

  const broken: readonly (readonly [string, string, string | undefined, string, number])[] = [
    ['an empty file', '', undefined, 'ETL_SOURCE_TRUNCATED', 0],
    ['a file that ends inside an element', '[1,2,{"a":', undefined, 'ETL_SOURCE_TRUNCATED', 2],
    ['a file that ends between elements', '[1,2,', undefined, 'ETL_SOURCE_TRUNCATED', 2],
    ['an object where an array was expected', '{"threads":[1]}', undefined, 'ETL_SOURCE_INVALID', 0],
    ['an object without that member', '{"other":[1]}', 'threads', 'ETL_SOURCE_INVALID', 0],
    ['a member that is no array', '{"threads":{"a":1}}', 'threads', 'ETL_SOURCE_INVALID', 0],
    ['something after the end', '[1,2] [3]', undefined, 'ETL_SOURCE_INVALID', 2],
  ];
  for (const [what, text, at, code, before] of broken) {
    testIn(`says where ${what} is wrong, with all before it given`, async (directory) => {
      const { given, run } = await read(directory, text, at === undefined ? {} : { at });
      const error = await failureOf(run);
      assert.equal(error.code, code, error.describe());
      assert.match(error.describe(), /in\.json/);
      assert.equal(typeof error.where.offset, 'number');
      assert.equal(given.length, before);
    });
  }

  testIn('gives every whole element of a compressed file that was cut short', async (directory) => {
    const whole = gzipSync(`[${elements.join(',')}]`);
    const { given, run } = await read(directory, whole.subarray(0, whole.length - 20));
    assert.equal((await failureOf(run)).code, 'ETL_SOURCE_TRUNCATED');
    assert.ok(given.length > 0);
    assert.deepEqual(given, elements.slice(0, given.length));
  });

  testIn('says which element was rejected', async (directory) => {
    const path = await makeFile(directory, 'in.json', '{"threads":[1,tru,3]}');
    const to = join(directory, 'rejects.jsonl');
    await readAll(jsonArraySource({ path, at: 'threads' }), { policy: { to } });
    assert.equal(
      (JSON.parse(await readFile(to, 'utf8')) as Record<string, unknown>)['at'],
      `${path} threads[1], byte 14`,
    );
  });
});
