import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'node:test';
import { gzipSync } from 'node:zlib';

import { BSON, Binary, Decimal128, Double, EJSON, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp, UUID } from 'bson';

import { bsonDumpSource } from '../../src/sources/bson-dump.ts';
import { extendedJsonSource } from '../../src/sources/extended-json.ts';
import { testSource } from '../../src/testing/index.ts';
import { readAll, recordsOf } from '../../src/testing/recorder.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { makeFile, someRecords } from '../files/make-files.ts';

const documents = (someRecords(200) as Record<string, unknown>[]).map(({ id, ...rest }) => ({
  _id: new ObjectId(String(id).padStart(24, '0')),
  ...rest,
  at: new Date(1_700_000_000_000),
}));
const lines = documents.map((document) => EJSON.stringify(document, { relaxed: false }));
const damaged = [...lines];
damaged[6] = '{"_id": {"$oid": "short"}}';
damaged[7] = '{"a": }';
damaged[80] = '[1]';
const small = { batchSize: 30, batchBytes: 4000 };

for (const [name, layout] of [
  ['lines', (parts: readonly string[]) => parts.join('\n')],
  ['an array', (parts: readonly string[]) => `\n[${parts.join(',\n')}]`],
  ['lines, gzip', (parts: readonly string[]) => gzipSync(parts.join('\n'))],
] as const) {
  const from = async (directory: string, parts: readonly string[]) =>
    extendedJsonSource({ path: await makeFile(directory, 'in.json', layout(parts)), ...small });
  const large = (directory: string) =>
    from(
      directory,
      someRecords(50_000).map((record) => JSON.stringify(record)),
    );
  testSource((directory) => from(directory, lines), {
    name: `extended-json, ${name}`,
    records: documents.length,
    damaged: { make: (directory) => from(directory, damaged), records: 197, rejected: 3, before: 6 },
    ...(name.endsWith('gzip') ? {} : { readAhead: { make: large, maxBytes: 1_500_000 } }),
  });
}

const everyType = [
  {
    int: new Int32(1),
    long: Long.fromString('9007199254740993'),
    double: new Double(1.5),
    zero: new Double(-0),
    nan: new Double(NaN),
  },
  {
    date: new Date(0),
    old: new Date(-1),
    far: new Date(8.64e15),
    id: new ObjectId(),
    uuid: new UUID(),
    bytes: new Binary(Buffer.from('x'), 5),
  },
  {
    decimal: Decimal128.fromString('1.50'),
    stamp: new Timestamp({ t: 1, i: 2 }),
    min: new MinKey(),
    max: new MaxKey(),
    none: null,
  },
  {
    pattern: /a"b/i,
    list: [1, [2, { three: '🙂\u0000\u2028' }]],
    empty: {},
    text: '{"$oid":"no"}',
    n: '1234567890123456789',
  },
];

describe('source extended-json', () => {
  for (const types of ['plain', 'relaxed', 'canonical'] as const) {
    testIn(`gives what the dump of the same documents gives (${types})`, async (directory) => {
      const dump = await makeFile(
        directory,
        'c.bson',
        Buffer.concat(everyType.map((document) => BSON.serialize(document))),
      );
      const exported = await makeFile(
        directory,
        'c.json',
        everyType.map((document) => EJSON.stringify(document, { relaxed: false })).join('\n'),
      );
      const expected = recordsOf((await readAll(bsonDumpSource({ path: dump, types }))).batches);
      assert.deepEqual(recordsOf((await readAll(extendedJsonSource({ path: exported, types }))).batches), expected);
    });
  }

  testIn('tells an array from lines on a pipe, too', async (directory) => {
    const path = join(directory, 'pipe');
    execFileSync('mkfifo', [path]);
    for (const text of [
      '{"a":1}\n{"a":2}\n',
      '  [{"a":1},\n{"a":2}]',
      '\ufeff[{"a":1},{"a":2}]',
      '{"a":1}\n\n{"a":2}',
    ]) {
      const [{ batches }] = await Promise.all([readAll(extendedJsonSource({ path })), writeFile(path, text)]);
      assert.deepEqual(recordsOf(batches), ['{"a":1}', '{"a":2}'], text);
    }
  });

  testIn('gives nothing for an empty file', async (directory) => {
    const { batches } = await readAll(extendedJsonSource({ path: await makeFile(directory, 'in.json', '') }));
    assert.deepEqual(recordsOf(batches), []);
  });
});
