import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { EtlError } from '../../src/errors.ts';
import { conversationSchema } from '../../src/models/conversation-schema.ts';
import { pipeline } from '../../src/pipeline.ts';
import { hashFiles, type HashFilesOptions } from '../../src/transforms/hash-files.ts';
import { conversationOf } from '../helpers/conversation.ts';
import { arraySource, Store, storeSink } from '../helpers/memory.ts';
import { run, runBroken } from './run.ts';

const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');

/** A folder with two roots, `uploads` and `images`, and a secret beside them. */
async function withRoots(use: (directory: string, roots: string[]) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'etl-test-'));
  try {
    for (const folder of ['uploads/u1', 'images/u1']) await mkdir(join(directory, folder), { recursive: true });
    await writeFile(join(directory, 'uploads/u1/a.txt'), 'a');
    await writeFile(join(directory, 'uploads/u1/same.txt'), 'a');
    await writeFile(join(directory, 'images/u1/b.png'), 'bb');
    await writeFile(join(directory, 'secret'), 'secret');
    await symlink('../../secret', join(directory, 'uploads/u1/out'));
    await use(directory, [join(directory, 'uploads'), join(directory, 'images')]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const a = (path: string) => ({ sha256: sha256('a'), bytes: 1, path });
const b = (path: string) => ({ sha256: sha256('bb'), bytes: 2, path });

test('adds what it finds, wherever the files are named', async (t) => {
  await withRoots(async (directory, roots) => {
    const cases: readonly { name: string; options?: Partial<HashFilesOptions>; record: unknown; expected: unknown }[] =
      [
        {
          name: 'a list of objects',
          record: { files: [{ path: 'u1/a.txt', id: 1 }, { id: 2 }] },
          expected: { files: [{ path: 'u1/a.txt', id: 1, stored: a('u1/a.txt') }, { id: 2 }] },
        },
        {
          name: 'one object',
          record: { files: { path: 'u1/b.png' } },
          expected: { files: { path: 'u1/b.png', stored: b('u1/b.png') } },
        },
        {
          name: 'a path by itself',
          record: { files: 'u1/a.txt' },
          expected: { files: { path: 'u1/a.txt', stored: a('u1/a.txt') } },
        },
        {
          name: 'a list of paths',
          record: { files: ['u1/a.txt', 'none'] },
          expected: {
            files: [
              { path: 'u1/a.txt', stored: a('u1/a.txt') },
              { path: 'none', stored: { unavailable: 'missing' } },
            ],
          },
        },
        {
          name: 'several paths to try',
          record: { files: { path: ['none', 'u1/a.txt'] } },
          expected: { files: { path: ['none', 'u1/a.txt'], stored: a('u1/a.txt') } },
        },
        {
          name: 'another field, through lists',
          options: { field: 'm.files', pathFrom: 'at.filepath', into: 'found' },
          record: { m: [{ files: [{ at: { filepath: 'u1/a.txt' } }] }, {}] },
          expected: { m: [{ files: [{ at: { filepath: 'u1/a.txt' }, found: a('u1/a.txt') }] }, {}] },
        },
        {
          name: 'one element',
          options: { field: 'm[1]' },
          record: { m: ['u1/b.png', 'u1/a.txt'] },
          expected: { m: ['u1/b.png', { path: 'u1/a.txt', stored: a('u1/a.txt') }] },
        },
        {
          name: 'a leading slash and the name of the root',
          record: { files: ['/images/u1/b.png'] },
          expected: { files: [{ path: '/images/u1/b.png', stored: b('u1/b.png') }] },
        },
        {
          name: 'a query behind',
          record: { files: ['/images/u1/b.png?manual=true'] },
          expected: { files: [{ path: '/images/u1/b.png?manual=true', stored: b('u1/b.png') }] },
        },
        {
          name: 'backslashes',
          record: { files: ['uploads\\u1\\a.txt'] },
          expected: { files: [{ path: 'uploads\\u1\\a.txt', stored: a('u1/a.txt') }] },
        },
        {
          name: 'an absolute path in a root',
          record: { files: [join(directory, 'uploads/u1/a.txt')] },
          expected: { files: [{ path: join(directory, 'uploads/u1/a.txt'), stored: a('u1/a.txt') }] },
        },
        {
          name: 'an absolute path outside',
          record: { files: [join(directory, 'secret')] },
          expected: { files: [{ path: join(directory, 'secret'), stored: { unavailable: 'missing' } }] },
        },
        {
          name: 'paths that lead out',
          record: { files: ['../secret', 'u1/out', 'uploads/../../secret', '..\\secret'] },
          expected: {
            files: ['../secret', 'u1/out', 'uploads/../../secret', '..\\secret'].map((path) => ({
              path,
              stored: { unavailable: 'refused' },
            })),
          },
        },
        {
          name: 'a folder',
          record: { files: ['u1'] },
          expected: { files: [{ path: 'u1', stored: { unavailable: 'notAFile' } }] },
        },
        { name: 'no files at all', record: { id: 1 }, expected: { id: 1 } },
        {
          name: 'odd values',
          record: { files: [null, 5, true, { path: 7 }, { path: [] }, [['u1/a.txt']]] },
          expected: {
            files: [null, 5, true, { path: 7 }, { path: [] }, [[{ path: 'u1/a.txt', stored: a('u1/a.txt') }]]],
          },
        },
        { name: 'no object', record: 'text', expected: 'text' },
      ];
    for (const { name, options, record, expected } of cases) {
      await t.test(name, async () => {
        const { records } = await run([record], [hashFiles({ roots, ...options })]);
        assert.deepEqual(records, [expected]);
      });
    }
  });
});

test('tells of a file that may not be read, and of a root that is not there', async (t) => {
  await withRoots(async (directory, roots) => {
    const path = join(directory, 'uploads/u1/locked');
    await writeFile(path, 'x');
    await chmod(path, 0);
    const isRoot = await readFile(path).then(
      () => true,
      () => false,
    );
    const missing = join(directory, 'nowhere');
    const report = await pipeline(arraySource<unknown>([{ files: ['u1/locked'] }]), { name: 'p' })
      .through(hashFiles({ roots: [...roots, missing] }))
      .to(storeSink(new Store<unknown>()))
      .run();
    const warnings = report.warnings.map(({ message }) => message);
    assert.ok(warnings.includes(`the folder ${missing} does not exist: files in it count as missing`));
    if (isRoot) return t.diagnostic('the administrator may read everything: that part was not tested');
    assert.ok(warnings.includes('some files may not be read: permission denied'));
  });
});

test('completes the files of a conversation, in its own form', async () => {
  await withRoots(async (_, roots) => {
    const files = [
      { id: '1', bytes: 99, paths: ['none', 'u1/a.txt'], name: 'a' },
      { id: '2', paths: ['u1/none'] },
      { id: '3', paths: ['../secret'] },
      { id: '4', unavailable: 'providerOnly' },
      { id: '5', paths: ['u1/b.png'], unavailable: 'missing' },
    ];
    const { records } = await run([{ ...conversationOf([]), files }], [hashFiles({ roots })]);
    const [found] = records as [{ files: unknown }];
    assert.deepEqual(found.files, [
      { id: '1', bytes: 1, paths: ['u1/a.txt'], name: 'a', sha256: sha256('a') },
      { id: '2', paths: ['u1/none'], unavailable: 'missing' },
      { id: '3', paths: ['../secret'], unavailable: 'refused' },
      { id: '4', unavailable: 'providerOnly' },
      { id: '5', bytes: 2, paths: ['u1/b.png'], sha256: sha256('bb') },
    ]);
    conversationSchema.parse(found);
  });
});

test('copies each file once, under its digest, over interruptions', async () => {
  await withRoots(async (directory, roots) => {
    await writeFile(join(directory, 'uploads/u1/large'), Buffer.alloc(1_500_000, 'x'));
    const names = ['u1/a.txt', 'u1/same.txt', 'u1/b.png', 'none', 'u1/large', 'u1/a.txt'];
    const records = names.map((path) => ({ files: [path] }));
    for (const copyAs of ['sha256', 'name'] as const) {
      const copyTo = join(directory, copyAs);
      const result = await runBroken(
        records,
        () => [hashFiles({ roots, copyTo, copyAs })],
        [{ failAt: 2 }, { failAfter: 3 }],
        { directory: join(directory, 'stages') },
      );
      const stored = (result.records as { files: { stored: { path?: string; sha256?: string } }[] }[]).map(
        ({ files }) => files[0]?.stored,
      );
      for (const [index, found] of stored.entries()) {
        const name = names[index] ?? '';
        if (name === 'none') {
          assert.deepEqual(found, { unavailable: 'missing' });
          continue;
        }
        const copy = await readFile(join(copyTo, found?.path ?? ''));
        assert.equal(sha256(copy), found?.sha256);
        assert.equal(
          sha256(copy),
          sha256(await readFile(join(directory, name.endsWith('.png') ? 'images' : 'uploads', name))),
        );
      }
      const entries = await readdir(copyTo, { recursive: true, withFileTypes: true });
      const copies = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
      assert.equal(copies.length, copyAs === 'sha256' ? 3 : 4);
      assert.ok(copies.every((name) => !name.endsWith('.part')));
    }
  });
});

test('a copy that cannot be written ends the run, whatever happens to rejects', async () => {
  await withRoots(async (directory, roots) => {
    const copyTo = join(directory, 'secret');
    const rejects = { to: join(directory, 'rejects') };
    await assert.rejects(
      run([{ files: ['u1/a.txt'] }], [hashFiles({ roots, copyTo })], { onReject: rejects }),
      (error) => error instanceof EtlError && error.code === 'ETL_SINK_FAILED' && error.where.stage === 'hash-files',
    );
  });
});

test('a dry run copies nothing', async () => {
  await withRoots(async (directory, roots) => {
    const copyTo = join(directory, 'copies');
    await pipeline(arraySource<unknown>([{ files: ['u1/a.txt'] }]), { name: 'p' })
      .through(hashFiles({ roots, copyTo }))
      .to(storeSink(new Store<unknown>()))
      .run({ dryRun: true });
    await assert.rejects(readdir(copyTo));
  });
});
