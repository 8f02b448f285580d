import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';

import { lendMemory } from '../../src/batch.ts';
import { EtlError } from '../../src/errors.ts';
import type { BundleFileEntry, BundleIndexEntry, BundleManifest } from '../../src/formats/bundle.ts';
import type { LibrechatRecord } from '../../src/models/librechat-chat.ts';
import { pipeline } from '../../src/pipeline.ts';
import type { RunReport } from '../../src/report.ts';
import type { RunOptions } from '../../src/run-options.ts';
import { bundleSink, type BundleSinkOptions } from '../../src/sinks/bundle.ts';
import type { Json } from '../../src/json.ts';
import type { Conversation } from '../../src/models/conversation.ts';
import { bundleSource } from '../../src/sources/bundle.ts';
import type { Ledger, Sink, Source } from '../../src/stage.ts';
import { testSink } from '../../src/testing/index.ts';
import { chatRecord, fileRef, recordsSource, treeOf, userRecord } from '../helpers/bundle.ts';
import { conversationOf } from '../helpers/conversation.ts';

const exportedAt = '2026-01-02T03:04:05.678Z';
const ana = userRecord('a1', 'ana@example.org', {
  related: [
    { name: 'tags', lines: [Buffer.from('{"tag":"work"}'), Buffer.from('{"tag":"home"}')] },
    { name: 'shared_links', lines: [] },
  ],
});
const bob = userRecord('b2', 'bob@example.org');
const nobody = userRecord('c3', null);

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'etl-bundle-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Uploads: two files of the same bytes, one of others, and a way out. */
async function uploads(path: string): Promise<string> {
  const root = join(path, 'root');
  await mkdir(join(root, 'uploads'), { recursive: true });
  await writeFile(join(root, 'uploads', 'f1.txt'), 'the same');
  await writeFile(join(root, 'uploads', 'f2.txt'), 'the same');
  await writeFile(join(root, 'uploads', 'f3.txt'), 'another');
  await writeFile(join(path, 'secret.txt'), 'outside');
  await symlink(join(path, 'secret.txt'), join(root, 'uploads', 'link.txt'));
  return root;
}

const someRecords: readonly LibrechatRecord[] = [
  ana,
  chatRecord(ana.user, 'c1', ['hello', 'hi'], [fileRef('f1'), fileRef('f2')]),
  chatRecord(ana.user, 'c2', [], [fileRef('f1')]),
  bob,
  nobody,
  chatRecord(nobody.user, 'c1', ['é 😀'], [fileRef('f3')]),
];

function write(
  records: readonly LibrechatRecord[],
  options: BundleSinkOptions,
  run: RunOptions = {},
): Promise<RunReport> {
  return pipeline(recordsSource(records))
    .to(bundleSink({ exportedAt, ...options }))
    .run(run);
}

