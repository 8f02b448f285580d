import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { after, test } from 'node:test';
import {
  BSON,
  BSONSymbol,
  Code,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
} from 'bson';
import type { Document } from 'mongodb';

import { openMongodb } from '../../src/connections/mongodb.ts';
import { EtlError } from '../../src/errors.ts';
import { bsonToJson } from '../../src/formats/bson-to-json.ts';
import { jsonRecordText } from '../../src/formats/json-records.ts';
import { pipeline } from '../../src/pipeline.ts';
import { discardSink } from '../../src/sinks/discard.ts';
import { mongodbSource, type MongodbSourceOptions } from '../../src/sources/mongodb.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { mapConcurrent } from '../../src/transforms/map-concurrent.ts';
import { map } from '../../src/transforms/map.ts';
import { testSource } from '../../src/testing/index.ts';
import { readAll, recordsOf } from '../../src/testing/recorder.ts';
import { joinDocuments } from '../../src/mongodb/bson-documents.ts';
import { startWireServer, type WireServer } from '../helpers/mongodb-wire/server.ts';
import type { Fault } from '../helpers/mongodb-wire/faults.ts';

/** A source that does not wait long before it tries again. */
function impatient(options: MongodbSourceOptions, attempts = 4): ReturnType<typeof mongodbSource> {
  return mongodbSource(options, { connect: (given) => openMongodb({ ...given, attempts, retryBaseMs: 1 }) });
}

function messages(count: number, bytes = 100): Document[] {
  return Array.from({ length: count }, (_, i) => ({
    _id: new ObjectId(i.toString(16).padStart(24, '0')),
    n: i,
    text: `${i} ${'é'.repeat(bytes / 2)}`,
  }));
}

/** What the records must be: every document by itself, in the order given. */
function asJson(documents: readonly Document[], types: 'plain' | 'relaxed' | 'canonical' = 'relaxed'): string[] {
  const parts = documents.map((each) => {
    const bytes = Buffer.from(BSON.serialize(each));
    return { bytes, starts: Uint32Array.of(0), ends: Uint32Array.of(bytes.length), count: 1 };
  });
  const { json } = bsonToJson(joinDocuments(parts), { types });
  return Array.from({ length: json.count }, (_, i) => jsonRecordText(json, i));
}

async function withServer(run: (server: WireServer) => Promise<void>): Promise<void> {
  const server = await startWireServer();
  try {
    await run(server);
  } finally {
    await server.close();
  }
}

async function failure(reading: Promise<unknown>): Promise<EtlError> {
  const error = await reading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof EtlError, String(error));
  return error;
}

const shared = await startWireServer();
after(() => shared.close());
shared.insert('db.messages', messages(1000).reverse());
shared.insert('db.damaged', messages(20));
for (const n of [7, 8, 19]) {
  const _id = new ObjectId(n.toString(16).padStart(23, '0').concat('f'));
  const bytes = Buffer.from(BSON.serialize({ _id, flag: true }));
  // A boolean is 0 or 1.
  bytes[bytes.length - 2] = 7;
  shared.insertAs('db.damaged', { _id }, bytes);
}
const uri = `${shared.uri}db`;

testSource(() => mongodbSource({ uri, collection: 'messages', batchSize: 150 }), {
  name: 'mongodb',
  records: 1000,
  damaged: {
    make: () => mongodbSource({ uri, collection: 'damaged', batchSize: 4 }),
    records: 20,
    rejected: 3,
    // 7, 8 and 19 with an f behind are 127, 143 and 319 in the last digits: after all the others.
    before: 20,
  },
});
testSource(() => mongodbSource({ uri, collection: 'messages', sort: { n: -1 }, batchSize: 150 }), {
  name: 'mongodb with a sort',
  records: 1000,
  isResumable: false,
});

