import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeSample } from '../../scripts/make-sample.ts';

const BUNDLED = fileURLToPath(new URL('../../samples/librechat', import.meta.url));
const MAX_BYTES = 400_000;

test('the bundled LibreChat sample is what its script makes, byte for byte', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'sample-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const manifest = await makeSample(directory);
  assert.ok((manifest.collections.conversations ?? 0) >= 40, 'at least 40 conversations');

  const made = await contents(directory);
  const bundled = await contents(BUNDLED);
  assert.deepEqual([...bundled.keys()], [...made.keys()]);
  for (const [path, bytes] of made) assert.ok(bytes.equals(bundled.get(path) ?? Buffer.alloc(0)), `${path} differs`);
});

test('the bundled LibreChat sample stays small', async () => {
  const sizes = [...(await contents(BUNDLED)).values()].map(({ length }) => length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(total > 0 && total <= MAX_BYTES, `expected at most ${MAX_BYTES} bytes, received ${total}`);
});

/** Every file below a directory by its relative path, sorted. */
async function contents(directory: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const read = paths.sort().map(async (path) => [relative(directory, path), await readFile(path)] as const);
  return new Map(await Promise.all(read));
}
