import assert from 'node:assert/strict';
import { appendFile, cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { readManifest } from '../../src/files/bundle-folders.ts';
import { verifyBundle } from '../../src/jobs/verify-bundle.ts';
import type { DifferenceKind, VerifyReport } from '../../src/jobs/verify-report.ts';
import { verifySource } from '../../src/jobs/verify-source.ts';
import type { LibrechatRecord } from '../../src/models/librechat-chat.ts';
import { pipeline } from '../../src/pipeline.ts';
import { bundleSink, type BundleSinkOptions } from '../../src/sinks/bundle.ts';
import { chatRecord, fileRef, recordsSource, userRecord } from '../helpers/bundle.ts';

const ana = userRecord('a1', 'ana@example.org');
const bob = userRecord('b2', 'bob@example.org');
const records: readonly LibrechatRecord[] = [
  ana,
  chatRecord(ana.user, 'c1', ['one', 'two', 'three'], [fileRef('f1')]),
  chatRecord(ana.user, 'c2', ['four']),
  bob,
  chatRecord(bob.user, 'c1', []),
  chatRecord(bob.user, 'c3', ['five']),
];

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'etl-verify-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function bundleOf(
  path: string,
  name: string,
  of: readonly LibrechatRecord[] = records,
  options: Partial<BundleSinkOptions> = {},
): Promise<string> {
  await writeFile(join(path, 'f1.txt'), 'the file');
  const files = of.map((record) =>
    record.type === 'chat'
      ? { ...record, files: record.files.map((file) => ({ ...file, paths: ['f1.txt'] })) }
      : record,
  );
  const sink = bundleSink({
    path: join(path, name),
    assetRoots: [path],
    exportedAt: '2026-01-01T00:00:00.000Z',
    ...options,
  });
  await pipeline(recordsSource(files)).to(sink).run();
  return join(path, name);
}

const found = ({ differences }: VerifyReport): string[] =>
  differences.first.map(({ kind, where, detail }) => `${kind} ${where}: ${detail}`);

test('a bundle as it was written is whole', async (t) => {
  const path = await folder(t);
  for (const options of [{}, { compress: 'gzip' }, { layout: 'single' }, { copyFiles: false }] as const) {
    const bundle = await bundleOf(path, JSON.stringify(options), records, options);
    const report = await verifyBundle(bundle);
    assert.deepEqual(found(report), []);
    assert.equal(report.ok, true);
    assert.deepEqual([report.checked.chats, report.checked.messages], [4, 5]);
  }
  assert.equal((await verifyBundle(await bundleOf(path, 'empty', []))).ok, true);
});