test('gives values of every type as _id, in the server’s order, and goes on from each of them', async () => {
  const ids = [
    new MinKey(),
    null,
    new Double(Number.NaN),
    new Double(Number.NEGATIVE_INFINITY),
    new Int32(-3),
    new Double(0.5),
    new Int32(7),
    Long.fromString('9007199254740993'),
    Decimal128.fromString('1E+40'),
    new Double(Number.POSITIVE_INFINITY),
    '',
    'a',
    new BSONSymbol('b'),
    'é',
    '𝒳',
    { a: 1 },
    { a: 'x' },
    new UUID('00000000-0000-4000-8000-000000000000'),
    new ObjectId('000000000000000000000001'),
    new ObjectId('f00000000000000000000001'),
    false,
    true,
    new Date(-5),
    new Date(5),
    new Timestamp({ t: 1, i: 2 }),
    new Code('f()'),
    new MaxKey(),
  ];
  const documents = ids.map((_id, n) => ({ _id, n, ['a.b']: [[Decimal128.fromString('1.10')]] }));
  await withServer(async (server) => {
    server.insert(
      'db.odd',
      [...documents].sort((a, b) => ((a.n * 7) % 27) - ((b.n * 7) % 27)),
    );
    for (const types of ['plain', 'relaxed', 'canonical'] as const) {
      const options = { uri: `${server.uri}db`, collection: 'odd', types, batchSize: 1 };
      const { batches } = await readAll(mongodbSource(options));
      assert.deepEqual(recordsOf(batches), asJson(documents, types));
      for (const [i, { at }] of batches.entries()) {
        const rest = await readAll(mongodbSource(options), { from: JSON.parse(JSON.stringify(at)) });
        assert.deepEqual(recordsOf(rest.batches), asJson(documents.slice(i + 1), types), `after ${JSON.stringify(at)}`);
      }
    }
  });
});

test('reads in pages of 1 to 2 MB, leaves no cursor open, and only reads', async () => {
  await withServer(async (server) => {
    server.insert('db.messages', messages(5000, 2000));
    const { batches } = await readAll(mongodbSource({ uri: `${server.uri}db`, collection: 'messages' }));
    assert.equal(recordsOf(batches).length, 5000);
    const names = server.log.map(({ name }) => name);
    // 10 MB: a small page to begin with, 7 pages, and a look for values of later types.
    assert.ok(names.filter((name) => name === 'find').length <= 10, String(names));
    assert.deepEqual([...new Set(names)].sort(), ['find', 'listCollections', 'ping']);
    assert.equal(server.cursors(), 0);
  });
});

test('documents of 16 MB come whole, and what did not fit into their reply comes after', async () => {
  await withServer(async (server) => {
    const big = (n: number) => ({ _id: new Int32(n), text: 'x'.repeat(16_777_216 - 100) });
    const documents = [{ _id: new Int32(0) }, big(1), { _id: new Int32(2) }, big(3), big(4), { _id: new Int32(5) }];
    server.insert('db.big', documents);
    const sizes: number[] = [];
    const { batches } = await readAll(mongodbSource({ uri: `${server.uri}db`, collection: 'big' }));
    for (const record of recordsOf(batches)) sizes.push(record.length);
    assert.deepEqual(
      sizes,
      asJson(documents).map((record) => record.length),
    );
    assert.equal(server.cursors(), 0);
  });
});

test('goes on by itself after what passes', async (t) => {
  const faults: Fault[] = [
    'close',
    'reset',
    'cut',
    'wrong-length',
    'cursor-not-found',
    'not-primary',
    'shutting-down',
    'exceeded-time-limit',
    'max-time-expired',
  ];
  for (const fault of faults) {
    await t.test(String(fault), () =>
      withServer(async (server) => {
        server.insert('db.messages', messages(3000, 1000));
        const options = { uri: `${server.uri}db`, collection: 'messages' };
        const expected = await readAll(impatient(options));
        server.fault(fault, { at: 2 });
        const { batches, report } = await readAll(impatient(options));
        assert.deepEqual(batches, expected.batches);
        assert.match(report.warnings[0]?.message ?? '', /trying again/);
      }),
    );
  }

  await t.test('a server that does not answer', () =>
    withServer(async (server) => {
      server.insert('db.messages', messages(500));
      server.fault('stall', { at: 2 });
      const { batches } = await readAll(impatient({ uri: `${server.uri}db`, collection: 'messages', timeoutMs: 200 }));
      assert.equal(recordsOf(batches).length, 500);
    }),
  );

  await t.test('a server that is started again', () =>
    withServer(async (server) => {
      server.insert('db.messages', messages(500));
      server.fault(
        async () => {
          await server.stop();
          await server.start();
        },
        { at: 2 },
      );
      const { batches } = await readAll(impatient({ uri: `${server.uri}db`, collection: 'messages' }));
      assert.equal(recordsOf(batches).length, 500);
    }),
  );
});

