import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { verifyBundle } from '../../src/jobs/verify-bundle.ts';
import { pipeline } from '../../src/pipeline.ts';
import type { RunReport } from '../../src/report.ts';
import { bundleSink, type BundleSinkOptions } from '../../src/sinks/bundle.ts';
import { librechatSource, type LibrechatSourceOptions } from '../../src/sources/librechat.ts';
import { treeOf } from '../helpers/bundle.ts';

const sample = 'samples/librechat/dump/LibreChat';
const cutAt = 100_001;
const exportedAt = '2026-01-01T00:00:00.000Z';

describe('a dump that is cut short', () => {
  let directory: string;
  let dump: string;
  let number = 0;

  const exported = (
    path: string,
    more: Omit<LibrechatSourceOptions, 'records'> = {},
    sink: Partial<BundleSinkOptions> = {},
  ): Promise<RunReport> =>
    pipeline(librechatSource({ from: dump, ...more, records: 'documents' }), { name: 'cut' })
      .to(bundleSink({ path, exportedAt, ...sink }))
      .run();

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'etl-cut-short-'));
  });
  beforeEach(async () => {
    dump = join(directory, `dump ${(number += 1)}`);
    await cp(sample, dump, { recursive: true });
    await truncate(join(dump, 'messages.bson'), cutAt);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  test('is an error with file and place, once all that is readable is written', async () => {
    const path = join(directory, 'bundle 1');
    await assert.rejects(exported(path), (error: { code?: string; where?: { file?: string; offset?: number } }) => {
      assert.equal(error.code, 'ETL_SOURCE_TRUNCATED');
      assert.equal(error.where?.file, join(dump, 'messages.bson'));
      assert.ok((error.where.offset ?? cutAt) < cutAt);
      return true;
    });
    const text = await readFile(join(path, 'user000_example.org', 'conversations.jsonl'), 'utf8');
    assert.ok(text.trimEnd().split('\n').length > 3);
    assert.equal((await verifyBundle(path)).ok, false);
  });

  for (const compress of ['none', 'gzip'] as const) {
    test(`may be taken for what it is (${compress}): the same run then goes on to a whole bundle`, async () => {
      const path = join(directory, `accepted ${compress}`);
      await assert.rejects(exported(path, {}, { compress }), { code: 'ETL_SOURCE_TRUNCATED' });
      await assert.rejects(exported(path, {}, { compress }), { code: 'ETL_SOURCE_TRUNCATED' });
      const report = await exported(path, { acceptTruncated: true }, { compress });
      assert.equal(report.findings['cut short: messages'], 1);
      assert.match(report.warnings[0]?.message ?? '', /messages after .*messages\.bson, byte \d+ are missing/);
      assert.deepEqual((await verifyBundle(path)).differences.first, []);
      const atOnce = join(directory, `at once ${compress}`);
      await exported(atOnce, { acceptTruncated: true }, { compress });
      assert.deepEqual(await treeOf(path), await treeOf(atOnce));
    });
  }

  test('cannot be mended under a run that has given chats of it', async () => {
    const path = join(directory, 'mended');
    await assert.rejects(exported(path), { code: 'ETL_SOURCE_TRUNCATED' });
    await cp(join(sample, 'messages.bson'), join(dump, 'messages.bson'));
    await assert.rejects(exported(path), { code: 'ETL_SOURCE_CHANGED', message: /may lack messages/ });
  });

  test('is an error when only the first conversations are wanted, and when the file is compressed', async () => {
    const path = join(directory, 'first');
    const first = { maxConversations: 3 };
    await assert.rejects(exported(path, first), { code: 'ETL_SOURCE_TRUNCATED' });
    await assert.rejects(exported(path, first), { code: 'ETL_SOURCE_TRUNCATED' });
    const packed = gzipSync(await readFile(join(sample, 'messages.bson')));
    await rm(join(dump, 'messages.bson'));
    await writeFile(join(dump, 'messages.bson.gz'), packed.subarray(0, packed.length - 2000));
    const report = await exported(join(directory, 'packed'), { acceptTruncated: true });
    assert.equal(report.findings['cut short: messages'], 1);
    assert.ok(report.counts.written > 50);
  });
});