test('whatever is done to a bundle is found, and named', async (t) => {
  const path = await folder(t);
  const bundle = await bundleOf(path, 'bundle');
  const conversations = 'ana_example.org/conversations.jsonl';
  const edit = async (file: string, change: (text: string) => string): Promise<void> => {
    await writeFile(file, change(await readFile(file, 'utf8')));
  };
  const cases: readonly {
    name: string;
    damage: (copy: string) => Promise<void>;
    kinds: readonly DifferenceKind[];
    says: RegExp;
  }[] = [
    {
      name: 'one letter of a message',
      damage: (copy) => edit(join(copy, conversations), (text) => text.replace('"two"', '"tow"')),
      kinds: ['file', 'chat', 'index'],
      says: /chat c1 of user a1/,
    },
    {
      name: 'a line dropped',
      damage: (copy) => edit(join(copy, conversations), (text) => text.slice(0, text.indexOf('\n') + 1)),
      kinds: ['file', 'index', 'count'],
      says: /chat c2 of user a1: is in the index, and .* has no line of it/,
    },
    {
      name: 'a line twice',
      damage: (copy) => edit(join(copy, conversations), (text) => text + text.slice(text.indexOf('\n') + 1)),
      kinds: ['file', 'index'],
      says: /1 more lines/,
    },
    {
      name: 'a line cut',
      damage: (copy) => truncate(join(copy, conversations), 200),
      kinds: ['file', 'index', 'count'],
      says: /conversations\.jsonl/,
    },
    {
      name: 'an upload changed',
      damage: (copy) => writeFile(join(copy, 'ana_example.org/files/f1/f1.txt'), 'the fyle'),
      kinds: ['file'],
      says: /files\/f1\/f1\.txt/,
    },
    {
      name: 'an upload gone',
      damage: (copy) => rm(join(copy, 'ana_example.org/files/f1/f1.txt')),
      kinds: ['file'],
      says: /f1\.txt: is missing/,
    },
    {
      name: 'a file too many',
      damage: (copy) => writeFile(join(copy, 'bob_example.org/diary.txt'), 'x'),
      kinds: ['unlisted'],
      says: /diary\.txt/,
    },
    {
      name: 'a folder gone',
      damage: (copy) => rm(join(copy, 'bob_example.org'), { recursive: true }),
      kinds: ['file', 'index', 'count'],
      says: /bob_example/,
    },
    {
      name: 'the summary changed',
      damage: (copy) => edit(join(copy, 'bob_example.org/summary.json'), (text) => text.replace('2', '3')),
      kinds: ['file'],
      says: /summary\.json/,
    },
    ...['null', '5', '{}', '{"repairs":3,"losses":null}', '{'].map((text) => ({
      name: `the summary is ${text}`,
      damage: (copy: string) => writeFile(join(copy, 'bob_example.org/summary.json'), text),
      kinds: ['file'] as const,
      says: /summary\.json/,
    })),
    {
      name: 'the index gone',
      damage: (copy) => rm(join(copy, 'conversations.index.jsonl')),
      kinds: ['file', 'count'],
      says: /conversations\.index\.jsonl/,
    },
    {
      name: 'the checksums gone',
      damage: (copy) => rm(join(copy, 'checksums.sha256')),
      kinds: ['file', 'unlisted'],
      says: /checksums\.sha256: is missing/,
    },
    {
      name: 'the users changed',
      damage: (copy) => edit(join(copy, 'users.jsonl'), (text) => text.slice(0, text.indexOf('\n') + 1)),
      kinds: ['file', 'count'],
      says: /users/,
    },
    {
      name: 'the manifest of files changed',
      damage: (copy) =>
        edit(join(copy, 'ana_example.org/files_manifest.jsonl'), (text) => text.replace('files/f1', 'files/f2')),
      kinds: ['file'],
      says: /says of file f1/,
    },
    {
      name: 'another count in the manifest',
      damage: (copy) => edit(join(copy, 'MANIFEST.json'), (text) => text.replace('"messages": 5', '"messages": 6')),
      kinds: ['count'],
      says: /messages: expected 6, found 5/,
    },
    ...['branchPoints', 'orphans', 'empty', 'fileBytes', 'missingFiles'].map((count) => ({
      name: `another ${count} in the manifest`,
      damage: (copy: string) =>
        edit(join(copy, 'MANIFEST.json'), (text) => text.replace(new RegExp(`("${count}": )`), '$19')),
      kinds: ['count'] as const,
      says: new RegExp(`MANIFEST.json: ${count}: expected 9`),
    })),
    ...['repairs', 'losses'].map((counts) => ({
      name: `other ${counts} in the manifest`,
      damage: (copy: string) =>
        edit(join(copy, 'MANIFEST.json'), (text) =>
          text.replace(`"${counts}": {`, `"${counts}": { "invented": 3,`).replace('3,}', '3}'),
        ),
      kinds: ['count'] as const,
      says: new RegExp(`${counts}, invented: expected 3, found 0`),
    })),
    {
      name: 'another time in the manifest',
      damage: (copy) => edit(join(copy, 'MANIFEST.json'), (text) => text.replace(/("exported_at": "2)\d/, '$19')),
      kinds: ['manifest'],
      says: /exported_at, beside ana_example.org: expected "29/,
    },
    {
      name: 'another layout in the manifest',
      damage: (copy) => edit(join(copy, 'MANIFEST.json'), (text) => text.replace('"users",', '"single",')),
      kinds: ['manifest'],
      says: /layout: expected "single", found "users"/,
    },
    {
      name: 'another kind in the manifest',
      damage: (copy) => edit(join(copy, 'MANIFEST.json'), (text) => text.replace('"full"', '"delta"')),
      kinds: ['manifest'],
      says: /kind: expected "delta", found "full"/,
    },
    {
      name: 'a file that the manifest does not name',
      damage: async (copy) => {
        const manifest = JSON.parse(await readFile(join(copy, 'MANIFEST.json'), 'utf8')) as { files: object };
        const { 'users.jsonl': _, ...files } = manifest.files as Record<string, unknown>;
        await writeFile(join(copy, 'MANIFEST.json'), JSON.stringify({ ...manifest, files }));
      },
      kinds: ['manifest'],
      says: /does not name users\.jsonl/,
    },
    {
      name: 'the manifest gone',
      damage: (copy) => rm(join(copy, 'MANIFEST.json')),
      kinds: ['manifest'],
      says: /not completed/,
    },
    {
      name: 'the manifest broken',
      damage: (copy) => truncate(join(copy, 'MANIFEST.json'), 30),
      kinds: ['manifest'],
      says: /not JSON/,
    },
    {
      name: 'a checksum that is none',
      damage: (copy) => appendFile(join(copy, 'checksums.sha256'), 'x\n'),
      kinds: ['file'],
      says: /no checksum/,
    },
  ];
  for (const [number, { name, damage, kinds, says }] of cases.entries()) {
    await t.test(name, async () => {
      const copy = join(path, `copy-${number}`);
      await cp(bundle, copy, { recursive: true });
      await damage(copy);
      const report = await verifyBundle(copy);
      assert.equal(report.ok, false);
      assert.match(found(report).join('\n'), says);
      for (const kind of kinds)
        assert.ok((report.differences.byKind[kind] ?? 0) > 0, `${kind} in ${found(report).join('\n')}`);
    });
  }
});

test('a chat that is dropped, or one too many, is named alone, and not those after it', async (t) => {
  const path = await folder(t);
  const bundle = await bundleOf(path, 'bundle', [
    ana,
    ...Array.from({ length: 9 }, (_, i) => chatRecord(ana.user, `c${i}`, ['one', `${i}`.repeat(i + 1)])),
  ]);
  const file = join(bundle, 'ana_example.org/conversations.jsonl');
  const index = join(bundle, 'conversations.index.jsonl');
  const whole = [await readFile(file, 'utf8'), await readFile(index, 'utf8')] as const;
  const found = async (): Promise<string[]> =>
    (await verifyBundle(bundle)).differences.first
      .filter(({ kind }) => kind === 'index')
      .map(({ where, detail }) => `${where}: ${detail}`);
  const without = (text: string, ...places: readonly number[]): string =>
    text
      .split('\n')
      .filter((_, i) => !places.includes(i))
      .join('\n');
  const lines = 'ana_example.org/conversations.jsonl';
  await writeFile(file, without(whole[0], 0, 3, 4));
  assert.deepEqual(
    await found(),
    [0, 3, 4].map((i) => `chat c${i} of user a1: is in the index, and ${lines} has no line of it`),
  );
  await writeFile(file, whole[0]);
  await writeFile(index, without(whole[1], 2, 8));
  assert.deepEqual(await found(), [
    `${lines}: has a line that the index has not, of chat c2 of user a1`,
    `${lines}: has 1 more lines than the index`,
  ]);
});

test('counts every difference and describes as many as are asked for', async (t) => {
  const bundle = await bundleOf(await folder(t), 'bundle');
  await rm(join(bundle, 'ana_example.org'), { recursive: true });
  const all = await verifyBundle(bundle);
  const few = await verifyBundle(bundle, { maxDifferences: 2 });
  assert.equal(few.differences.first.length, 2);
  assert.equal(few.differences.total, all.differences.total);
  assert.ok(all.differences.total > 4);
});

test('what is no folder is an error', async (t) => {
  await assert.rejects(verifyBundle(join(await folder(t), 'none')), { code: 'ETL_SOURCE_NOT_FOUND' });
});

test('beside its source: equal, or with exactly what differs', async (t) => {
  const path = await folder(t);
  const bundle = await bundleOf(path, 'bundle');
  const compare = (source: readonly LibrechatRecord[]): Promise<VerifyReport> =>
    verifyBundle(bundle, { against: { source: recordsSource(source), name: 'source' } });
  assert.deepEqual(found(await compare(records)), []);
  assert.equal((await compare(records)).checked.sourceChats, 4);

  const changed = [
    ana,
    chatRecord(ana.user, 'c0', ['new']),
    chatRecord(ana.user, 'c1', ['one', 'TWO', 'three', 'four']),
    bob,
    chatRecord(bob.user, 'c1', []),
    chatRecord(bob.user, 'c2', ['new']),
    chatRecord(bob.user, 'c3', ['five']),
    chatRecord(bob.user, 'c4', ['new']),
  ];
  const report = await compare(changed);
  assert.deepEqual(report.differences.byKind, { missing: 3, differs: 1, unexpected: 1 });
  assert.deepEqual(
    report.differences.first.map(({ kind, where }) => [kind, where]),
    [
      ['missing', 'chat c0 of user a1'],
      ['differs', 'chat c1 of user a1'],
      ['unexpected', 'chat c2 of user a1'],
      ['missing', 'chat c2 of user b2'],
      ['missing', 'chat c4 of user b2'],
    ],
  );
  assert.deepEqual(report.differences.first[1]?.fields, [
    { what: 'message', id: '"c1-1"', field: 'text', how: 'differs', here: '"two"', there: '"TWO"' },
    { what: 'message', id: '"c1-3"', how: 'missing' },
  ]);
});

test('of a chat with many differences the first are named, and the others counted', async (t) => {
  const path = await folder(t);
  const bundle = await bundleOf(path, 'bundle');
  const texts = Array.from({ length: 80 }, (_, i) => `more ${i}`);
  const longer = [
    ...records.filter((record) => record !== records.at(-1)),
    chatRecord(bob.user, 'c3', ['five', ...texts]),
  ];
  const report = await verifyBundle(bundle, { against: { source: recordsSource(longer), name: 'source' } });
  const [first] = report.differences.first;
  assert.deepEqual([first?.fields?.length, first?.moreFields], [50, 30]);
});

test('beside another bundle', async (t) => {
  const path = await folder(t);
  const bundle = await bundleOf(path, 'bundle');
  const other = await bundleOf(path, 'other', [...records.slice(0, 5), chatRecord(bob.user, 'c3', ['six'])], {
    compress: 'gzip',
  });
  const against = { source: await verifySource(other, await readManifest(bundle), []), name: other };
  const report = await verifyBundle(bundle, { against });
  assert.deepEqual(report.differences.byKind, { differs: 1 });
  await assert.rejects(verifySource(join(path, 'none'), undefined, []), { code: 'ETL_SOURCE_NOT_FOUND' });
});

test('sources in another order are refused', async (t) => {
  const bundle = await bundleOf(await folder(t), 'bundle');
  const source = recordsSource([ana, chatRecord(ana.user, 'c2', []), chatRecord(ana.user, 'c1', [])]);
  await assert.rejects(verifyBundle(bundle, { against: { source, name: 'source' } }), (error: Error) =>
    /does not give chats by owner/.test(error.message),
  );
});

test('a source that fails does not pass for one that ends', async (t) => {
  const bundle = await bundleOf(await folder(t), 'bundle');
  const source = recordsSource(records, 2);
  const failing: typeof source = {
    ...source,
    async *read(ctx) {
      for await (const batch of source.read(ctx)) {
        yield batch;
        throw new Error('the server went away');
      }
    },
  };
  await assert.rejects(verifyBundle(bundle, { against: { source: failing, name: 'source' } }), {
    code: 'ETL_SOURCE_FAILED',
  });
});
