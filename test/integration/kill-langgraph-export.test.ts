import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { startStub, stubThread, stubThreads } from '../helpers/langgraph/stub.ts';
import { createRandom } from '../helpers/librechat-data/random.ts';
import { killRounds } from './fixtures/kill-rounds.ts';

const script = fileURLToPath(new URL('./fixtures/export-threads.ts', import.meta.url));
const seed = Number(process.env['ETL_TEST_SEED'] ?? 20_260_101);

const variants = [
  { compress: 'none', kills: 12 },
  { compress: 'gzip', kills: 6 },
] as const;

for (const { compress, kills } of variants) {
  test(`an export of threads (${compress}) killed at ${kills} points is the same as one without a break (seed ${seed})`, async (t) => {
    // Threads of one record, and in parts.
    const threads = [
      ...stubThreads(60),
      stubThread(60, { checkpoints: 30, textLength: 100 }),
      ...stubThreads(80).slice(61),
    ];
    const stub = await startStub({ threads });
    const directory = await mkdtemp(join(tmpdir(), 'etl-kill-threads-'));
    t.after(async () => {
      await stub.close();
      await rm(directory, { recursive: true, force: true });
    });
    const { rounds, calls } = await killRounds({
      script,
      argsFor: (path) => ({ url: stub.url, path, compress, format: 'bundle' }),
      folder: join(directory, 'threads'),
      kills,
      random: createRandom(seed),
    });
    t.diagnostic(`${rounds} exports, each of ${calls} calls`);
  });
}
