import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Document, ObjectId } from 'bson';

import type { MongodbConnection, openMongodb } from '../../src/connections/mongodb.ts';
import { EtlError } from '../../src/errors.ts';
import type { LibrechatRecord } from '../../src/models/librechat-chat.ts';
import type { LibrechatUserSummary } from '../../src/librechat/user-summaries.ts';
import type { Conversation } from '../../src/models/conversation.ts';
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

const indexes = ['user', 'conversationId'].map((field) => ({ name: field, key: { [field]: 1 }, isLimited: false }));

/** An owner of more conversations than that. */
function someOwner(than: number): string {
  return Object.entries(manifest.users).find(([, { conversations: count }]) => count > than)?.[0] ?? '';
}

const someConversation = String(collections['conversations']?.[7]?.['conversationId']);

function isByConversations(filter: Document): boolean {
  return JSON.stringify(filter).includes('"conversationId":{"$in"');
}

/** Records as plain values: bytes as text. */
function lines(found: readonly LibrechatRecord[]): unknown[] {
  return found.map((record) => JSON.parse(JSON.stringify(record)) as unknown);
}

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

test('messages that an index finds are read by their conversations, with the same result', async () => {
  const connection = fakeMongodb(collections, { indexes, replyBytes: 30_000 });
  const options = { uri, includeTemporary: true, memoryBytes: 50_000 };
  for (const given of [
    options,
    { ...options, users: [someOwner(0)] },
    { ...options, conversation: someConversation },
  ]) {
    const found = await all<unknown>(librechatSource(given, { connect: using(connection) }));
    const expected = await all<unknown>(librechatSource(given, { connect: using(fakeMongodb(collections)) }));
    assert.ok(found.length > 0);
    assert.deepEqual(found, expected);
    const asDocuments = { ...given, records: 'documents' } as const;
    assert.deepEqual(
      lines(await all<LibrechatRecord>(librechatSource(asDocuments, { connect: using(connection) }))),
      lines(await all<LibrechatRecord>(librechatSource(asDocuments, { connect: using(fakeMongodb(collections)) }))),
    );
  }
  assert.ok(connection.pages.some(({ filter }) => isByConversations(filter)));
});

test('a message that is no document is rejected, whichever way it was found, and its chat comes without it', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'etl-librechat-live-'));
  t.after(() => rm(directory, { recursive: true }));
  const { _id, conversationId } = collections['messages']?.find(({ unfinished }) => unfinished === false) ?? {};
  const conversationOf = async (connection: MongodbConnection, name: string) => {
    const found: Conversation[] = [];
    const to = join(directory, name);
    const { counts } = await pipeline(
      librechatSource({ uri, includeTemporary: true }, { connect: using(spoiled(connection, _id)) }),
      { onReject: { to } },
    )
      .to(async (stream: AsyncIterable<Conversation>) => {
        for await (const record of stream) found.push(record);
      })
      .run();
    assert.equal(counts.rejected, 1);
    assert.match(await readFile(to, 'utf8'), new RegExp(`not a BSON document.*${String(_id)}`));
    return found.find(({ id }) => id === conversationId);
  };
  const whole = (await conversations(fakeMongodb(collections))).find(({ id }) => id === conversationId);
  const late = await conversationOf(fakeMongodb(collections, { indexes }), 'late.jsonl');
  assert.deepEqual(late, await conversationOf(fakeMongodb(collections), 'early.jsonl'));
  assert.equal(late?.messages.length, (whole?.messages.length ?? 0) - 1);
});

/** A connection that breaks one message's bytes. */
function spoiled(connection: MongodbConnection, _id: unknown): MongodbConnection {
  const id = Buffer.from((_id as ObjectId).id);
  return {
    ...connection,
    async page(query, signal) {
      const page = await connection.page(query, signal);
      const { bytes, starts, ends } = page.documents;
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const place = starts.findIndex((start, i) => buffer.subarray(start, ends[i]).includes(id));
      const flag = place === -1 ? -1 : buffer.indexOf('\bunfinished\0', starts[place]);
      // Neither true nor false.
      if (query.collection === 'messages' && flag !== -1) buffer[flag + '\bunfinished\0'.length] = 7;
      return page;
    },
  };
}

test('asks a server for some users’ messages by their conversations, and never for all of them', async () => {
  const connection = fakeMongodb(collections, { indexes });
  const id = someOwner(3);
  const { messages } = manifest.users[id] ?? { messages: 0 };
  const found = await conversations(connection, { users: [id] });
  const direct = (await conversations(fakeMongodb(collections))).filter(({ owner }) => owner.id === id);
  assert.deepEqual(found, direct);
  const asked = connection.pages.filter(({ filter }) => isByConversations(filter));
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
  const indexed = fakeMongodb(collections, { indexes });
  const plan = async (connection: MongodbConnection, options: object) =>
    librechatSource({ uri, ...options }, { connect: using(connection) }).estimate?.(signal);
  const untold: MongodbConnection = {
    ...indexed,
    indexes: () => Promise.reject(new EtlError('ETL_AUTH_FAILED', 'the MongoDB user may not read this')),
  };
  const bare = fakeMongodb(collections);
  const someUsers = { users: ['a@b'] };
  for (const [connection, options, expected] of [
    [indexed, {}, /messages by conversation ids, served by an index$/],
    [bare, {}, /once in the order of _id.*no index on messages\.conversationId serves them$/],
    [untold, {}, /once in the order of _id.*not told of indexes/],
    [indexed, { since: '2026-01-31' }, /saved since 2026-01-31 are kept$/],
    [indexed, someUsers, /by conversation ids, served by indexes$/],
    [bare, someUsers, /joined outside of memory.*no index on conversations\.user, messages\.user, so/],
    [untold, someUsers, /joined outside of memory.*not told of indexes \(the action listIndexes\)$/],
    [indexed, { conversation: 'x' }, /one conversation by its id, served by indexes$/],
    [bare, { conversation: 'x' }, /no index on conversations\.conversationId, messages\.conversationId, so/],
    [untold, { conversation: 'x' }, /one conversation by its id$/],
  ] as const)
    assert.match((await plan(connection, options))?.plan ?? '', expected);
  assert.equal((await plan(indexed, {}))?.records, collections['conversations']?.length);
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
