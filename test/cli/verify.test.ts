import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import type { VerifyReport } from '../../src/jobs/verify-report.ts';
import { pipeline } from '../../src/pipeline.ts';
import { bundleSink } from '../../src/sinks/bundle.ts';
import { chatRecord, recordsSource, userRecord } from '../helpers/bundle.ts';
import { etl, folderWith } from './helpers.ts';

const ana = userRecord('a1', 'ana@example.org');

async function write(path: string, texts: readonly string[]): Promise<string> {
  const chats = texts.map((text, place) => chatRecord(ana.user, `c${place}`, [text]));
  await pipeline(recordsSource([ana, ...chats]))
    .to(bundleSink({ path }))
    .run();
  return path;
}

test('etl verify says that a bundle is whole', async (t) => {
  const bundle = await write(join(await folderWith(t), 'bundle'), ['one', 'two']);
  const { code, stdout, stderr } = await etl(['verify', bundle]);
  assert.deepEqual([code, stdout], [0, '']);
  assert.match(stderr, /is whole \(2 chats, 2 messages/);
});

test('etl verify names what differs, and ends with 4', async (t) => {
  const path = await folderWith(t);
  const bundle = await write(join(path, 'bundle'), ['one', 'two']);
  const other = await write(join(path, 'other'), ['one', 'three']);
  const beside = await etl(['verify', bundle, '--against', other]);
  assert.equal(beside.code, 4);
  assert.match(
    beside.stdout,
    /differs: chat c1 of user a1.*\n {2}message "c1-0" text differs: bundle "two", source "three"/,
  );
  assert.match(beside.stderr, /1 differences \(1 differs\)/);

  await writeFile(join(bundle, 'users.jsonl'), '');
  const { code, stdout } = await etl(['verify', bundle, '--json', '--max', '1']);
  assert.equal(code, 4);
  const report = JSON.parse(stdout) as VerifyReport;
  assert.equal(report.ok, false);
  assert.equal(report.differences.first.length, 1);
  assert.ok(report.differences.total > 1);
});

test('etl verify says what it cannot find', async (t) => {
  const path = await folderWith(t);
  assert.deepEqual([(await etl(['verify', join(path, 'none')])).code, (await etl(['verify'])).code], [1, 2]);
  const bundle = await write(join(path, 'bundle'), []);
  const { code, stderr } = await etl(['verify', bundle, '--against', join(path, 'none')]);
  assert.equal(code, 1);
  assert.match(stderr, /ETL_SOURCE_NOT_FOUND/);
});
