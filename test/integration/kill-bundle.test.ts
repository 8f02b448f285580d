import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import type { BundleSinkOptions } from '../../src/sinks/bundle.ts';
import { treeOf } from '../helpers/bundle.ts';
import { createRandom } from '../helpers/librechat-data/random.ts';
import { makeUploads } from './fixtures/write-bundle.ts';

const script = fileURLToPath(new URL('./fixtures/write-bundle.ts', import.meta.url));
const seed = Number(process.env['ETL_TEST_SEED'] ?? Date.now() % 1_000_000);
const kills = 5;

/** Runs the pipeline in a process of its own, and kills it so long after it began to read. True when it was finished before. */
async function attempt(options: BundleSinkOptions, killAfterMs: number | undefined): Promise<boolean> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', script, JSON.stringify(options), killAfterMs === undefined ? '0' : '4'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  if (killAfterMs !== undefined) {
    await Promise.race([once(child.stdout, 'data'), exited]);
    await Promise.race([setTimeout(killAfterMs), exited]);
    child.kill('SIGKILL');
  } else {
    child.stdout.resume();
  }
  const [code, signal] = (await exited) as [number | null, string | null];
  if (signal === 'SIGKILL') return false;
  assert.equal(code, 0);
  return true;
}

const variants: readonly Partial<BundleSinkOptions>[] = [
  {},
  { compress: 'gzip' },
  { layout: 'single' },
  { ifExists: 'replace' },
];

for (const [number, variant] of variants.entries()) {
  test(`a bundle written with ${JSON.stringify(variant)} and killed ${kills} times is the same as one written without a break`, async (t) => {
    const random = createRandom(seed + number);
    t.diagnostic(`ETL_TEST_SEED=${seed}`);
    const path = await mkdtemp(join(tmpdir(), 'etl-kill-bundle-'));
    t.after(() => rm(path, { recursive: true, force: true }));
    const root = join(path, 'root');
    await makeUploads(root);
    const options = { assetRoots: [root], commitEvery: 15_000, exportedAt: '2026-01-01T00:00:00.000Z', ...variant };
    assert.equal(await attempt({ ...options, path: join(path, 'whole') }, undefined), true);

    const broken = { ...options, path: join(path, 'broken') };
    let killed = 0;
    while (killed < kills && !(await attempt(broken, random.int(0, 250)))) killed += 1;
    t.diagnostic(`killed ${killed} times`);
    assert.ok(killed >= 2, `killed only ${killed} times`);
    assert.equal(await attempt(broken, undefined), true);
    assert.deepEqual(await treeOf(broken.path), await treeOf(join(path, 'whole')));
  });
}