const lines = <T>(text: string): T[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
const readJson = async <T>(...path: string[]): Promise<T> => JSON.parse(await readFile(join(...path), 'utf8')) as T;

test('writes a folder for each user, with chats, files and what else is theirs', async (t) => {
  const path = await folder(t);
  const bundle = join(path, 'bundle');
  const report = await write(someRecords, { path: bundle, assetRoots: [await uploads(path)] });
  assert.equal(report.status, 'finished');
  assert.equal(report.counts.written, 6);
  const tree = await treeOf(bundle, ['.jsonl', '.json', '.sha256', '.txt']);
  assert.deepEqual(Object.keys(tree), [
    'MANIFEST.json',
    'ana_example.org/conversations.jsonl',
    'ana_example.org/files/f1/f1.txt',
    'ana_example.org/files_manifest.jsonl',
    'ana_example.org/summary.json',
    'ana_example.org/tags.jsonl',
    'bob_example.org/conversations.jsonl',
    'bob_example.org/files_manifest.jsonl',
    'bob_example.org/summary.json',
    'checksums.sha256',
    'conversations.index.jsonl',
    'user-c3/conversations.jsonl',
    'user-c3/files/f3/f3.txt',
    'user-c3/files_manifest.jsonl',
    'user-c3/summary.json',
    'users.jsonl',
  ]);
  assert.deepEqual(lines(tree['users.jsonl'] ?? ''), [
    { id: 'a1', folder: 'ana_example.org', email: 'ana@example.org', role: 'USER' },
    { id: 'b2', folder: 'bob_example.org', email: 'bob@example.org', role: 'USER' },
    { id: 'c3', folder: 'user-c3', email: null, role: 'USER' },
  ]);
  const [first] = lines<Record<string, unknown>>(tree['ana_example.org/conversations.jsonl'] ?? '');
  assert.equal(Object.keys(first ?? {})[0], 'exported_at');
  assert.equal(first?.['exported_at'], exportedAt);
  assert.equal(first?.['message_count'], 2);
  assert.deepEqual(first?.['file_ids'], ['f1', 'f2']);
  assert.equal(tree['ana_example.org/tags.jsonl'], '{"tag":"work"}\n{"tag":"home"}\n');
  const summary = JSON.parse(tree['ana_example.org/summary.json'] ?? '') as Record<string, unknown>;
  assert.equal(summary['conversation_count'], 2);
  assert.equal(summary['empty_conversations'], 1);
  assert.equal(summary['user_email'], 'ana@example.org');
  const manifest = JSON.parse(tree['MANIFEST.json'] ?? '') as BundleManifest;
  assert.deepEqual(
    { ...manifest.counts },
    {
      users: 3,
      conversations: 3,
      messages: 3,
      branchPoints: 0,
      orphans: 0,
      empty: 1,
      files: 3,
      filesCopied: 3,
      fileBytes: 15,
      missingFiles: 0,
      repairs: {},
      losses: {},
    },
  );
});

test('keeps equal files of a user once, names each file once, and says where each is', async (t) => {
  const path = await folder(t);
  const bundle = join(path, 'bundle');
  await write(someRecords, { path: bundle, assetRoots: [await uploads(path)] });
  const entries = lines<BundleFileEntry>(
    await readFile(join(bundle, 'ana_example.org', 'files_manifest.jsonl'), 'utf8'),
  );
  assert.deepEqual(
    entries.map(({ file_id, copied, copied_rel_path, source_path, errors, bytes }) => ({
      file_id,
      copied,
      copied_rel_path,
      source_path,
      errors,
      bytes,
    })),
    [
      {
        file_id: 'f1',
        copied: true,
        copied_rel_path: 'files/f1/f1.txt',
        source_path: 'uploads/f1.txt',
        errors: [],
        bytes: 8,
      },
      {
        file_id: 'f2',
        copied: true,
        copied_rel_path: 'files/f1/f1.txt',
        source_path: 'uploads/f2.txt',
        errors: [],
        bytes: 8,
      },
    ],
  );
  assert.deepEqual(entries[0]?.metadata, { file_id: 'f1', filename: 'f1.txt' });
  assert.equal(entries[0]?.sha256, entries[1]?.sha256);
});

test('says why a file has no bytes, and never looks outside the roots', async (t) => {
  const path = await folder(t);
  const bundle = join(path, 'bundle');
  const root = await uploads(path);
  await mkdir(join(root, 'uploads', 'folder.txt'));
  await writeFile(join(root, 'uploads', 'locked.txt'), 'x');
  await chmod(join(root, 'uploads', 'locked.txt'), 0o000);
  const cases: readonly (readonly [string, string[], string | undefined, string | null])[] = [
    ['gone', ['uploads/gone.txt'], undefined, 'missing'],
    ['link', ['uploads/link.txt'], undefined, 'refused'],
    ['up', ['../secret.txt'], undefined, 'refused'],
    ['inside-up', ['uploads/../../secret.txt'], undefined, 'refused'],
    ['absolute', [join(path, 'secret.txt')], undefined, 'refused'],
    ['nul', ['uploads/f1.txt\0'], undefined, 'refused'],
    ['folder', ['uploads/folder.txt'], undefined, 'notAFile'],
    ['provider', [], 'providerOnly', 'providerOnly'],
    ['second', ['uploads/gone.txt', 'uploads/f3.txt'], undefined, null],
    ['locked', ['uploads/locked.txt'], undefined, 'unreadable'],
    ['after', ['uploads/f1.txt'], undefined, null],
  ];
  const files = cases.map(([id, paths, unavailable]) => fileRef(id, { paths, unavailable }));
  await unprivileged(path, () =>
    write([ana, chatRecord(ana.user, 'c1', ['x'], files)], { path: bundle, assetRoots: [root] }),
  );
  const entries = lines<BundleFileEntry>(
    await readFile(join(bundle, 'ana_example.org', 'files_manifest.jsonl'), 'utf8'),
  );
  assert.deepEqual(
    entries.map(({ file_id, errors }) => [file_id, ...errors]),
    cases.map(([id, , , reason]) => (reason === null ? [id] : [id, reason])),
  );
  assert.ok(!JSON.stringify(await treeOf(bundle, ['.txt'])).includes('outside'));
});

/** Does something in a folder as a user who may not read everything, as root may. */
async function unprivileged<T>(folderOfTheirs: string, act: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return act();
  const nobody = 65_534;
  await chown(folderOfTheirs, nobody, nobody);
  process.seteuid?.(nobody);
  try {
    return await act();
  } finally {
    process.seteuid?.(0);
  }
}

test('a file that cannot be read to its end is told, and the others are copied', async (t) => {
  if (process.platform !== 'linux') return t.skip('needs a file that opens and cannot be read: /proc/self/mem');
  const path = await folder(t);
  const bundle = join(path, 'bundle');
  const files = [fileRef('broken', { paths: ['mem'] }), fileRef('f1')];
  const assetRoots = ['/proc/self', await uploads(path)];
  await write([ana, chatRecord(ana.user, 'c1', ['x'], files)], { path: bundle, assetRoots });
  const entries = lines<BundleFileEntry>(
    await readFile(join(bundle, 'ana_example.org', 'files_manifest.jsonl'), 'utf8'),
  );
  assert.deepEqual(
    entries.map(({ file_id, copied, errors }) => [file_id, copied, ...errors]),
    [
      ['broken', false, 'unreadable'],
      ['f1', true],
    ],
  );
  assert.deepEqual(Object.keys(await treeOf(join(bundle, 'ana_example.org', 'files'))), ['f1/f1.txt']);
});

test('copies under names that every file system takes, and tells equal ids apart', async (t) => {
  const path = await folder(t);
  const root = await uploads(path);
  const bundle = join(path, 'bundle');
  const files = [
    fileRef('../../evil', { name: '../..\\x\0.txt', paths: ['uploads/f1.txt'] }),
    fileRef('twice', { key: 'doc-1', name: 'résumé 📎.txt', paths: ['uploads/f3.txt'] }),
    fileRef('twice', { key: 'doc-2', paths: ['uploads/f4.txt'] }),
    fileRef('0.part', { paths: ['uploads/f5.txt'] }),
  ];
  await writeFile(join(root, 'uploads', 'f4.txt'), 'four');
  await writeFile(join(root, 'uploads', 'f5.txt'), 'five');
  await write([ana, chatRecord(ana.user, 'c1', ['x'], files)], { path: bundle, assetRoots: [root] });
  const names = Object.keys(await treeOf(join(bundle, 'ana_example.org', 'files')));
  assert.equal(names.length, 4);
  assert.ok(names.includes('_._.._evil/_.._x_.txt') || names.includes('__.._evil/__.._x_.txt'), names.join());
  assert.ok(names.includes('twice/résumé 📎.txt'));
  assert.equal(names.filter((name) => /^twice-[0-9a-f]{8}\/twice\.txt$/.test(name)).length, 1);
  assert.equal(names.filter((name) => /^0\.part-[0-9a-f]{8}\/0\.part\.txt$/.test(name)).length, 1);
});

test('only hashes files when they are not to be copied', async (t) => {
  const path = await folder(t);
  const bundle = join(path, 'bundle');
  await write(someRecords, { path: bundle, assetRoots: [await uploads(path)], copyFiles: false });
  const entries = lines<BundleFileEntry>(
    await readFile(join(bundle, 'ana_example.org', 'files_manifest.jsonl'), 'utf8'),
  );
  assert.deepEqual(
    entries.map(({ copied, copied_rel_path, bytes, sha256 }) => [copied, copied_rel_path, bytes, sha256?.length]),
    [
      [false, null, 8, 64],
      [false, null, 8, 64],
    ],
  );
  await assert.rejects(stat(join(bundle, 'ana_example.org', 'files')));
});

test('users whose e-mails make the same name have folders of their own', async (t) => {
  const bundle = join(await folder(t), 'bundle');
  const users = ['ana+maria@example.org', 'ana!maria@example.org', 'Ana Maria@example.org'].map((email, place) =>
    userRecord(`u${place}`, email),
  );
  await write(
    users.flatMap((user) => [user, chatRecord(user.user, 'c', [user.user.id])]),
    { path: bundle },
  );
  const folders = lines<{ folder: string }>(await readFile(join(bundle, 'users.jsonl'), 'utf8')).map(
    (user) => user.folder,
  );
  assert.equal(folders[0], 'ana_maria_example.org');
  assert.equal(new Set(folders).size, 3);
  for (const [place, name] of folders.entries()) {
    assert.ok((await readFile(join(bundle, name, 'conversations.jsonl'), 'utf8')).includes(`"text":"u${place}"`));
  }
});

test('one folder for all takes users in any order', async (t) => {
  const path = await folder(t);
  const bundle = join(path, 'bundle');
  const mixed = [
    ana,
    chatRecord(ana.user, 'c1', ['1'], [fileRef('f1')]),
    bob,
    chatRecord(bob.user, 'c2', ['2'], [fileRef('f2')]),
    chatRecord(ana.user, 'c3', ['3']),
  ];
  await write(mixed, { path: bundle, layout: 'single', assetRoots: [await uploads(path)] });
  assert.deepEqual(Object.keys(await treeOf(bundle)), [
    'MANIFEST.json',
    'checksums.sha256',
    'conversations.index.jsonl',
    'conversations.jsonl',
    'files/f1/f1.txt',
    'files_manifest.jsonl',
    'summary.json',
    'tags.jsonl',
    'users.jsonl',
  ]);
  assert.equal(lines(await readFile(join(bundle, 'conversations.jsonl'), 'utf8')).length, 3);
  assert.equal((await readJson<BundleManifest>(bundle, 'MANIFEST.json')).counts.users, 2);
  const error = await write(mixed, { path: join(path, 'users') }).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof EtlError && error.code === 'ETL_SOURCE_INVALID' && error.hint.includes('layout: single'));
});

