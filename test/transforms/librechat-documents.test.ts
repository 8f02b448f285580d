import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import type { Conversation } from '../../src/models/conversation.ts';
import { pipeline } from '../../src/pipeline.ts';
import { bsonDumpSink } from '../../src/sinks/bson-dump.ts';
import { discardSink } from '../../src/sinks/discard.ts';
import { librechatSource } from '../../src/sources/librechat.ts';
import { dedupe } from '../../src/transforms/dedupe.ts';
import { librechatDocuments } from '../../src/transforms/librechat-documents.ts';

const collections = ['users', 'files', 'messages', 'conversations'] as const;

async function conversationsOf(from: string): Promise<Map<string, Conversation>> {
  const found = new Map<string, Conversation>();
  await pipeline(librechatSource({ from, includeTemporary: true }))
    .to(async (records: AsyncIterable<Conversation>) => {
      for await (const record of records) found.set(record.key, record);
    })
    .run();
  return found;
}

test('the sample, made into a dump again, gives the same conversations', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'etl-librechat-documents-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const from = 'samples/librechat/dump';
  const dump = join(directory, 'LibreChat');
  for (const collection of collections) {
    const report = await pipeline(librechatSource({ from, includeTemporary: true }), { name: collection })
      .through(librechatDocuments({ collection }))
      .through(dedupe({ key: '_id' }))
      .to(bsonDumpSink({ path: dump, collection }))
      .run();
    assert.equal(report.counts.rejected, 0);
    assert.ok(report.counts.written > 3, collection);
  }
  const [before, after] = [await conversationsOf(from), await conversationsOf(dump)];
  assert.equal(after.size, before.size);
  let mended = 0;
  for (const [key, conversation] of before) {
    const again = after.get(key);
    // One that has no id LibreChat takes gets one.
    if (again === undefined) {
      assert.match(conversation.id, /^([0-9a-f]{24}|without-conversation)$/);
      continue;
    }
    assert.deepEqual(
      again.messages.map(({ id, parentId, role, parts, createdAt }) => ({ id, parentId, role, parts, createdAt })),
      conversation.messages.map(({ id, parentId, role, parts, createdAt }) => ({
        id,
        parentId,
        role,
        parts,
        createdAt,
      })),
    );
    assert.equal(again.tree.activeLeaf, conversation.tree.activeLeaf);
    assert.deepEqual(again.settings, conversation.settings);
    if (conversation.tree.repairs.length > again.tree.repairs.length) mended += 1;
  }
  assert.ok(mended > 5, `${mended} trees are mended for good`);
});

test('what is no conversation is rejected, and one without documents of the kind is counted', async () => {
  const records: unknown[] = [];
  const empty = [...(await conversationsOf('samples/librechat/dump')).values()].find(({ files }) => files.length === 0);
  assert.ok(empty !== undefined);
  const report = await pipeline([empty])
    .through(librechatDocuments({ collection: 'files' }))
    .to(async (stream: AsyncIterable<unknown>) => {
      for await (const record of stream) records.push(record);
    })
    .run();
  assert.deepEqual([records, report.counts.filtered], [[], 1]);
  await assert.rejects(
    pipeline([{ id: 'x' } as unknown as Conversation])
      .through(librechatDocuments({ collection: 'users' }))
      .to(discardSink())
      .run(),
    { code: 'ETL_RECORD_REJECTED' },
  );
});
