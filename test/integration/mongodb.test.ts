import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { BSON, type Document } from 'bson';
import { MongoClient } from 'mongodb';

import { openMongodb } from '../../src/connections/mongodb.ts';
import { decodeJsonRecords } from '../../src/formats/json-records.ts';
import { compareBson } from '../../src/mongodb/bson-order.ts';
import { hasIndexOn } from '../../src/mongodb/indexes.ts';
import { readByKey, readKeys, type KeyedRecords } from '../../src/mongodb/read-by-key.ts';
import { pipeline } from '../../src/pipeline.ts';
import { jsonlSink } from '../../src/sinks/jsonl.ts';
import { bsonDumpSource } from '../../src/sources/bson-dump.ts';
import { mongodbSource } from '../../src/sources/mongodb.ts';
import { readAll, recordsOf } from '../../src/testing/recorder.ts';
import { generateLibrechat } from '../helpers/librechat-data/generate-librechat.ts';
import type { GeneratedRecord } from '../helpers/librechat-data/types.ts';
import { writeMongodb } from '../helpers/librechat-data/write-mongodb.ts';
import { mongodbForTests, type MongodbNeed, type TestMongodb } from '../helpers/mongodb.ts';

const { signal } = new AbortController();
const exoticTypes: readonly MongodbNeed[] = [
  'decimal128',
  'nonfinite',
  'negative-zero',
  'nested-arrays',
  'special-keys',
];

function records(exotic: boolean): GeneratedRecord[] {
  const options = {
    seed: 4,
    conversations: 60,
    users: 6,
    textScale: 0.3,
    maxTurns: 20,
    damage: true,
    exotic,
    binaries: false,
  };
  return [...generateLibrechat(options).records];
}

/** Documents by collection, in the order of `_id`. */
function sorted(all: readonly GeneratedRecord[]): Map<string, Document[]> {
  const collections = new Map<string, Document[]>();
  for (const each of all) {
    if ('document' in each)
      collections.set(each.collection, [...(collections.get(each.collection) ?? []), each.document]);
  }
  for (const documents of collections.values()) documents.sort((a, b) => compareBson(a['_id'], b['_id']));
  return collections;
}

async function folder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'etl-mongodb-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A database with LibreChat's data; skips the test where no server can hold it. */
async function loaded(
  t: TestContext,
  all: readonly GeneratedRecord[],
  needs: readonly MongodbNeed[],
): Promise<TestMongodb | undefined> {
  const server = await mongodbForTests({ needs });
  if ('skip' in server) {
    t.skip(server.skip);
    return undefined;
  }
  t.after(() => server.close());
  const client = new MongoClient(server.uri);
  try {
    // Unique indexes cannot be built on damaged data, as in the wild.
    await writeMongodb(client.db(), all);
    await client.db().collection('messages').createIndex({ conversationId: 1 });
  } finally {
    await client.close();
  }
  return server;
}

for (const [name, needs] of [
  ['LibreChat’s data', []],
  ['LibreChat’s data with every odd type', exoticTypes],
] as const) {
  test(`${name}: a collection and its dump give the same records, byte for byte`, async (t) => {
    const all = records(needs.length > 0);
    const server = await loaded(t, all, needs);
    if (server === undefined) return;
    const dump = join(await folder(t), 'db');
    await mkdir(dump);
    for (const [collection, documents] of sorted(all)) {
      await writeFile(
        join(dump, `${collection}.bson`),
        Buffer.concat(documents.map((each) => BSON.serialize(each, { ignoreUndefined: true }))),
      );
      for (const types of ['plain', 'relaxed', 'canonical'] as const) {
        const fromDump = await readAll(bsonDumpSource({ path: dump, collection, types }));
        const live = await readAll(mongodbSource({ uri: server.uri, collection, types, batchSize: 37 }));
        assert.deepEqual(recordsOf(live.batches), recordsOf(fromDump.batches), `${collection}, ${types}`);
      }
    }
  });
}

test('a run that breaks off anywhere writes the same file in the end', async (t) => {
  const server = await loaded(t, records(false), []);
  if (server === undefined) return;
  const directory = await folder(t);
  const make = (path: string) =>
    pipeline(mongodbSource({ uri: server.uri, collection: 'messages', batchSize: 20 }), { name: 'p' }).to(
      jsonlSink({ path: join(directory, path), commitEvery: 10_000 }),
    );
  await make('whole.jsonl').run();
  for (let attempt = 0; attempt < 1000; attempt++) {
    const abort = new AbortController();
    let commits = 0;
    const run = make('broken.jsonl').run({
      signal: abort.signal,
      onCommit: () => void ((commits += 1) === 2 && abort.abort()),
    });
    const report = await run.catch(() => undefined);
    if (report?.status === 'finished') {
      assert.ok(attempt > 2, `only ${attempt} interruptions`);
      break;
    }
  }
  assert.ok((await readFile(join(directory, 'whole.jsonl'))).equals(await readFile(join(directory, 'broken.jsonl'))));
});

test('messages come by conversation, in the order of (conversationId, _id), whole or for some conversations', async (t) => {
  const all = records(false);
  const server = await loaded(t, all, []);
  if (server === undefined) return;
  const connection = await openMongodb({ uri: server.uri });
  t.after(() => connection.close());
  assert.ok(hasIndexOn(await connection.indexes('messages', signal), ['conversationId']));
  const messages = (sorted(all).get('messages') ?? []).sort(
    (a, b) => compareBson(a['conversationId'], b['conversationId']) || compareBson(a['_id'], b['_id']),
  );
  const options = { collection: 'messages', key: 'conversationId', types: 'plain' as const, pageBytes: 5000 };
  assert.deepEqual(
    await idsOf(readByKey(connection, options, signal)),
    messages.map(({ _id }) => String(_id)),
  );

  const some = ['no such conversation', messages.at(-1)?.['conversationId'], messages.at(70)?.['conversationId'], null];
  const wanted = messages
    .filter(({ conversationId }) => some.includes(conversationId ?? null))
    .map(({ _id }) => String(_id));
  assert.deepEqual(await idsOf(readKeys(connection, { ...options, values: some }, signal)), wanted);
});

async function idsOf(reading: AsyncIterable<KeyedRecords>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { json } of reading)
    ids.push(...(decodeJsonRecords(json) as Document[]).map(({ _id }) => String(_id)));
  return ids;
}
