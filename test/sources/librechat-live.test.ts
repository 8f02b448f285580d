import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Document } from 'bson';

import type { MongodbConnection, openMongodb } from '../../src/connections/mongodb.ts';
import type { LibrechatUserSummary } from '../../src/librechat/user-summaries.ts';
import { pipeline } from '../../src/pipeline.ts';
import type { Source } from '../../src/stage.ts';
import { librechatSource, type LibrechatSourceOptions } from '../../src/sources/librechat.ts';
import { testSource } from '../../src/testing/index.ts';
import { fakeMongodb } from '../helpers/fake-mongodb.ts';
import { joinRecords } from '../helpers/joined-librechat.ts';
import { generateLibrechat } from '../helpers/librechat-data/generate-librechat.ts';

const uri = 'mongodb://localhost/LibreChat';
const generated = generateLibrechat({
  seed: 9,
  conversations: 80,
  users: 6,
  damage: true,
  textScale: 0.2,
  maxTurns: 8,
  binaries: false,
});
const records = [...generated.records];
const { manifest } = generated;
const collections: Record<string, Document[]> = {};
for (const record of records) if ('document' in record) (collections[record.collection] ??= []).push(record.document);

const using =
  (connection: MongodbConnection): typeof openMongodb =>
  () =>
    Promise.resolve(connection);

async function all<T>(source: Source<T>): Promise<T[]> {
  const found: T[] = [];
  await pipeline(source)
    .to(async (stream: AsyncIterable<T>) => {
      for await (const record of stream) found.push(record);
    })
    .run();
  return found;
}

function conversations(connection: MongodbConnection, options: Omit<LibrechatSourceOptions, 'records'> = {}) {
  return all(librechatSource({ uri, includeTemporary: true, ...options }, { connect: using(connection) }));
}

test('reads everything of a live database, with the names of projects', async () => {
  const found = await conversations(fakeMongodb(collections));
  const expected = joinRecords(records);
  assert.equal(found.length, expected.length);
  assert.ok(found.some(({ project }) => project?.name === 'Project 🗂️'));
});

test('asks a server for some users’ messages by their conversations, and never for all of them', async () => {
  const connection = fakeMongodb(collections);
  const [id = '', { messages } = { messages: 0 }] =
    Object.entries(manifest.users).find(([, owner]) => owner.conversations > 3) ?? [];
  const found = await conversations(connection, { users: [id] });
  const direct = (await conversations(fakeMongodb(collections))).filter(({ owner }) => owner.id === id);
  assert.deepEqual(found, direct);
  const asked = connection.pages.filter(({ filter }) => 'conversationId' in JSON.parse(JSON.stringify(filter)));
  assert.ok(asked.length > 0);
  const read = connection.pages.reduce((sum, { documents }) => sum + documents, 0);
  assert.ok(read < messages * 2 + (collections['users']?.length ?? 0) + 500, String(read));
});

test('says which of a LibreChat’s collections are missing, and what there is', async () => {
  const source = (given: Record<string, Document[]>) =>
    librechatSource({ uri }, { connect: using(fakeMongodb(given)) });
  await assert.rejects(all(source({ orders: [{ _id: 1 }] })), {
    code: 'ETL_SOURCE_NOT_FOUND',
    message: /no conversations and no messages in "db": it has orders/,
  });
  await assert.rejects(all(source({ conversations: [] })), /no messages in "db"/);
});

test('a collection that is dropped while it is read does not pass for its end', async () => {
  const connection = fakeMongodb(collections);
  let asked = 0;
  const dropping: MongodbConnection = {
    ...connection,
    collection: (name, signal) => {
      if (name !== 'messages' || (asked += 1) === 1) return connection.collection(name, signal);
      return Promise.resolve({ others: [] });
    },
  };
  await assert.rejects(conversations(dropping), { code: 'ETL_SOURCE_CHANGED', message: /"messages" was dropped/ });
});

test('documents that vanish during the reading are left out, and the export goes on', async () => {
  const connection = fakeMongodb(collections);
  let pages = 0;
  const vanishing: MongodbConnection = {
    ...connection,
    async page(query, signal) {
      const page = await connection.page(query, signal);
      pages += 1;
      if (query.collection !== 'messages' || pages % 2 === 0 || page.documents.count < 2) return page;
      const { bytes, starts, ends, count } = page.documents;
      return {
        ...page,
        documents: { bytes, starts: starts.subarray(1), ends: ends.subarray(1), count: count - 1 },
      };
    },
  };
  const found = await conversations(vanishing);
  assert.ok(found.every(({ tree, messages }) => messages.length === 0 || tree.roots.length > 0));
});

test('tells how it will read: by the indexes there are', async () => {
  const { signal } = new AbortController();
  const index = (field: string) => ({ name: `${field}_1`, key: { [field]: 1 }, isLimited: false });
  const indexed = fakeMongodb(collections, { indexes: [index('user'), index('conversationId')] });
  const plan = async (connection: MongodbConnection, options: object) =>
    librechatSource({ uri, ...options }, { connect: using(connection) }).estimate?.(signal);
  const everything = await plan(indexed, {});
  assert.match(everything?.plan ?? '', /every collection once in the order of _id/);
  assert.equal(everything?.records, collections['conversations']?.length);
  assert.match((await plan(indexed, { users: ['a@b'] }))?.plan ?? '', /by conversation ids, served by indexes$/);
  assert.match((await plan(fakeMongodb(collections), { conversation: 'x' }))?.plan ?? '', /no index on messages/);
});

test('lists users, those who are gone too', async () => {
  const users: LibrechatUserSummary[] = await all(
    librechatSource({ uri, records: 'users', batchSize: 2 }, { connect: using(fakeMongodb(collections)) }),
  );
  const expected = Object.entries(manifest.users).map(([id, owner]) => ({ id, conversations: owner.conversations }));
  assert.deepEqual(
    users.map(({ id, conversations: count }) => ({ id, conversations: count })),
    expected.sort((a, b) => (a.id < b.id ? -1 : 1)),
  );
  assert.ok(users.some(({ email }) => email === null));
});

test('takes a URI or a dump, not both and not neither', () => {
  assert.throws(() => librechatSource({}), /a live database.*a dump/);
  assert.throws(() => librechatSource({ uri, from: './dump' }), /expected either/);
});

testSource(
  () =>
    librechatSource(
      { uri, batchSize: 9, includeTemporary: true, memoryBytes: 50_000 },
      { connect: using(fakeMongodb(collections)) },
    ),
  { name: 'librechat, live', records: joinRecords(records).length },
);
