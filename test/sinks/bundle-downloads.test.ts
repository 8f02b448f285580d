import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import type { BundleFileEntry } from '../../src/formats/bundle.ts';
import { verifyBundle } from '../../src/jobs/verify-bundle.ts';
import type { Conversation } from '../../src/models/conversation.ts';
import type { LibrechatFileRef, LibrechatRecord } from '../../src/models/librechat-chat.ts';
import { pipeline } from '../../src/pipeline.ts';
import { bundleSink, type BundleSinkOptions } from '../../src/sinks/bundle.ts';
import { librechatSource } from '../../src/sources/librechat.ts';
import { chatRecord, fileRef, recordsSource, treeOf, userRecord } from '../helpers/bundle.ts';

const signature = 'X-Amz-Date=20200101T000000Z&X-Amz-Expires=60&X-Amz-Signature=PLANTED';
const content = 'what lies in a bucket\n';

describe('files that are in a store with links', () => {
  let directory: string;
  let origin: string;
  let asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const isOld = request.url?.includes('/old') === true;
    response.writeHead(isOld ? 403 : 200).end(isOld ? '<Message>Request has expired</Message>' : content);
  });
  const download = (): NonNullable<BundleSinkOptions['download']> => ({ hosts: ['127.0.0.1'], privateAddresses: true });

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'etl-bundle-downloads-'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true, force: true });
  });

  const inBucket = (id: string, more: Partial<LibrechatFileRef> = {}): LibrechatFileRef =>
    fileRef(id, {
      storage: 's3',
      paths: [`uploads/u1/${id}`],
      link: () => `${origin}/uploads/u1/${id}?${signature}`,
      ...more,
    });

  /** The entries of the manifest of files, for one chat that names these. */
  async function exported(
    name: string,
    files: readonly LibrechatFileRef[],
    options: Partial<BundleSinkOptions>,
  ): Promise<{ readonly path: string; readonly entries: readonly BundleFileEntry[] }> {
    const path = join(directory, name);
    const user = userRecord('u1', 'ana@example.org');
    asked = [];
    await pipeline(recordsSource([user, chatRecord(user.user, 'c1', ['hello'], files)]))
      .to(bundleSink({ ...options, path }))
      .run();
    const text = await readFile(join(path, 'ana_example.org', 'files_manifest.jsonl'), 'utf8');
    assert.deepEqual((await verifyBundle(path)).differences.first, []);
    for (const [file, all] of Object.entries(await treeOf(path, ['']))) assert.ok(!all.includes('PLANTED'), file);
    return {
      path,
      entries: text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as BundleFileEntry),
    };
  }

  test('are fetched when that is asked for, hashed, and kept once', async () => {
    const { path, entries } = await exported('fetched', [inBucket('f1'), inBucket('f2')], { download: download() });
    for (const entry of entries) {
      assert.deepEqual(entry.errors, []);
      assert.equal(entry.sha256, hash('sha256', content));
      assert.equal(entry.bytes, content.length);
      assert.equal(entry.source_path, `${origin}/uploads/u1/${entry.file_id}`);
      assert.equal(entry.copied_rel_path, 'files/f1/f1.txt');
    }
    assert.equal(await readFile(join(path, 'ana_example.org', 'files', 'f1', 'f1.txt'), 'utf8'), content);
    assert.equal(asked.length, 2);
  });

  test('are not fetched unless that is asked for', async () => {
    const { entries } = await exported('off', [inBucket('f1')], {});
    assert.deepEqual(entries[0]?.errors, ['notLookedFor']);
    assert.deepEqual(asked, []);
  });

  test('are hashed and not kept when files are not copied', async () => {
    const { entries } = await exported('hashed', [inBucket('f1')], { download: download(), copyFiles: false });
    assert.equal(entries[0]?.sha256, hash('sha256', content));
    assert.equal(entries[0].copied, false);
  });

  test('are taken from a folder of uploads where they lie there', async () => {
    const root = join(directory, 'mounted');
    await mkdir(join(root, 'uploads', 'u1'), { recursive: true });
    await writeFile(join(root, 'uploads', 'u1', 'f1'), 'mounted');
    const { entries } = await exported('mounted bundle', [inBucket('f1')], {
      download: download(),
      assetRoots: [root],
    });
    assert.equal(entries[0]?.source_path, 'uploads/u1/f1');
    assert.deepEqual(asked, []);
  });

  test('have a reason where they cannot be had', async () => {
    const files = [
      inBucket('old'),
      inBucket('elsewhere', { link: () => 'https://bucket.example.com/x' }),
      inBucket('gone', { unavailable: 'refused' }),
    ];
    const { entries } = await exported('reasons', files, { download: download() });
    const reasons = entries.map(({ errors }) => errors);
    assert.deepEqual(reasons, [['linkExpired'], ['hostNotAllowed'], ['refused']]);
    const inside = await exported('inside', [inBucket('f1')], { download: { hosts: 'all' } });
    assert.deepEqual(inside.entries[0]?.errors, ['privateAddress']);
    const large = await exported('large', [inBucket('f1')], { download: { ...download(), maxBytes: 5 } });
    assert.deepEqual(large.entries[0]?.errors, ['tooLarge']);
  });

  test('are found by what a LibreChat’s documents say, with the link’s signature', async () => {
    const owner = { $oid: '65f0c0ffee0000000000000a' };
    const documents = {
      users: [{ _id: owner, email: 'ana@example.org' }],
      conversations: [{ conversationId: 'c1', user: owner.$oid, title: 'A', files: ['f1'] }],
      messages: [{ messageId: 'm1', conversationId: 'c1', user: owner.$oid, isCreatedByUser: true, text: 'see' }],
      files: [
        {
          _id: { $oid: '65f0c0ffee0000000000000b' },
          user: owner,
          file_id: 'f1',
          filename: 'plan.txt',
          source: 's3',
          filepath: `${origin}/uploads/u1/f1?${signature}`,
        },
      ],
    };
    const from = join(directory, 'export');
    await mkdir(from);
    for (const [name, all] of Object.entries(documents))
      await writeFile(join(from, `${name}.json`), all.map((document) => `${JSON.stringify(document)}\n`).join(''));
    for (const records of ['documents', 'conversations'] as const) {
      const path = join(directory, records);
      asked = [];
      const source = records === 'documents' ? librechatSource({ from, records }) : librechatSource({ from, records });
      await pipeline<LibrechatRecord | Conversation>(source)
        .to(bundleSink({ path, download: download() }))
        .run();
      // A conversation carries links without their signatures.
      assert.deepEqual(asked, [`/uploads/u1/f1${records === 'documents' ? `?${signature}` : ''}`]);
      const tree = await treeOf(path, ['']);
      assert.equal(tree['ana_example.org/files/f1/plan.txt'], content);
      for (const [file, all] of Object.entries(tree)) assert.ok(!all.includes('PLANTED'), file);
    }
  });
});
