import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import type { BundleSinkOptions } from '../../src/sinks/bundle.ts';
import { createRandom } from '../helpers/librechat-data/random.ts';
import { killRounds } from './fixtures/kill-rounds.ts';
import { makeUploads } from './fixtures/write-bundle.ts';

const script = fileURLToPath(new URL('./fixtures/write-bundle.ts', import.meta.url));
const seed = Number(process.env['ETL_TEST_SEED'] ?? 20_260_101);

const variants: readonly { readonly options: Partial<BundleSinkOptions>; readonly kills: number }[] = [
  { options: {}, kills: 20 },
  { options: { compress: 'gzip' }, kills: 10 },
  { options: { layout: 'single' }, kills: 5 },
  { options: { ifExists: 'replace' }, kills: 10 },
];

for (const [number, { options, kills }] of variants.entries()) {
  test(`a bundle written with ${JSON.stringify(options)} and killed at ${kills} points is the same as one written without a break (seed ${seed})`, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'etl-kill-bundle-'));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const root = join(directory, 'root');
    await makeUploads(root);
    const common = { assetRoots: [root], commitEvery: 15_000, exportedAt: '2026-01-01T00:00:00.000Z', ...options };
    const { rounds, calls } = await killRounds({
      script,
      argsFor: (path) => ({ ...common, path }),
      folder: join(directory, 'bundle'),
      kills,
      random: createRandom(seed + number),
    });
    t.diagnostic(`${rounds} bundles, each of ${calls} calls`);
  });
}