test('the index says where each line is, and the checksums hold', async (t) => {
  const path = await folder(t);
  const root = await uploads(path);
  for (const compress of ['none', 'gzip'] as const) {
    const bundle = join(path, compress);
    await write(someRecords, { path: bundle, assetRoots: [root], compress });
    for (const { folder: name, offset, bytes, digest } of lines<BundleIndexEntry>(
      await readFile(join(bundle, 'conversations.index.jsonl'), 'utf8'),
    )) {
      const raw = await readFile(
        join(bundle, name ?? '', compress === 'gzip' ? 'conversations.jsonl.gz' : 'conversations.jsonl'),
      );
      const text = (compress === 'gzip' ? gunzipSync(raw) : raw).subarray(offset, offset + bytes).toString();
      assert.equal((JSON.parse(text) as { threadmill: { digest: string } }).threadmill.digest, digest);
    }
    const { stdout } = await promisify(execFile)('sha256sum', ['--strict', '-c', 'checksums.sha256'], { cwd: bundle });
    const checked = stdout
      .trim()
      .split('\n')
      .map((line) => line.replace(/: OK$/, ''));
    const all = Object.keys(await treeOf(bundle)).filter(
      (name) => name !== 'checksums.sha256' && name !== 'MANIFEST.json',
    );
    assert.deepEqual(checked.sort(), all.sort());
  }
});