test('stops with everything read before given, and the same run goes on', async () => {
  await withServer(async (server) => {
    server.insert('db.messages', messages(3000, 1000));
    const options = { uri: `${server.uri}db`, collection: 'messages' };
    const whole = await readAll(impatient(options));
    server.fault('reset', { at: 3, times: 100 });
    let given = 0;
    const error = await failure(readAll(impatient(options, 2), { onBatch: (batches) => void (given = batches) }));
    assert.equal(error.code, 'ETL_CONNECT_FAILED');
    assert.ok(given > 0 && given < whole.batches.length, String(given));
    server.clearFaults();
    const rest = await readAll(impatient(options), { from: whole.batches[given - 1]?.at });
    assert.deepEqual(rest.batches, whole.batches.slice(given));
  });
});

test('stops at what does not pass', async (t) => {
  const cases: [Fault, string][] = [
    ['unauthorized', 'ETL_AUTH_FAILED'],
    ['bad-value', 'ETL_CONFIG_INVALID'],
    ['plan-killed', 'ETL_SOURCE_FAILED'],
  ];
  for (const [fault, code] of cases) {
    await t.test(`${String(fault)} is ${code}`, () =>
      withServer(async (server) => {
        server.insert('db.messages', messages(300));
        server.fault(fault);
        const error = await failure(readAll(impatient({ uri: `${server.uri}db`, collection: 'messages' })));
        assert.equal(error.code, code);
        assert.equal(server.log.filter(({ name }) => name === 'find').length, 1);
      }),
    );
  }
});

test('a collection that goes away during the run does not pass for its end', async (t) => {
  const changes: Record<string, (server: WireServer) => void> = {
    'was dropped': (server) => server.drop('db.messages'),
    'was dropped and made again': (server) => {
      server.drop('db.messages');
      server.insert('db.messages', messages(3));
    },
  };
  for (const [what, change] of Object.entries(changes)) {
    await t.test(what, () =>
      withServer(async (server) => {
        server.insert('db.messages', messages(3000, 1000));
        server.fault(() => change(server), { at: 3 });
        const error = await failure(readAll(mongodbSource({ uri: `${server.uri}db`, collection: 'messages' })));
        assert.equal(error.code, 'ETL_SOURCE_CHANGED');
        assert.match(error.message, new RegExp(`${what} while`));
      }),
    );
  }
});

test('documents that vanish or arrive between two pages do no harm to the others', async () => {
  await withServer(async (server) => {
    const all = messages(3000, 1000);
    server.insert('db.messages', all.slice(0, 2999));
    server.fault(
      () => {
        server.remove('db.messages', { n: { $gte: 100, $lt: 140 } });
        server.remove('db.messages', { n: 1500 });
        server.insert('db.messages', all.slice(2999));
      },
      { at: 2 },
    );
    const { batches } = await readAll(mongodbSource({ uri: `${server.uri}db`, collection: 'messages' }));
    // 128 were read before: 12 of the 40 that vanished had not been, and the page goes on after one that is gone.
    const expected = asJson(all.filter(({ n }) => !(n === 1500 || (n >= 128 && n < 140))));
    assert.deepEqual(recordsOf(batches), expected);
  });
});

