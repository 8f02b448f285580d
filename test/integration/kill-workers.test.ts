import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { createRandom } from '../helpers/librechat-data/random.ts';
import { killRounds } from './fixtures/kill-rounds.ts';

const script = fileURLToPath(new URL('./fixtures/work-in-workers.ts', import.meta.url));
const seed = Number(process.env['ETL_TEST_SEED'] ?? 20_260_101);
const kills = 10;

test(`a run whose work is done in two threads: killed at ${kills} points (seed ${seed}), the same command again leaves the same files and counts`, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'etl-kill-workers-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const from = join(directory, 'in.jsonl');
  const kinds = ['wait', 'reject', 'same', 'throw'];
  const records = Array.from({ length: 3000 }, (_, n) => ({ n, text: 'x'.repeat(n % 90), does: kinds[n % 37] }));
  await writeFile(from, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  const { rounds, calls, unbroken } = await killRounds({
    script,
    argsFor: (path) => ({ from, path }),
    folder: join(directory, 'run'),
    kills,
    random: createRandom(seed),
    contentOf: async (path) => {
      const names = ['out.jsonl', 'rejects.jsonl'];
      return Promise.all(names.map((name) => readFile(join(path, name), 'utf8')));
    },
  });
  t.diagnostic(`${rounds} runs, each of about ${calls} calls`);
  assert.ok((unbroken.threadJobs ?? 0) >= 2 * Math.floor(records.length / 40), `${unbroken.threadJobs} answers`);
  assert.ok((unbroken.findings['rejected'] ?? 0) > 0 && (unbroken.findings['filtered'] ?? 0) > 0);
});