test('compressed or not, the lines are the same', async (t) => {
  const path = await folder(t);
  await write(someRecords, { path: join(path, 'plain') });
  await write(someRecords, { path: join(path, 'small'), compress: 'gzip' });
  for (const name of ['conversations.jsonl', 'files_manifest.jsonl', 'tags.jsonl']) {
    const plain = await readFile(join(path, 'plain', 'ana_example.org', name));
    assert.deepEqual(gunzipSync(await readFile(join(path, 'small', 'ana_example.org', `${name}.gz`))), plain);
  }
});

test('a bundle of nothing is whole, too', async (t) => {
  const bundle = join(await folder(t), 'bundle');
  assert.equal((await write([], { path: bundle })).status, 'finished');
  assert.deepEqual(await readdir(bundle), [
    'MANIFEST.json',
    'checksums.sha256',
    'conversations.index.jsonl',
    'users.jsonl',
  ]);
});

test('a bundle that was removed or emptied is made again', async (t) => {
  const bundle = join(await folder(t), 'bundle');
  const exportedAt = '2026-01-01T00:00:00Z';
  await write(someRecords, { path: bundle, exportedAt });
  const before = await treeOf(bundle);
  for (const isEmptied of [false, true]) {
    await rm(bundle, { recursive: true });
    if (isEmptied) await mkdir(bundle);
    assert.equal((await write(someRecords, { path: bundle, exportedAt })).status, 'finished');
    assert.deepEqual(await treeOf(bundle), before);
  }
});

