import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { BSON, type Document, EJSON } from 'bson';
import { generateLibrechat } from './librechat-data/generate-librechat.ts';
import type { GeneratedDocument, GeneratedRecord } from './librechat-data/types.ts';
import { chainChat, giantChat, siblingsChat } from './librechat-data/worst-cases.ts';
import { writeDump } from './librechat-data/write-dump.ts';
import { writeExport } from './librechat-data/write-export.ts';
import { writeMongodb } from './librechat-data/write-mongodb.ts';

const OPTIONS = { seed: 11, conversations: 50, users: 5, textScale: 0.1, maxTurns: 5, damage: true };
const PART_TYPES = `text think text_delta tool_call image_file image_url video_url input_audio agent_update summary
  activity_label steer error`.split(/\s+/u);

test('a dump holds every document as BSON, every upload, and metadata that lists the indexes', async (t) => {
  const directory = await temporary(t);
  const written = await writeDump(records(), { directory, indexes: 'current' });
  const expected = byCollection(records());
  assert.deepEqual(Object.keys(written), [...expected.keys()].sort());
  for (const [collection, documents] of expected) {
    const bytes = await readFile(join(directory, 'dump/LibreChat', `${collection}.bson`));
    assert.ok(bytes.equals(Buffer.concat(documents.map((document) => BSON.serialize(document)))), collection);
    assert.deepEqual(written[collection], { documents: documents.length, bytes: bytes.length });
  }
  const metadata = EJSON.parse(await readFile(join(directory, 'dump/LibreChat/messages.metadata.json'), 'utf8'));
  const names = metadata.indexes.map(({ name }: { name: string }) => name);
  assert.deepEqual(names.slice(0, 3), ['_id_', 'messageId_1', 'conversationId_1']);
  assert.ok(names.includes('conversationId_1_user_1_createdAt_1__id_1'));
  const files = await readdir(directory, { recursive: true, withFileTypes: true });
  const uploads = files.filter((entry) => entry.isFile() && !entry.parentPath.includes('LibreChat'));
  assert.equal(uploads.length, records().filter((record) => 'path' in record).length);
});

test('a compressed dump unpacks to the plain one', async (t) => {
  const [plain, packed] = [await temporary(t), await temporary(t)];
  const written = await writeDump(records(), { directory: plain });
  assert.deepEqual(await writeDump(records(), { directory: packed, gzip: true }), written);
  for (const collection of Object.keys(written)) {
    for (const name of [`${collection}.bson`, `${collection}.metadata.json`]) {
      const bytes = gunzipSync(await readFile(join(packed, 'dump/LibreChat', `${name}.gz`)));
      assert.ok(bytes.equals(await readFile(join(plain, 'dump/LibreChat', name))), name);
    }
  }
});

test('canonical export lines parse back to the same BSON, but for what looks like Extended JSON', async (t) => {
  const directory = await temporary(t);
  await writeExport(records(), { directory, format: 'canonical' });
  for (const [collection, documents] of byCollection(records())) {
    const lines = await exportLines(directory, collection);
    assert.equal(lines.length, documents.length);
    lines.forEach((line, index) => {
      if (line.includes('find_mcp_mongodb')) return;
      const bytes = BSON.serialize(EJSON.parse(line, { relaxed: false }));
      assert.deepEqual(
        Buffer.from(bytes),
        Buffer.from(BSON.serialize(documents[index] ?? {})),
        `${collection} ${index}`,
      );
    });
  }
});

test('relaxed export lines hold plain numbers and short dates', async (t) => {
  const directory = await temporary(t);
  await writeExport(records(), { directory });
  const lines = await exportLines(directory, 'messages');
  assert.equal(lines.length, byCollection(records()).get('messages')?.length);
  const dated = lines.filter((line) => /"createdAt":\{"\$date":"20\d\d-/u.test(line));
  assert.ok(dated.length > lines.length / 2);
  assert.ok(
    lines.some((line) => /"expiresAt":1\d{12}[,}]/u.test(line)),
    'epoch milliseconds are plain numbers',
  );
  assert.ok(!lines.some((line) => line.includes('$numberInt')));
});

test('loading into a database keeps the order, fills batches and builds no index that deletes', async () => {
  const inserted = new Map<string, Document[]>();
  const indexes: string[] = [];
  const db = {
    collection: (name: string) => ({
      async insertMany(documents: Document[]) {
        assert.ok(documents.length > 0 && documents.length <= 7);
        inserted.set(name, [...(inserted.get(name) ?? []), ...documents]);
      },
      async createIndex(_key: unknown, { name: index }: { name: string }) {
        indexes.push(`${name}.${index}`);
      },
    }),
  };
  const counts = await writeMongodb(db, records(), { batchSize: 7, indexes: 'older' });
  const expected = byCollection(records());
  assert.deepEqual(Object.keys(counts).sort(), [...expected.keys()].sort());
  for (const [collection, documents] of expected) {
    const ids = (list: readonly Document[] = []): string[] => list.map(({ _id }) => String(_id));
    assert.deepEqual(ids(inserted.get(collection)), ids(documents), collection);
  }
  assert.ok(indexes.includes('messages.messageId_1_user_1'));
  assert.ok(!indexes.includes('messages.expiredAt_1'));
});

test('messages of many chats interleave', () => {
  const ids =
    byCollection(records())
      .get('messages')
      ?.map(({ conversationId }) => conversationId) ?? [];
  const changes = ids.filter((id, index) => index > 0 && id !== ids[index - 1]).length;
  assert.ok(changes > new Set(ids).size * 2, `${changes} changes over ${ids.length} messages`);
});

test('every part type LibreChat knows occurs, and one it does not', () => {
  const parts = (byCollection(records()).get('messages') ?? []).flatMap(
    ({ content }) => (content ?? []) as (Document | null)[],
  );
  const types = new Set(parts.map((part) => part?.type));
  for (const type of [...PART_TYPES, 'hologram', undefined]) assert.ok(types.has(type), String(type));
});

test('worst cases have the depth, width and size asked for', () => {
  const chain = byCollection(chainChat({ messages: 20_000 })).get('messages') ?? [];
  assert.equal(chain.length, 20_000);
  assert.ok(
    chain.every(({ parentMessageId }, index) => index === 0 || parentMessageId === chain[index - 1]?.messageId),
  );

  const siblings = byCollection(siblingsChat({ siblings: 5000 })).get('messages') ?? [];
  assert.equal(siblings.filter(({ parentMessageId }) => parentMessageId === siblings[0]?.messageId).length, 5000);

  const [, giant] = byCollection(giantChat()).get('messages') ?? [];
  const bytes = BSON.calculateObjectSize(giant ?? {});
  assert.ok(bytes >= 15_000_000 && bytes <= 16_777_216, `${bytes} bytes`);
});

function records(): GeneratedRecord[] {
  return [...generateLibrechat(OPTIONS).records];
}

function byCollection(from: Iterable<GeneratedRecord>): Map<string, GeneratedDocument['document'][]> {
  const collections = new Map<string, Document[]>();
  for (const record of from) {
    if (!('document' in record)) continue;
    const documents = collections.get(record.collection) ?? [];
    collections.set(record.collection, documents);
    documents.push(record.document);
  }
  return collections;
}

async function exportLines(directory: string, collection: string): Promise<string[]> {
  const text = await readFile(join(directory, 'export', `${collection}.json`), 'utf8');
  assert.ok(text.endsWith('\n'));
  return text.slice(0, -1).split('\n');
}

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'librechat-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
