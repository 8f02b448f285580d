import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Binary, Long, MongoClient, ObjectId, type Document } from 'mongodb';

import { startWireServer } from './server.ts';

test('the wire server of the tests answers the driver', async (t) => {
  const server = await startWireServer();
  const client = new MongoClient(server.uri, { serverSelectionTimeoutMS: 5000 });
  t.after(async () => {
    await client.close();
    await server.close();
  });
  const things = client.db('db').collection<Document>('things');
  const ids = [
    new ObjectId(),
    5,
    'b',
    'a',
    Long.fromString('9007199254740993'),
    true,
    new Date(3),
    new Binary(Buffer.from('ab')),
    { a: 1 },
  ];
  await things.insertMany(ids.map((_id, n) => ({ _id, n })) as Document[]);

  await t.test('sorts by type, then by value', async () => {
    const found = await things.find({}, { sort: { _id: 1 }, batchSize: 2 }).toArray();
    assert.deepEqual(
      found.map(({ n }) => n as unknown),
      [1, 4, 3, 2, 8, 7, 0, 5, 6],
    );
    assert.equal(server.cursors(), 0);
  });

  await t.test('a range finds values of its own type', async () => {
    assert.equal(await things.countDocuments({ _id: { $gt: 'a' } } as Document), 1);
    assert.equal(await things.countDocuments({ _id: { $gt: 4 } } as Document), 2);
    assert.equal(await things.countDocuments({ _id: { $type: ['objectId', 'bool'] } } as Document), 2);
    assert.equal(await things.countDocuments({ _id: { $gte: ids[0] } } as Document), 1);
  });

  await t.test('projects, updates, upserts, deletes and refuses duplicates', async () => {
    await things.updateOne({ _id: 'a' } as Document, { $set: { n: 30 } });
    const upserted = await things.updateOne(
      { _id: 'new' } as Document,
      { $setOnInsert: { n: 99 }, $set: { x: 1 } },
      { upsert: true },
    );
    assert.equal(upserted.upsertedCount, 1);
    assert.deepEqual(await things.findOne({ _id: 'new' } as Document), { _id: 'new', n: 99, x: 1 });
    assert.deepEqual(await things.findOne({ _id: 'a' } as Document, { projection: { _id: 0, n: 1 } }), { n: 30 });
    await assert.rejects(things.insertOne({ _id: 'a' } as Document), { code: 11000 });
    assert.equal((await things.deleteMany({ _id: { $in: ['new', 'b'] } } as Document)).deletedCount, 2);
  });

  await t.test('aggregates, lists indexes and collections, and drops', async () => {
    assert.deepEqual(
      await things.aggregate([{ $match: { n: { $gt: 5 } } }, { $group: { _id: null, n: { $sum: 1 } } }]).toArray(),
      [{ _id: null, n: 4 }],
    );
    await things.createIndex({ n: 1 });
    assert.deepEqual(
      (await things.indexes()).map(({ name }) => name),
      ['_id_', 'n_1'],
    );
    assert.deepEqual(
      (await client.db('db').listCollections().toArray()).map(({ name }) => name),
      ['things'],
    );
    await things.drop();
    assert.equal(await things.estimatedDocumentCount(), 0);
  });

  await t.test('fails as it is told to', async () => {
    await things.insertOne({ _id: 1 } as Document);
    for (const [fault, name] of [
      ['cursor-not-found', 'MongoServerError'],
      ['wrong-length', 'MongoParseError'],
    ] as const) {
      server.clearFaults();
      server.fault(fault, { times: 2 });
      await assert.rejects(things.findOne({}), { name });
    }
    for (const fault of ['close', 'reset', 'cut'] as const) {
      server.clearFaults();
      server.fault(fault, { times: 2 });
      await assert.rejects(things.findOne({}), { name: 'MongoNetworkError' });
    }
    server.fault('not-primary', { times: 1 });
    assert.deepEqual(await things.findOne({}), { _id: 1 });
  });
});