test('a second run of the same has nothing to do', async (t) => {
  const bundle = join(await folder(t), 'bundle');
  await write(someRecords, { path: bundle });
  const before = await treeOf(bundle);
  assert.equal((await write(someRecords, { path: bundle })).status, 'unchanged');
  assert.deepEqual(await treeOf(bundle), before);
});

test('refuses a folder that is not empty, and replaces only a bundle', async (t) => {
  const path = await folder(t);
  const bundle = join(path, 'bundle');
  await mkdir(bundle);
  await writeFile(join(bundle, 'diary.txt'), 'mine');
  for (const ifExists of ['error', 'replace'] as const) {
    await assert.rejects(write(someRecords, { path: bundle, ifExists }), { code: 'ETL_SINK_EXISTS' });
    await rm(`${bundle}.etl`, { recursive: true });
  }
  assert.deepEqual(await readdir(bundle), ['diary.txt']);
  await rm(bundle, { recursive: true });
  await write([ana], { path: bundle });
  await rm(`${bundle}.etl`, { recursive: true });
  await assert.rejects(write(someRecords, { path: bundle }), { code: 'ETL_SINK_EXISTS' });
  await rm(`${bundle}.etl`, { recursive: true });
  await write(someRecords, { path: bundle, ifExists: 'replace' });
  assert.deepEqual((await readdir(path)).sort(), ['bundle', 'bundle.etl']);
  const fresh = join(path, 'fresh');
  await write(someRecords, { path: fresh });
  assert.deepEqual(await treeOf(bundle), await treeOf(fresh));
});

test('says where nothing can be written', async (t) => {
  const path = await folder(t);
  await writeFile(join(path, 'file'), '');
  await assert.rejects(write(someRecords, { path: join(path, 'file', 'bundle') }), {
    code: 'ETL_SINK_FAILED',
    where: { file: join(path, 'file', 'bundle.etl'), offset: undefined },
  });
});

test('keeps the old bundle until the new one is complete', async (t) => {
  const path = await folder(t);
  const bundle = join(path, 'bundle');
  await write([ana], { path: bundle });
  await rm(`${bundle}.etl`, { recursive: true });
  const before = await treeOf(bundle);
  const failing = pipeline(failingSource(4)).to(bundleSink({ path: bundle, exportedAt, ifExists: 'replace' }));
  await assert.rejects(failing.run(), { code: 'ETL_SOURCE_FAILED' });
  assert.deepEqual(await treeOf(bundle), before);
});

/** Gives records and then fails, as often as it is read. */
function failingSource(after: number): ReturnType<typeof recordsSource> {
  const source = recordsSource(someRecords, 1);
  return {
    ...source,
    async *read(ctx) {
      for await (const batch of source.read(ctx)) {
        if (typeof batch.cursor === 'number' && batch.cursor > after) throw new Error('the server went away');
        yield batch;
      }
    },
  };
}