test('does not run ahead of a slow reader', async () => {
  await withServer(async (server) => {
    server.insert('db.messages', messages(20_000, 1000));
    const abort = new AbortController();
    const finds = () => server.log.filter(({ name }) => name === 'find').length;
    const reading = readAll(mongodbSource({ uri: `${server.uri}db`, collection: 'messages' }), {
      signal: abort.signal,
      onBatch: async () => {
        let last = -1;
        for (let still = 0; still < 200; still++) {
          if (finds() !== last) still = 0;
          last = finds();
          await setImmediate();
        }
        abort.abort();
      },
    });
    assert.equal((await failure(reading)).code, 'ETL_ABORTED');
    // 20 MB in pages of 1.5 MB: 4 MB ahead are three pages, one more is on its way, and some wait in the pipeline.
    assert.ok(finds() <= 8, `${finds()} pages were asked for`);
  });
});

testIn('a stage after one that made records anew still knows which document they are from', async (directory) => {
  const to = join(directory, 'rejects.jsonl');
  await pipeline(mongodbSource({ uri, collection: 'messages', batchSize: 10 }), { onReject: { to } })
    .through(map((record) => ({ n: (record as { readonly n: number }).n })))
    .through(
      mapConcurrent(
        async ({ n }) => {
          // Other batches are read meanwhile, into the memory that this one came in.
          await setImmediate();
          await setImmediate();
          if (n % 10 === 7) throw new Error('unlucky');
          return n;
        },
        { concurrency: 40 },
      ),
    )
    .to(discardSink())
    .run();
  const places = (await readFile(to, 'utf8')).trimEnd().split('\n');
  assert.deepEqual(
    places.map((line) => (JSON.parse(line) as { readonly at: string }).at),
    Array.from({ length: 100 }, (_, i) => {
      const id = (i * 10 + 7).toString(16).padStart(24, '0');
      return `messages, _id {"$oid":"${id}"}`;
    }),
  );
});

test('filter, projection and types', async (t) => {
  const read = async (options: Partial<MongodbSourceOptions>) =>
    recordsOf((await readAll(mongodbSource({ uri, collection: 'messages', ...options }))).batches);

  await t.test('takes Extended JSON in a filter', async () => {
    const filter = { _id: { $gte: { $oid: '0000000000000000000003e0' } } };
    assert.equal((await read({ filter })).length, 1000 - 0x3e0);
  });

  await t.test('takes values of the bson package in a filter', async () => {
    const filter = { _id: { $gte: new ObjectId('0000000000000000000003e0') }, n: { $ne: 999 } };
    assert.equal((await read({ filter })).length, 999 - 0x3e0);
  });

  for (const filter of [
    { at: { $gte: { $date: 'soon' } } },
    { _id: { $oid: 'zz' } },
    { n: { $numberLong: '1.5' } },
    { n: { $numberDouble: 'one' } },
  ]) {
    await t.test(`a filter with a broken value is refused, not read as another one: ${JSON.stringify(filter)}`, () => {
      assert.throws(() => mongodbSource({ uri: 'mongodb://localhost/x', collection: 'c', filter }), {
        code: 'ETL_CONFIG_INVALID',
        message: /"filter" is no Extended JSON/,
      });
    });
  }
  await t.test('keeps only the fields asked for, and _id', async () => {
    assert.deepEqual(
      (await read({ projection: { n: 1 }, types: 'plain' }))[5],
      '{"_id":"000000000000000000000005","n":5}',
    );
  });

  await t.test('refuses to leave out _id', () => {
    assert.throws(() => mongodbSource({ uri, collection: 'messages', projection: { _id: 0 } }), {
      code: 'ETL_CONFIG_INVALID',
    });
  });
});

