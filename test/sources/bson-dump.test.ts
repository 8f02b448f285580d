import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'node:test';
import { gzipSync } from 'node:zlib';

import { BSON, EJSON, ObjectId } from 'bson';

import { bsonDumpSource } from '../../src/sources/bson-dump.ts';
import { testSource } from '../../src/testing/index.ts';
import { readAll, recordsOf } from '../../src/testing/recorder.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { failureOf, makeFile, someRecords } from '../files/make-files.ts';

const documents = (someRecords(200) as Record<string, unknown>[]).map(({ id, ...rest }) => ({
  _id: new ObjectId(String(id).padStart(24, '0')),
  ...rest,
  at: new Date(1_700_000_000_000),
}));
const encoded = documents.map((document) => BSON.serialize(document));
const dump = Buffer.concat(encoded);
const small = { batchSize: 30, batchBytes: 4000 };

/** The dump with documents 6 and 80 broken inside, their lengths right. */
const damaged = Buffer.concat(
  encoded.map((document, index) => {
    const copy = Buffer.from(document);
    if (index === 6 || index === 80) copy[4] = 0x55;
    return copy;
  }),
);

for (const [name, compress] of [
  ['.bson', (bytes: Buffer) => bytes],
  ['.bson.gz', (bytes: Buffer) => gzipSync(bytes)],
] as const) {
  const from = async (directory: string, bytes: Buffer) =>
    bsonDumpSource({
      path: join(await makeFile(directory, `dump/db/c${name}`, compress(bytes)), '..'),
      collection: 'c',
      ...small,
    });
  const large = (directory: string) =>
    from(directory, Buffer.concat(someRecords(50_000).map((record) => BSON.serialize(record as object))));
  testSource((directory) => from(directory, dump), {
    name: `bson-dump, ${name}`,
    records: documents.length,
    damaged: { make: (directory) => from(directory, damaged), records: 198, rejected: 2, before: 6 },
    ...(name === '.bson' ? { readAhead: { make: large, maxBytes: 1_500_000 } } : {}),
  });
}