test('a run that fails anywhere and is repeated leaves the same bytes as an unbroken one', async (t) => {
  const path = await folder(t);
  const root = await uploads(path);
  const variants: readonly Partial<BundleSinkOptions>[] = [
    {},
    { compress: 'gzip' },
    { layout: 'single' },
    { ifExists: 'replace' },
  ];
  for (const [number, variant] of variants.entries()) {
    const options = { assetRoots: [root], commitEvery: 2000, ...variant };
    const whole = join(path, `whole-${number}`);
    await pipeline(recordsSource(someRecords, 1))
      .to(bundleSink({ exportedAt, ...options, path: whole }))
      .run();
    for (let after = 0; after < someRecords.length; after++) {
      const bundle = join(path, `broken-${number}-${after}`);
      const sink = bundleSink({ exportedAt, ...options, path: bundle });
      await assert.rejects(pipeline(failingSource(after)).to(sink).run(), { code: 'ETL_SOURCE_FAILED' });
      // What a killed process may have left behind its last commit.
      const target = variant.ifExists === 'replace' ? join(`${bundle}.etl`, 'new') : bundle;
      if (after > 0) {
        await mkdir(join(target, 'left-behind'), { recursive: true });
        await writeFile(join(target, 'MANIFEST.json.part'), 'x');
      }
      const again = pipeline({ ...failingSource(100) }).to(sink);
      assert.equal((await again.run()).status, 'finished');
      assert.deepEqual(await treeOf(bundle), await treeOf(whole), `${JSON.stringify(variant)} after ${after}`);
    }
  }
});

test('a run killed between its last file and its last note is finished by the next', async (t) => {
  const path = await folder(t);
  for (const ifExists of ['error', 'replace'] as const) {
    const bundle = join(path, ifExists);
    const sink = bundleSink({ path: bundle, exportedAt, ifExists });
    let isFirst = true;
    const forgetful: typeof sink = {
      ...sink,
      ledger(run) {
        const ledger = sink.ledger?.(run) as Ledger;
        return {
          ...ledger,
          async save(progress) {
            if (progress.status === 'finished' && isFirst) {
              isFirst = false;
              throw new Error('killed');
            }
            await ledger.save(progress);
          },
        };
      },
    };
    await assert.rejects(pipeline(recordsSource(someRecords)).to(forgetful).run(), /killed/);
    const complete = await treeOf(bundle);
    assert.ok('MANIFEST.json' in complete);
    assert.equal((await pipeline(recordsSource(someRecords)).to(forgetful).run()).status, 'finished');
    assert.deepEqual(await treeOf(bundle), complete);
  }
});

test('the time of the export is that of the first attempt', async (t) => {
  const bundle = join(await folder(t), 'bundle');
  const sink: Sink<LibrechatRecord> = bundleSink({ path: bundle, commitEvery: 1 });
  await assert.rejects(pipeline(failingSource(3)).to(sink).run());
  const first = lines<{ exported_at: string }>(
    await readFile(join(bundle, 'ana_example.org', 'conversations.jsonl'), 'utf8'),
  )[0]?.exported_at;
  await pipeline(failingSource(100)).to(sink).run();
  assert.equal((await readJson<BundleManifest>(bundle, 'MANIFEST.json')).exported_at, first);
});

test('refuses to go on when a committed file is shorter than it was', async (t) => {
  const bundle = join(await folder(t), 'bundle');
  const sink = bundleSink({ path: bundle, commitEvery: 1 });
  await assert.rejects(pipeline(failingSource(3)).to(sink).run());
  await writeFile(join(bundle, 'conversations.index.jsonl'), '');
  await assert.rejects(pipeline(failingSource(100)).to(sink).run(), { code: 'ETL_SINK_CHANGED' });
});

test('a limited run writes a sample that the full run starts over', async (t) => {
  const path = await folder(t);
  const bundle = join(path, 'bundle');
  assert.equal((await write(someRecords, { path: bundle }, { limit: 2 })).status, 'sampled');
  assert.equal((await readJson<BundleManifest>(bundle, 'MANIFEST.json')).counts.conversations, 1);
  assert.equal((await write(someRecords, { path: bundle })).status, 'finished');
  await write(someRecords, { path: join(path, 'whole') });
  assert.deepEqual(await treeOf(bundle), await treeOf(join(path, 'whole')));
});

test('rejects what is no conversation and goes on', async (t) => {
  const path = await folder(t);
  const records = [ana, { hello: 'world' }, chatRecord(ana.user, 'c1', ['x'])] as readonly LibrechatRecord[];
  const onReject = { to: join(path, 'rejects.jsonl') };
  const report = await pipeline(recordsSource(records), { onReject })
    .to(bundleSink({ path: join(path, 'bundle') }))
    .run();
  assert.deepEqual([report.counts.written, report.counts.rejected], [2, 1]);
  assert.equal(report.rejects.reasons[0]?.code, 'ETL_RECORD_INVALID');
});