test('wrong addresses and rights', async (t) => {
  await t.test('no server there', async () => {
    const options = { uri: 'mongodb://me:hush@127.0.0.1:1/db', collection: 'c', connectTimeoutMs: 200 };
    const error = await failure(readAll(mongodbSource(options)));
    assert.equal(error.code, 'ETL_CONNECT_FAILED');
    assert.doesNotMatch(error.describe(), /hush/);
  });

  await t.test('wrong password', async () => {
    const error = await failure(
      readAll(mongodbSource({ uri: uri.replace('//', '//me:hush@'), collection: 'messages' })),
    );
    assert.equal(error.code, 'ETL_AUTH_FAILED');
    assert.doesNotMatch(error.describe(), /hush/);
  });

  await t.test('a URI that the driver does not take', async () => {
    const error = await failure(readAll(mongodbSource({ uri: 'mongodb://me:hu@sh@h/db', collection: 'c' })));
    assert.equal(error.code, 'ETL_CONFIG_INVALID');
    assert.doesNotMatch(error.describe(), /hu@sh/);
  });

  for (const wrong of ['http://localhost/db', 'localhost', shared.uri]) {
    await t.test(`${wrong.replace(/:\d+/, '')} is refused before anything is opened`, () => {
      assert.throws(() => mongodbSource({ uri: wrong, collection: 'c' }), { code: 'ETL_CONFIG_INVALID' });
    });
  }

  await t.test('a collection that is not there, with those that are', async () => {
    const error = await failure(readAll(mongodbSource({ uri, collection: 'mesages' })));
    assert.equal(error.code, 'ETL_SOURCE_NOT_FOUND');
    assert.match(error.message, /it has damaged, messages/);
  });

  await t.test('who may read the collection but not list it reads it', () =>
    withServer(async (server) => {
      server.insert('db.messages', messages(10));
      server.fault('unauthorized', { command: 'listCollections', times: 10 });
      const { batches } = await readAll(mongodbSource({ uri: `${server.uri}db`, collection: 'messages' }));
      assert.equal(recordsOf(batches).length, 10);
    }),
  );
});

test('check and estimate', async (t) => {
  const { signal } = new AbortController();
  await t.test('tell what is there', async () => {
    const source = mongodbSource({ uri, collection: 'messages' });
    assert.match((await source.check?.(signal)) ?? '', /MongoDB 7\.0\.0, about 1000 documents in messages/);
    const { records, bytes, plan } = (await source.estimate?.(signal)) ?? {};
    assert.equal(records, 1000);
    assert.ok(Number(bytes) > 100_000);
    assert.match(plan ?? '', /pages in the order of _id/);
  });

  await t.test('do not count behind a filter', async () => {
    const { records, plan } =
      (await mongodbSource({ uri, collection: 'messages', filter: { n: 1 }, sort: { n: 1 } }).estimate?.(signal)) ?? {};
    assert.equal(records, undefined);
    assert.match(plan ?? '', /in the order of `sort`, which no index serves: the server sorts; no resume/);
    const backwards = await mongodbSource({ uri, collection: 'messages', sort: { _id: -1 } }).estimate?.(signal);
    assert.match(backwards?.plan ?? '', /in the order of `sort`, served by an index; no resume/);
    const mixed = await mongodbSource({ uri, collection: 'messages', sort: { a: 1, b: -1 } }).estimate?.(signal);
    assert.match(mixed?.plan ?? '', /in the order of `sort`; no resume/);
  });

  await t.test('count where statistics are not allowed', () =>
    withServer(async (server) => {
      server.insert('db.messages', messages(10));
      server.fault('unauthorized', { command: 'collStats' });
      const estimate = await mongodbSource({ uri: `${server.uri}db`, collection: 'messages' }).estimate?.(signal);
      assert.equal(estimate?.records, 10);
    }),
  );
});

test('the configuration holds what decides the records and no secret', () => {
  const config = mongodbSource({
    uri: 'mongodb://me:hush@h/db',
    collection: 'c',
    filter: { _id: new ObjectId('000000000000000000000001') },
  }).config;
  assert.deepEqual(config, {
    database: 'db',
    collection: 'c',
    filter: { _id: { $oid: '000000000000000000000001' } },
    types: 'relaxed',
  });
});
