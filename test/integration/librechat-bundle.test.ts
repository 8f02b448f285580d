import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { MongoClient } from 'mongodb';

import { components } from '../../src/components.ts';
import { readManifest } from '../../src/files/bundle-folders.ts';
import type { BundleManifest } from '../../src/formats/bundle.ts';
import { verifyBundle } from '../../src/jobs/verify-bundle.ts';
import { verifySource } from '../../src/jobs/verify-source.ts';
import type { Conversation } from '../../src/models/conversation.ts';
import { pipeline } from '../../src/pipeline.ts';
import type { RunReport } from '../../src/report.ts';
import { bundleSink, type BundleSinkOptions } from '../../src/sinks/bundle.ts';
import { bundleSource } from '../../src/sources/bundle.ts';
import { librechatSource, type LibrechatSourceOptions } from '../../src/sources/librechat.ts';
import type { Source } from '../../src/stage.ts';
import { treeOf } from '../helpers/bundle.ts';
import { damageCensus } from '../helpers/librechat-data/damage-census.ts';
import { generateLibrechat } from '../helpers/librechat-data/generate-librechat.ts';
import type { Manifest } from '../helpers/librechat-data/manifest.ts';
import type { GeneratedRecord } from '../helpers/librechat-data/types.ts';
import { writeDump } from '../helpers/librechat-data/write-dump.ts';
import { writeMongodb } from '../helpers/librechat-data/write-mongodb.ts';
import { mongodbForTests, type TestMongodb } from '../helpers/mongodb.ts';

const exportedAt = '2026-01-01T00:00:00.000Z';
// Values that only some servers hold are left out, so that this runs on each.
const plain = { seed: 31, conversations: 120, users: 8, damage: true, exotic: false, textScale: 0.3, maxTurns: 12 };

type Given = Omit<LibrechatSourceOptions, 'records'>;