test('since an earlier bundle: only what changed, and what is gone', async (t) => {
  const path = await folder(t);
  const before = [
    ana,
    ...['c1', 'c2', 'c4', 'c5'].map((id) => chatRecord(ana.user, id, [`old ${id}`])),
    bob,
    chatRecord(bob.user, 'c1', ['b']),
  ];
  await write(before, { path: join(path, 'before') });
  const after = [
    ana,
    chatRecord(ana.user, 'c1', ['old c1']),
    chatRecord(ana.user, 'c3', ['new c3']),
    chatRecord(ana.user, 'c4', ['changed c4']),
    bob,
    nobody,
    chatRecord(nobody.user, 'c9', ['new']),
  ];
  const source = recordsSource(after, 1);
  const delta = join(path, 'delta');
  const options = { since: join(path, 'before'), exportedAt, commitEvery: 1 };
  const report = await pipeline(source)
    .to(bundleSink({ ...options, path: delta }))
    .run();
  assert.deepEqual([report.counts.written, report.counts.skipped], [6, 1]);
  const removed = lines(await readFile(join(delta, 'removed.jsonl'), 'utf8'));
  assert.deepEqual(removed, [
    { user: 'a1', key: 'c2', conversation_id: 'c2' },
    { user: 'a1', key: 'c5', conversation_id: 'c5' },
    { user: 'b2', key: 'c1', conversation_id: 'c1' },
  ]);
  const index = lines<BundleIndexEntry>(await readFile(join(delta, 'conversations.index.jsonl'), 'utf8'));
  assert.deepEqual(
    index.map(({ key, folder: name }) => [key, name]),
    [
      ['c1', null],
      ['c3', 'ana_example.org'],
      ['c4', 'ana_example.org'],
      ['c9', 'user-c3'],
    ],
  );
  const manifest = await readJson<BundleManifest>(delta, 'MANIFEST.json');
  assert.equal(manifest.kind, 'delta');
  assert.equal(
    manifest.since?.index_sha256,
    (await readJson<BundleManifest>(path, 'before', 'MANIFEST.json')).files['conversations.index.jsonl']?.sha256,
  );

  for (let broken = 0; broken < after.length; broken++) {
    const again = join(path, `delta-${broken}`);
    const failing = { ...source, read: failAfter(source, broken) };
    const sink = bundleSink({ ...options, path: again });
    await assert.rejects(pipeline(failing).to(sink).run());
    await pipeline(source).to(sink).run();
    assert.deepEqual(await treeOf(again), await treeOf(delta), `broken after ${broken}`);
  }
  // A bundle of changes serves as well as a full one for the next.
  const next = await pipeline(source)
    .to(bundleSink({ ...options, since: delta, path: join(path, 'next') }))
    .run();
  assert.deepEqual([next.counts.written, next.counts.skipped], [3, 4]);
});

function failAfter(source: ReturnType<typeof recordsSource>, after: number): ReturnType<typeof recordsSource>['read'] {
  return async function* (ctx) {
    for await (const batch of source.read(ctx)) {
      if (typeof batch.cursor === 'number' && batch.cursor > after) throw new Error('the server went away');
      yield batch;
    }
  };
}

test('a bundle of changes needs an earlier whole one, and chats in order', async (t) => {
  const path = await folder(t);
  await assert.rejects(write(someRecords, { path: join(path, 'x'), since: join(path, 'none') }), {
    code: 'ETL_SOURCE_NOT_FOUND',
  });
  await write(someRecords, { path: join(path, 'before') });
  const unordered = [ana, chatRecord(ana.user, 'c2', []), chatRecord(ana.user, 'c1', [])];
  await assert.rejects(write(unordered, { path: join(path, 'y'), since: join(path, 'before') }), {
    code: 'ETL_SOURCE_INVALID',
  });
});

