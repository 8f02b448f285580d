import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, open, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { systemCode } from '../../src/errors.ts';
import { hashDescriptor, hashFile, isUnreadable } from '../../src/files/hash-file.ts';
import { resolveInRoots } from '../../src/files/resolve-in-roots.ts';

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'etl-test-')));
  try {
    await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

test('a file that cannot be read is told from a copy that cannot be written', async (t) => {
  if (process.platform !== 'linux') {
    t.skip('needs files of Linux that fail');
    return;
  }
  // Nothing is at address 0 of a process: EIO.
  const unreadable: unknown = await hashFile('/proc/self/mem').catch((error: unknown) => error);
  assert.equal(systemCode(unreadable), 'EIO');
  assert.ok(isUnreadable(unreadable));
  await inDirectory(async (directory) => {
    const path = join(directory, 'file');
    for (const size of [10, 300_000]) {
      await writeFile(path, Buffer.alloc(size));
      const [from, copy] = [await open(path), await open('/dev/full', 'w')];
      const full: unknown = await hashDescriptor(from.fd, { copy }).catch((error: unknown) => error);
      assert.equal(systemCode(full), 'ENOSPC');
      assert.ok(!isUnreadable(full));
      await Promise.all([from.close(), copy.close()]);
    }
  });
  assert.ok(!isUnreadable(Object.assign(new Error('write EIO'), { code: 'EIO', syscall: 'write' })));
});

test('hashes files of all sizes', async () => {
  await inDirectory(async (directory) => {
    for (const size of [0, 1, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 1024 * 1024, 3 * 1024 * 1024 + 5]) {
      const bytes = Buffer.alloc(size, 'some text, again and again');
      const path = join(directory, `${size}`);
      await writeFile(path, bytes);
      assert.deepEqual(await hashFile(path), { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: size });
    }
  });
});

test('hashes what files that have no size hold', async (t) => {
  // Files of the kernel say they are empty.
  const path = '/proc/self/status';
  const found = await hashFile(path).catch((error: unknown) => systemCode(error));
  if (found === 'ENOENT') return t.skip('no /proc here');
  assert.ok(typeof found === 'object' && found.bytes > 0);
});

test('hashes no folder, no link, and nothing after it was stopped', async () => {
  await inDirectory(async (directory) => {
    await writeFile(join(directory, 'file'), Buffer.alloc(2_000_000));
    await symlink('file', join(directory, 'link'));
    await assert.rejects(hashFile(directory), (error) => systemCode(error) === 'EISDIR');
    await assert.rejects(hashFile(join(directory, 'link')), (error) => systemCode(error) === 'ELOOP');
    await assert.rejects(hashFile(join(directory, 'none')), (error) => systemCode(error) === 'ENOENT');
    await assert.rejects(hashFile(join(directory, 'file'), AbortSignal.abort()), /abort/i);
  });
});

test('resolves paths below the roots, and nothing else', async (t) => {
  await inDirectory(async (directory) => {
    const [root, other, outside] = [join(directory, 'root'), join(directory, 'other'), join(directory, 'outside')];
    await mkdir(join(root, 'folder'), { recursive: true });
    await mkdir(other);
    await mkdir(join(outside, 'deep'), { recursive: true });
    const files = [
      'root/a.txt',
      'root/folder/b c.txt',
      'root/%2e%2e',
      'root/q?x=1',
      'root/back\\slash',
      'root/..dots',
      'other/a.txt',
      'other/only.txt',
      'outside/secret',
      'outside/deep/secret',
      'rootless',
    ];
    for (const file of files) await writeFile(join(directory, file), file);
    await symlink('../outside/secret', join(root, 'leads-out'));
    await symlink('../outside', join(root, 'folder-out'));
    await symlink('a.txt', join(root, 'leads-in'));
    await symlink('folder', join(root, 'folder-in'));
    await symlink('../other/a.txt', join(root, 'to-other-root'));
    await symlink('ring', join(root, 'ring'));
    await symlink('nowhere', join(root, 'dangling'));
    await symlink(root, join(directory, 'root-link'));
    const hasPipes = process.platform !== 'win32';
    if (hasPipes) execFileSync('mkfifo', [join(root, 'pipe')]);

    const cases: readonly [string, string][] = [
      ['a.txt', 'root/a.txt'],
      ['./a.txt', 'root/a.txt'],
      ['folder//b c.txt', 'root/folder/b c.txt'],
      ['only.txt', 'other/only.txt'],
      ['%2e%2e', 'root/%2e%2e'],
      ['q?x=1', 'root/q?x=1'],
      ['back\\slash', 'root/back\\slash'],
      ['..dots', 'root/..dots'],
      ['leads-in', 'root/a.txt'],
      ['folder-in/b c.txt', 'root/folder/b c.txt'],
      ['', 'refused'],
      ['.', 'refused'],
      ['..', 'refused'],
      ['../outside/secret', 'refused'],
      ['folder/../../outside/secret', 'refused'],
      ['folder/../a.txt', 'refused'],
      ['..\\outside\\secret', 'refused'],
      ['a.txt\0.png', 'refused'],
      ['\0', 'refused'],
      ['/etc/passwd', 'refused'],
      ['//server/share', 'refused'],
      ['\\\\server\\share', 'refused'],
      ['C:\\windows', 'refused'],
      [join(root, 'a.txt'), 'refused'],
      ['leads-out', 'refused'],
      ['folder-out/secret', 'refused'],
      ['folder-out/deep/secret', 'refused'],
      ['to-other-root', 'refused'],
      ['ring', 'refused'],
      ['folder', 'notAFile'],
      ['none', 'missing'],
      ['dangling', 'missing'],
      ['a.txt/inside', 'missing'],
      ['%2e%2e/outside/secret', 'missing'],
      ['%2e%2e%2foutside%2fsecret', 'missing'],
      ['x'.repeat(5000), 'missing'],
      ['rootless', 'missing'],
      ...(hasPipes ? [['pipe', 'notAFile'] as [string, string]] : []),
    ];
    for (const [path, expected] of cases) {
      await t.test(JSON.stringify(path.slice(0, 60)), async () => {
        const found = await resolveInRoots([root, other], path);
        assert.equal('path' in found ? found.path.slice(directory.length + 1) : found.problem, expected);
      });
    }

    await t.test('below a root that is a link, and with a root that is not there', async () => {
      const roots = [join(directory, 'none'), join(directory, 'root-link')];
      assert.deepEqual(await resolveInRoots(roots, 'a.txt'), { path: join(root, 'a.txt'), root: roots[1] });
    });
  });
});