describe('LibreChat to a bundle', () => {
  let directory: string;
  let records: GeneratedRecord[];
  let manifest: Manifest;
  let dump: string;
  let server: TestMongodb | { readonly skip: string };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'etl-librechat-bundle-'));
    const generated = generateLibrechat(plain);
    records = [...generated.records];
    manifest = generated.manifest;
    await writeDump(records, { directory });
    dump = join(directory, 'dump', 'LibreChat');
    server = await mongodbForTests();
    if ('skip' in server) return;
    const client = await MongoClient.connect(server.uri);
    try {
      await writeMongodb(client.db(), records, { indexes: 'none' });
    } finally {
      await client.close();
    }
  });
  after(async () => {
    if ('uri' in server) await server.close();
    await rm(directory, { recursive: true, force: true });
  });

  let bundles = 0;
  async function exported(
    from: Given,
    sink: Partial<BundleSinkOptions> = {},
  ): Promise<{ readonly path: string; readonly report: RunReport; readonly made: BundleManifest }> {
    bundles += 1;
    const path = join(directory, `bundle-${bundles}`);
    const report = await pipeline(librechatSource({ ...from, records: 'documents' }), { name: 'export' })
      .to(bundleSink({ path, exportedAt, assetRoots: [directory], ...sink }))
      .run();
    const made = await readManifest(path);
    assert.ok(made);
    return { path, report, made };
  }

  function liveUri(t: TestContext): string | undefined {
    if ('uri' in server) return server.uri;
    t.skip(server.skip);
    return undefined;
  }

  const everything = { includeTemporary: true };

  test('gives the same bundle from a live database and from its dump, and verifies against both', async (t) => {
    const uri = liveUri(t);
    if (uri === undefined) return;
    const fromDump = await exported({ from: dump, ...everything }, { scope: everything });
    const fromLive = await exported({ uri, ...everything }, { scope: everything });
    assert.deepEqual(await treeOf(fromLive.path), await treeOf(fromDump.path));
    for (const against of [uri, dump]) {
      const source = await verifySource(against, fromLive.made, components);
      const verified = await verifyBundle(fromLive.path, { against: { source, name: 'source' } });
      assert.deepEqual(verified.differences.first, []);
      assert.equal(verified.checked.sourceChats, fromLive.made.counts.conversations);
    }
  });

  test('gives the same for some users and for one conversation', async (t) => {
    const uri = liveUri(t);
    if (uri === undefined) return;
    const owners = Object.entries(manifest.users).sort(([, a], [, b]) => b.conversations - a.conversations);
    const deleted = owners.find(([, { isDeleted }]) => isDeleted)?.[0] ?? '';
    const users = [owners[1]?.[1].email ?? '', owners[2]?.[0] ?? '', deleted];
    const some = await exported({ from: dump, users, ...everything });
    assert.deepEqual(await treeOf((await exported({ uri, users, ...everything })).path), await treeOf(some.path));
    assert.equal(some.made.counts.users, 3);
    const ofThree = [owners[1], owners[2], owners.find(([id]) => id === deleted)];
    const messages = ofThree.reduce((sum, owner) => sum + (owner?.[1].messages ?? 0), 0);
    assert.equal(some.made.counts.messages, messages);

    const [shared] = manifest.damage['same-id-two-users']?.cases ?? [];
    const conversation = shared?.conversationId ?? '';
    const one = await exported({ from: dump, conversation, ...everything });
    assert.equal(one.made.counts.conversations, 2);
    assert.deepEqual(await treeOf((await exported({ uri, conversation, ...everything })).path), await treeOf(one.path));
  });

  test('counts every kind of damage exactly, and nothing twice', async () => {
    const { report, made } = await exported({ from: dump, ...everything });
    const { repairs, conversations, messages, orphans, empty, users } = made.counts;
    const census = damageCensus(collectionsOf(records));
    const planted = (kind: string): number => census[kind] ?? 0;
    assert.equal(messages, manifest.collections['messages']);
    for (const kind of [
      'duplicate-exact',
      'duplicate-conflicting',
      'parent-cycle',
      'self-parent',
      'parent-trailing-underscore',
      'missing-parent',
    ]) {
      assert.ok(planted(kind) > 0, kind);
      assert.equal(repairs[kind], planted(kind), kind);
    }
    assert.equal(repairs['content-holes'], planted('content-null-holes'));
    assert.equal(empty, planted('empty-chat') + emptyWithoutId(records));
    assert.equal(repairs['conversation-missing'], orphans);
    assert.equal(conversations, (manifest.collections['conversations'] ?? 0) + orphans);
    assert.equal(users, Object.keys(manifest.users).length);
    const mended = Object.fromEntries(Object.entries(repairs).map(([kind, times]) => [`mended: ${kind}`, times]));
    for (const [kind, times] of Object.entries(mended)) assert.equal(report.findings[kind], times, kind);
    assert.equal(report.counts.written, conversations + users);
  });

  test('a bundle read again gives the conversations that the LibreChat gives', async () => {
    const { path } = await exported({ from: dump, ...everything });
    const found = await conversationsOf(bundleSource({ path }));
    const expected = await conversationsOf(librechatSource({ from: dump, ...everything }));
    assert.deepEqual([...found.keys()].sort(), [...expected.keys()].sort());
    for (const [key, conversation] of expected) assert.deepEqual(found.get(key), conversation, key);
  });

  test('no planted secret is in a bundle, nor what lies outside the folders of uploads', async () => {
    const { path, made } = await exported({ from: dump, ...everything });
    assert.ok(Object.keys(manifest.secrets.fields).length > 15);
    assert.ok((made.counts.losses['secret'] ?? 0) > 0);
    for (const [name, text] of Object.entries(await treeOf(path, [''])))
      assert.ok(!text.includes(manifest.secrets.mark), `${name} holds a secret`);
  });
});

/** Conversations by key, without what only one of the two can know: where files are. */
async function conversationsOf(source: Source<Conversation>): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>();
  await pipeline(source)
    .to(async (records: AsyncIterable<Conversation>) => {
      for await (const { files, ...rest } of records) {
        const ids = files.map(({ id }) => id).sort();
        found.set(rest.key, JSON.parse(JSON.stringify({ ...rest, ids })));
      }
    })
    .run();
  return found;
}

function collectionsOf(records: readonly GeneratedRecord[]): Parameters<typeof damageCensus>[0] {
  const collections: Record<string, Record<string, unknown>[]> = {};
  for (const record of records) {
    if ('document' in record) (collections[record.collection] ??= []).push(record.document);
  }
  return collections;
}

/** Conversations without an id that no message names by their own list. */
function emptyWithoutId(records: readonly GeneratedRecord[]): number {
  const { conversations = [], messages = [] } = collectionsOf(records);
  const owned = new Set(messages.filter(({ conversationId }) => !conversationId).map(({ _id }) => String(_id)));
  return conversations.filter(
    ({ conversationId, messages: list }) =>
      !conversationId && !(list as readonly unknown[]).some((id) => owned.has(String(id))),
  ).length;
}