describe('source bson-dump', () => {
  for (const types of ['relaxed', 'canonical'] as const) {
    testIn(`gives ${types} Extended JSON`, async (directory) => {
      const path = await makeFile(directory, 'c.bson', dump);
      const { batches } = await readAll(bsonDumpSource({ path, types }));
      assert.deepEqual(
        recordsOf(batches),
        documents.map((document) => EJSON.stringify(document, { relaxed: types === 'relaxed' })),
      );
    });
  }

  testIn('documents of many megabytes among small ones come whole', async (directory) => {
    const texts = ['short', 'x'.repeat(9_000_000), 'é\n'.repeat(4_000_000), '', '"'.repeat(5_000_000), 'last'];
    const all = texts.flatMap((text, n) => [{ n }, { n, text }]);
    const path = await makeFile(directory, 'c.bson', Buffer.concat(all.map((document) => BSON.serialize(document))));
    for (const batchBytes of [4000, 20_000_000]) {
      const { batches } = await readAll(bsonDumpSource({ path, types: 'plain', batchBytes }));
      assert.ok(recordsOf(batches).every((text, i) => text === JSON.stringify(all[i])));
      assert.equal(recordsOf(batches).length, all.length);
    }
  });

  testIn('gives ids and dates as strings when asked for plain', async (directory) => {
    const path = await makeFile(directory, 'c.bson', dump);
    const { batches } = await readAll(bsonDumpSource({ path, types: 'plain' }));
    const { _id, at } = JSON.parse(recordsOf(batches)[7] ?? '') as Record<string, unknown>;
    assert.deepEqual([_id, at], ['000000000000000000000007', '2023-11-14T22:13:20.000Z']);
  });

  testIn('finds a collection in the folder of the database, or above it, by its real name', async (directory) => {
    for (const name of ['a', 'b%2Fc', 'd.e'])
      await makeFile(directory, `dump/db/${name}.bson`, BSON.serialize({ name }));
    await makeFile(directory, 'dump/other/a.bson.gz', gzipSync(BSON.serialize({ name: 'other' })));
    await makeFile(directory, 'dump/db/a.metadata.json', '{}');
    const find = async (folder: string, collection?: string) => {
      const { batches } = await readAll(
        bsonDumpSource({ path: join(directory, folder), ...(collection === undefined ? {} : { collection }) }),
      );
      return recordsOf(batches).join('');
    };
    assert.equal(await find('dump/db', 'b/c'), '{"name":"b%2Fc"}');
    assert.equal(await find('dump', 'd.e'), '{"name":"d.e"}');
    assert.equal(await find('dump/other'), '{"name":"other"}');
    const cases: readonly (readonly [string, string | undefined, string, RegExp])[] = [
      ['dump', 'a', 'ETL_SOURCE_INVALID', /"a" more than once[\s\S]*db\/a\.bson, other\/a\.bson\.gz/],
      ['dump/db', undefined, 'ETL_SOURCE_INVALID', /several collections[\s\S]*a, b\/c, d\.e/],
      ['dump/db', 'x', 'ETL_SOURCE_NOT_FOUND', /no dump of the collection "x"[\s\S]*a, b\/c, d\.e/],
      ['nowhere', 'x', 'ETL_SOURCE_NOT_FOUND', /nowhere does not exist/],
    ];
    for (const [folder, collection, code, message] of cases) {
      const error = await failureOf(find(folder, collection));
      assert.equal(error.code, code);
      assert.match(error.describe(), message);
    }
  });

  testIn('gives everything before a cut, then says at which byte it is', async (directory) => {
    const cut = dump.length - 10;
    const whole = documents.length - 1;
    for (const compress of [false, true]) {
      const bytes = dump.subarray(0, cut);
      const path = await makeFile(directory, 'c.bson', compress ? gzipSync(bytes) : bytes);
      const given: unknown[] = [];
      const source = bsonDumpSource({ path });
      const run = readAll({
        ...source,
        async *read(ctx) {
          for await (const batch of source.read(ctx)) {
            given.push(...batch.records);
            yield batch;
          }
        },
      });
      const error = await failureOf(run);
      assert.equal(error.code, 'ETL_SOURCE_TRUNCATED');
      assert.equal(error.where.offset, dump.length - (encoded.at(-1)?.length ?? 0));
      assert.equal(given.length, whole);
    }
  });

  testIn('says which document is broken, and shows it', async (directory) => {
    const path = await makeFile(directory, 'c.bson', damaged);
    const to = join(directory, 'rejects.jsonl');
    await readAll(bsonDumpSource({ path }), { policy: { to } });
    const [first = ''] = (await readFile(to, 'utf8')).split('\n');
    const { at, reason, record } = JSON.parse(first) as { at: string; reason: string; record: { bson: string } };
    assert.equal(at, `${path}, document 6, byte ${encoded.slice(0, 6).reduce((sum, { length }) => sum + length, 0)}`);
    assert.match(reason, /unknown element type/);
    assert.equal(Buffer.from(record.bson, 'base64').readInt32LE(0), encoded[6]?.length);
  });

  testIn('refuses what is no dump', async (directory) => {
    const archive = await failureOf(
      readAll(bsonDumpSource({ path: await makeFile(directory, 'a.archive', Buffer.from('6de29981ff000000', 'hex')) })),
    );
    assert.match(archive.describe(), /ETL_SOURCE_INVALID: .*archive[\s\S]*--out/);
    const text = await failureOf(
      readAll(bsonDumpSource({ path: await makeFile(directory, 'a.bson', '{"json": "lines"}\n') })),
    );
    assert.match(text.describe(), /ETL_SOURCE_INVALID: .*byte 0/);
  });

  testIn('warns once when strings are not UTF-8', async (directory) => {
    const document = Buffer.from(BSON.serialize({ text: 'abc' }));
    document[document.indexOf('abc')] = 0xff;
    const warnings: string[] = [];
    const path = await makeFile(directory, 'a.bson', Buffer.concat([document, document]));
    const { batches } = await readAll(bsonDumpSource({ path, batchSize: 1 }), {
      onWarning: (_stage, message) => warnings.push(message),
    });
    assert.deepEqual(recordsOf(batches), ['{"text":"\ufffdbc"}', '{"text":"\ufffdbc"}']);
    assert.equal(warnings.length, 1);
  });
});
