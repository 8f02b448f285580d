import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import type { BundleFileEntry } from '../../src/formats/bundle.ts';
import { verifyBundle } from '../../src/jobs/verify-bundle.ts';
import type { Conversation } from '../../src/models/conversation.ts';
import { pipeline } from '../../src/pipeline.ts';
import { bundleSink } from '../../src/sinks/bundle.ts';
import { bundleSource } from '../../src/sources/bundle.ts';
import { librechatSource } from '../../src/sources/librechat.ts';
import { treeOf } from '../helpers/bundle.ts';

const sample = 'samples/librechat';
const exportedAt = '2026-01-01T00:00:00.000Z';

async function exported(
  t: TestContext,
): Promise<{ readonly bundle: string; readonly conversations: readonly Conversation[] }> {
  const path = await mkdtemp(join(tmpdir(), 'etl-sample-bundle-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  const bundle = join(path, 'bundle');
  const conversations: Conversation[] = [];
  await pipeline(librechatSource({ from: join(sample, 'dump') }))
    .through(async function* (records: AsyncIterable<Conversation>) {
      for await (const record of records) {
        conversations.push(record);
        yield record;
      }
    })
    .to(bundleSink({ path: bundle, exportedAt, assetRoots: [sample] }))
    .run();
  return { bundle, conversations };
}

test('the sample becomes a bundle that is whole, gives back every conversation, and holds no secret', async (t) => {
  const { bundle, conversations } = await exported(t);
  const report = await verifyBundle(bundle);
  assert.deepEqual(report.differences.first, []);
  assert.equal(report.checked.chats, conversations.length);

  const found = new Map<string, Conversation>();
  await pipeline(bundleSource({ path: bundle }))
    .to(async (records: AsyncIterable<Conversation>) => {
      for await (const record of records) found.set(record.key, record);
    })
    .run();
  assert.equal(found.size, conversations.length);
  for (const conversation of conversations) {
    const { files, ...rest } = found.get(conversation.key) ?? { files: [] };
    const { files: expected, ...others } = JSON.parse(JSON.stringify(conversation)) as Conversation;
    assert.deepEqual(rest, others);
    assert.deepEqual(
      files.map(({ id }) => id),
      expected.map(({ id }) => id),
    );
  }
  for (const [path, text] of Object.entries(await treeOf(bundle, ['']))) {
    assert.ok(!text.includes('PLANTED'), `${path} holds a secret`);
    assert.ok(!text.includes('outside the roots'), `${path} holds what lies outside the roots`);
  }
});

test('every file of the sample has its bytes in the bundle, or a reason', async (t) => {
  const { bundle } = await exported(t);
  const reasons = new Set<string>();
  let copied = 0;
  for (const user of (await readdir(bundle, { withFileTypes: true })).filter((entry) => entry.isDirectory())) {
    const text = await readFile(join(bundle, user.name, 'files_manifest.jsonl'), 'utf8');
    for (const line of text.split('\n').filter((one) => one !== '')) {
      const entry = JSON.parse(line) as BundleFileEntry;
      assert.equal(entry.copied, entry.errors.length === 0, line);
      if (entry.copied) copied += 1;
      for (const reason of entry.errors) reasons.add(reason);
    }
  }
  assert.ok(copied > 10);
  for (const reason of ['missing', 'refused', 'notAFile', 'providerOnly', 'textOnly', 'indexOnly', 'expired']) {
    assert.ok(reasons.has(reason), `${reason} in ${[...reasons].join()}`);
  }
});

test('the report counts every byte of the bundle, compressed or not', async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'etl-sample-bytes-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  for (const compress of ['none', 'gzip'] as const) {
    for (const layout of ['users', 'single'] as const) {
      const bundle = join(path, `${compress} ${layout}`);
      const options = { path: bundle, compress, layout, exportedAt, assetRoots: [sample], commitEvery: 20_000 };
      const { bytesWritten } = await pipeline(librechatSource({ from: join(sample, 'dump'), records: 'documents' }))
        .to(bundleSink(options))
        .run();
      let bytes = 0;
      for (const entry of await readdir(bundle, { recursive: true, withFileTypes: true }))
        if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
      assert.equal(bytesWritten, bytes, `${compress} ${layout}`);
    }
  }
});

test('the same sample gives the same bundle, wherever it lies', async (t) => {
  const { bundle } = await exported(t);
  const copy = join(bundle, '..', 'moved');
  await cp(sample, copy, { recursive: true });
  const again = join(bundle, '..', 'again');
  await pipeline(librechatSource({ from: join(copy, 'dump') }))
    .to(bundleSink({ path: again, exportedAt, assetRoots: [copy] }))
    .run();
  assert.deepEqual(await treeOf(again), await treeOf(bundle));
});
