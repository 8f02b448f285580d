import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import type { VerifyReport } from '../../src/jobs/verify-report.ts';
import { pipeline } from '../../src/pipeline.ts';
import { bundleSink } from '../../src/sinks/bundle.ts';
import { chatRecord, recordsSource, userRecord } from '../helpers/bundle.ts';
import { startStub, stubThread, stubThreads } from '../helpers/langgraph/stub.ts';
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
  assert.match(beside.stderr, /1 difference \(1 differs\)/);

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

/** A bundle of threads as the command writes it. */
async function threadBundle(t: TestContext, ...more: readonly string[]): Promise<string> {
  const stub = await startStub({ threads: stubThreads(4) });
  t.after(() => stub.close());
  const path = join(await folderWith(t), 'threads');
  const argv = ['langgraph', 'export', '--source-url', stub.url, '--path', path, '--no-progress', ...more];
  const { code, stderr } = await etl(argv);
  assert.equal(code, 0, stderr);
  return path;
}

test('etl verify says that a bundle of threads is whole, compressed or not', async (t) => {
  for (const more of [[], ['--compress']]) {
    const { code, stdout, stderr } = await etl(['verify', await threadBundle(t, ...more)]);
    assert.deepEqual([code, stdout], [0, '']);
    assert.match(stderr, /is whole \(4 threads, 12 checkpoints, 2 files/);
  }
});

const threadsIn = (path: string) => join(path, 'threads.jsonl');

/** What may happen to a bundle of threads, what `etl verify` says of it, and what an import says, if it can. */
const damages: readonly {
  readonly name: string;
  readonly damage: (path: string) => Promise<unknown>;
  readonly says: readonly RegExp[];
  readonly refused: RegExp;
}[] = [
  {
    name: 'a text that was changed',
    damage: async (path) =>
      writeFile(threadsIn(path), (await readFile(threadsIn(path), 'utf8')).replace('"0 xxx', '"0 yyy')),
    says: [
      /^file: threads\.jsonl: SHA-256/m,
      new RegExp(`^thread: thread ${stubThread(0).row.thread_id}: .*digest`, 'm'),
    ],
    refused: /not as it was made: threads\.jsonl: SHA-256/,
  },
  {
    name: 'a thread that was taken out',
    damage: async (path) =>
      writeFile(threadsIn(path), (await readFile(threadsIn(path), 'utf8')).split('\n').slice(1).join('\n')),
    says: [
      /^file: threads\.jsonl: SHA-256/m,
      new RegExp(`^missing: thread ${stubThread(0).row.thread_id}: `, 'm'),
      /^count: MANIFEST\.json: threads: expected 4, found 3/m,
      /^count: MANIFEST\.json: checkpoints: expected 12, found 9/m,
    ],
    refused: /not as it was made/,
  },
  {
    name: 'a manifest that is missing',
    damage: (path) => rm(join(path, 'MANIFEST.json')),
    says: [/^manifest: MANIFEST\.json: .*was not completed/m],
    refused: /was not completed: it has no MANIFEST\.json/,
  },
  {
    name: 'an index that was changed',
    damage: async (path) => {
      const index = join(path, 'index.jsonl');
      await writeFile(index, (await readFile(index, 'utf8')).replace('"checkpoints":3', '"checkpoints":4'));
    },
    says: [/^file: index\.jsonl: SHA-256/m, /^index: thread .*: checkpoints: expected 4, found 3/m],
    refused: /index\.jsonl: SHA-256/,
  },
  {
    name: 'a file that nobody knows',
    damage: (path) => writeFile(join(path, 'notes.txt'), 'x'),
    says: [/^unlisted: notes\.txt/m],
    refused: /no target is named/,
  },
  {
    name: 'a line that is broken',
    damage: async (path) =>
      writeFile(threadsIn(path), (await readFile(threadsIn(path), 'utf8')).replace('{"schema"', '["schema"')),
    says: [/^file: threads\.jsonl: ETL_RECORD_INVALID/m],
    refused: /threads\.jsonl: SHA-256/,
  },
];

test('etl verify names what is wrong with a bundle of threads, and no import takes it', async (t) => {
  for (const { name, damage, says, refused } of damages) {
    await t.test(name, async (t) => {
      const path = await threadBundle(t);
      await damage(path);
      const found = await etl(['verify', path]);
      assert.equal(found.code, 4, found.stderr);
      for (const pattern of says) assert.match(found.stdout, pattern);
      // Nothing listens there: what is refused is refused before the target is looked for.
      const target = refused.source.includes('target') ? [] : ['--target-url', 'http://127.0.0.1:9'];
      const imported = await etl(['langgraph', 'import', '--backup-file', path, ...target]);
      assert.notEqual(imported.code, 0);
      assert.match(imported.stderr, refused);
    });
  }
});

test('--against is refused for threads, with the command that compares them', async (t) => {
  const path = await threadBundle(t);
  const { code, stderr } = await etl(['verify', path, '--against', path]);
  assert.equal(code, 2);
  assert.match(stderr, /langgraph validate --backup-file/);
});
