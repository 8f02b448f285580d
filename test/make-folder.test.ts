import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { systemCode } from '../src/errors.ts';
import { makeFolder } from '../src/make-folder.ts';

test('makes what is missing, and is content with what is there', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'etl-folder-'));
  t.after(() => rm(folder, { recursive: true }));
  await makeFolder(join(folder, 'a', 'b', 'c'));
  await makeFolder(join(folder, 'a', 'b', 'c'));
  assert.ok((await stat(join(folder, 'a', 'b', 'c'))).isDirectory());
  await writeFile(join(folder, 'file'), '');
  await assert.rejects(makeFolder(join(folder, 'file')), (error) => systemCode(error) === 'EEXIST');
  await assert.rejects(makeFolder(join(folder, 'file', 'below')), (error) => systemCode(error) === 'ENOTDIR');
});

test('comes to an end where no folder can be made', {
  skip: process.platform !== 'linux' && 'needs /proc',
}, async () => {
  await assert.rejects(makeFolder('/proc/nowhere/at/all'), (error) => systemCode(error) === 'ENOENT');
});
