import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { BSON, Double, EJSON, Int32, Long, ObjectId } from 'bson';

import { pipeline } from '../../src/pipeline.ts';
import { bsonDumpSink } from '../../src/sinks/bson-dump.ts';
import { bsonDumpSource } from '../../src/sources/bson-dump.ts';
import { sampleSource, testSink } from '../../src/testing/index.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { makeFile } from '../files/make-files.ts';

const unwritable = [
  undefined,
  1,
  [1],
  'text',
  null,
  { _id: { $oid: 'short' } },
  { at: { $date: '2025-01-01T00:00:00Z', more: 1 } },
  { n: { $numberInt: '2147483648' } },
  { a: [{ date: { $date: 'never' } }] },
  { n: { $numberInt: 'five' } },
  { n: { $numberLong: '' } },
  { n: { $numberDouble: 'much' } },
];

for (const compress of ['none', 'gzip'] as const) {
  const suffix = compress === 'gzip' ? '.gz' : '';
  const open = async (directory: string, name: string): Promise<Buffer> => {
    const bytes = await readFile(join(directory, 'db', name + suffix));
    return compress === 'gzip' ? gunzipSync(bytes) : bytes;
  };
  testSink(
    (directory, { ifExists = 'error' }) =>
      bsonDumpSink({ path: join(directory, 'db'), collection: 'c', ifExists, compress, commitEvery: 50 }),
    {
      name: `bson-dump, compress: ${compress}`,
      read: async (directory) => documentsIn(await open(directory, 'c.bson')),
      content: async (directory) => [
        await readFile(join(directory, 'db', `c.bson${suffix}`)),
        await open(directory, 'c.metadata.json'),
      ],
      unwritable,
      ifExists: ['append', 'replace', 'error'],
    },
  );
}

describe('sink bson-dump', () => {
  testIn('gives back the dump it was read from, byte for byte, with canonical Extended JSON', async (directory) => {
    const documents = [
      {
        _id: new ObjectId(),
        n: new Int32(5),
        l: Long.fromString('9223372036854775807'),
        d: new Double(5),
        nan: new Double(NaN),
        zero: new Double(-0),
      },
      {
        _id: new ObjectId(),
        date: new Date(-1),
        list: [[], {}, null, true],
        text: 'a\u0000b 🙂 \u2028',
        binary: Buffer.from([1, 2]),
      },
    ];
    // Of what the bson package does not write: undefined, a DBPointer, a name twice, a number behind it, a date beyond Date.
    const parts = [
      '31000000',
      '067500',
      '0c7000020000006300',
      '0123456789abcdef01234567',
      '0a6e00',
      '0a6e00',
      '0a3200',
    ];
    const byHand = Buffer.from([...parts, '096400', '0000000000000080', '00'].join(''), 'hex');
    const dump = Buffer.concat([...documents.map((document) => BSON.serialize(document)), byHand]);
    await makeFile(directory, 'from/c.bson', dump);
    await pipeline(bsonDumpSource({ path: join(directory, 'from'), types: 'canonical' }))
      .to(bsonDumpSink({ path: join(directory, 'to'), collection: 'c' }))
      .run();
    assert.deepEqual(await readFile(join(directory, 'to', 'c.bson')), dump);
  });

  testIn(
    'writes metadata that declares the index on _id, and keeps what is there when it appends',
    async (directory) => {
      const write = (ifExists: 'append' | 'error', newRun = false) =>
        pipeline(sampleSource([{ _id: 1 }]))
          .to(bsonDumpSink({ path: directory, collection: 'a/b', ifExists }))
          .run({ newRun });
      await write('append');
      const metadata = JSON.parse(await readFile(join(directory, 'a%2Fb.metadata.json'), 'utf8')) as Record<
        string,
        unknown
      >;
      assert.deepEqual(EJSON.deserialize(metadata), {
        indexes: [{ v: 2, key: { _id: 1 }, name: '_id_' }],
        collectionName: 'a/b',
        type: 'collection',
      });
      await makeFile(directory, 'a%2Fb.metadata.json', '{}');
      await write('append', true);
      assert.equal(await readFile(join(directory, 'a%2Fb.metadata.json'), 'utf8'), '{}');
      assert.equal(documentsIn(await readFile(join(directory, 'a%2Fb.bson'))).length, 2);
    },
  );

  testIn('rejects a document that MongoDB would not store', async (directory) => {
    const to = join(directory, 'rejects.jsonl');
    const report = await pipeline(sampleSource([{ text: 'x'.repeat(17 * 1024 * 1024) }, { text: 'y' }]), {
      onReject: { to },
    })
      .to(bsonDumpSink({ path: directory, collection: 'c' }))
      .run();
    assert.deepEqual([report.counts.rejected, report.counts.written], [1, 1]);
  });
});

function documentsIn(bytes: Uint8Array): unknown[] {
  const found: unknown[] = [];
  const buffer = Buffer.from(bytes);
  for (let at = 0; at < buffer.length; at += buffer.readInt32LE(at)) {
    found.push(BSON.deserialize(buffer.subarray(at, at + buffer.readInt32LE(at))));
  }
  return found;
}