/** A conversation of three users in turn, eleven each. */
function conversation(index: number): Conversation {
  const id = `c${String(index).padStart(3, '0')}`;
  const message = {
    id: 'm1',
    parentId: null,
    role: 'user',
    createdAt: null,
    parts: [{ type: 'text', text: `${index} 😀` }],
  } as const;
  const user = Math.floor(index / 11);
  const owner = { id: `u${user}`, email: `user${user}@example.org` };
  return conversationOf([message], { id, key: `test:${id}`, owner, title: `No. ${index}` });
}

async function readBundle(path: string): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  await pipeline(bundleSource({ path }))
    .to(async (records: AsyncIterable<Conversation>) => {
      for await (const record of records) found.push(record);
    })
    .run();
  return found;
}

for (const [name, variant] of Object.entries({
  users: {},
  gzip: { compress: 'gzip' },
  single: { layout: 'single' },
} as const)) {
  testSink(
    (directory, { ifExists }) => {
      const mode = ifExists === 'replace' ? 'replace' : 'error';
      return bundleSink({
        path: join(directory, 'bundle'),
        exportedAt,
        commitEvery: 30,
        ...variant,
        ifExists: mode,
      }) as Sink<unknown>;
    },
    {
      name: `bundle, ${name}`,
      read: (directory) => readBundle(join(directory, 'bundle')),
      content: (directory) => treeOf(join(directory, 'bundle')),
      async committed(directory, state: Json) {
        // What the sink left with the commit: so many bytes of the index are safe.
        const { lengths } = state as { readonly lengths: Readonly<Record<string, number>> };
        const length = lengths['conversations.index.jsonl'];
        if (length === undefined) return 0;
        const replacing = join(directory, 'bundle.etl', 'new', 'conversations.index.jsonl');
        const index = await readFile(replacing).catch(() =>
          readFile(join(directory, 'bundle', 'conversations.index.jsonl')),
        );
        return index.subarray(0, length).toString().split('\n').length - 1;
      },
      record: conversation,
      unwritable: [{ hello: 'world' }, null, 7],
      ifExists: ['error', 'replace'],
    },
  );
}

test('says which folders of uploads are not there', async (t) => {
  const path = await folder(t);
  const root = await uploads(path);
  const roots = [root, join(path, 'mistyped'), join(path, 'secret.txt')];
  const { warnings } = await pipeline(recordsSource(someRecords))
    .to(bundleSink({ path: join(path, 'bundle'), assetRoots: roots }))
    .run();
  assert.deepEqual(
    warnings.map(({ message }) => message),
    roots.slice(1).map((one) => `${one} is no folder: no uploads are found there`),
  );
});

test('memory of lines goes back when they are written, and not before', async (t) => {
  const path = await folder(t);
  const sizes = [10, 70_000, 300_000, 40, 1_100_000, 65_000];
  const records = Array.from({ length: 40 }, (_, place) => {
    const { user } = place < 25 ? ana : bob;
    return chatRecord(user, `c${place}`, [String(place % 10).repeat(sizes[place % sizes.length] ?? 0)]);
  });
  let taken = 0;
  const source: Source<LibrechatRecord> = {
    role: 'source',
    name: 'overwriting',
    async *read() {
      for (let at = 0; at < records.length; at += 4) {
        const own = records.slice(at, at + 4).map((record) => {
          return record.type === 'chat' ? { ...record, line: record.line.map((piece) => Buffer.from(piece)) } : record;
        });
        yield lendMemory<LibrechatRecord>({ records: own, cursor: at, bytes: 1_000_000 }, () => {
          taken += 1;
          for (const { line } of own) for (const piece of line) piece.fill(0x21);
        });
      }
    },
  };
  for (const compress of ['none', 'gzip'] as const) {
    taken = 0;
    const options = { exportedAt, compress, commitEvery: 3_000_000 };
    await pipeline(source)
      .to(bundleSink({ ...options, path: join(path, `lent-${compress}`) }))
      .run();
    assert.equal(taken, records.length / 4);
    await pipeline(recordsSource(records, 4, 250_000))
      .to(bundleSink({ ...options, path: join(path, `own-${compress}`) }))
      .run();
    assert.deepEqual(await treeOf(join(path, `lent-${compress}`)), await treeOf(join(path, `own-${compress}`)));
  }
});
