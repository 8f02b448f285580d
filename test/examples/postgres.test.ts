import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';

import { postgresForTests } from '../helpers/postgres.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

test('pipelines/jsonl-to-postgres.yaml fills a table, once, and postgres-to-jsonl.yaml gives it back', async (t) => {
  const cwd = await mkdtemp(join(tmpdir(), 'postgres-example-'));
  t.after(() => rm(cwd, { recursive: true, force: true }));
  await symlink(join(root, 'examples'), join(cwd, 'examples'));
  const env = { PATH: process.env['PATH'], DATABASE_URL: await (await postgresForTests()).database() };
  const etl = async (name: string): Promise<{ status: string; counts: { read: number; written: number } }> => {
    const argv = ['--import', import.meta.resolve('tsx'), join(root, 'src/cli/main.ts')];
    const { stdout } = await run(process.execPath, [...argv, 'run', join(root, 'pipelines', name), '--json'], {
      cwd,
      env,
    });
    return JSON.parse(stdout) as Awaited<ReturnType<typeof etl>>;
  };
  const lines = (await readFile(join(root, 'examples/data/messages.jsonl'), 'utf8')).trim().split('\n');
  const ids = new Set(lines.map((line) => (JSON.parse(line) as { id: string }).id));
  const first = await etl('jsonl-to-postgres.yaml');
  assert.deepEqual([first.status, first.counts.read], ['finished', lines.length]);
  assert.equal((await etl('jsonl-to-postgres.yaml')).status, 'unchanged');
  const back = await etl('postgres-to-jsonl.yaml');
  assert.deepEqual([back.status, back.counts.written], ['finished', ids.size]);
  const given = gunzipSync(await readFile(join(cwd, 'out/messages.jsonl.gz')))
    .toString('utf8')
    .trim()
    .split('\n');
  assert.deepEqual(new Set(given.map((line) => (JSON.parse(line) as { id: string }).id)), ids);
});
