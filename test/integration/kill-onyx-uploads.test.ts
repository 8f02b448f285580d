import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { onyxInvariants } from '../helpers/onyx/database.ts';
import { onyxServerDatabase } from '../helpers/onyx-server-database.ts';
import { onyxServer } from '../helpers/onyx-server.ts';
import { query } from '../helpers/postgres.ts';
import { etl } from '../cli/helpers.ts';

const sample = fileURLToPath(new URL('../../samples/librechat', import.meta.url));
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const tsx = import.meta.resolve('tsx');

test('an import killed between its uploads and its commit uploads nothing twice', { timeout: 300_000 }, async (t) => {
  const cwd = await mkdtemp(join(tmpdir(), 'kill-uploads-'));
  t.after(() => rm(cwd, { recursive: true, force: true }));
  const bundle = join(cwd, 'bundle');
  const from = join(sample, 'dump', 'LibreChat');
  const exported = await etl([
    'librechat',
    'export',
    '--all-users',
    '--from',
    from,
    '--asset-root',
    sample,
    '--path',
    bundle,
    '--quiet',
  ]);
  assert.equal(exported.code, 0, exported.stderr);
  const url = await onyxServerDatabase(['ana+maria@example.org', 'user000@example.org', 'user005@example.org']);
  let child: ChildProcess | undefined;
  let asked = 0;
  // Its uploads are noted by then, and its chats not written yet.
  const statusAfter = (): string => {
    asked += 1;
    if (asked <= 4) child?.kill('SIGKILL');
    return 'COMPLETED';
  };
  const server = await onyxServer(t, { database: url, statusAfter });
  const env = {
    PATH: process.env['PATH'],
    ONYX_DATABASE_URL: url,
    ONYX_API_BASE: server.url,
    ONYX_API_KEY: server.key,
  };
  let kills = 0;
  for (let done = false; !done && kills < 10; ) {
    const argv = ['--import', tsx, main, 'onyx', 'import', '--bundle-path', bundle, '--users', 'skip', '--no-progress'];
    child = spawn(process.execPath, argv, { cwd, env, stdio: 'ignore' });
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    done = code === 0;
    kills += signal === 'SIGKILL' ? 1 : 0;
    assert.ok(done || signal === 'SIGKILL', `ended with ${code}`);
  }
  assert.ok(kills > 0, 'it was never killed');
  assert.ok(server.files.length > 0);
  assert.equal(new Set(server.files.map(({ sha256 }) => sha256)).size, server.files.length);
  assert.deepEqual(await onyxInvariants(url), []);
  const named = await query(
    url,
    `select distinct f ->> 'id' as id from chat_message cross join jsonb_array_elements(files) f where jsonb_typeof(files) = 'array'`,
  );
  assert.deepEqual(named.map(({ id }) => id).sort(), server.files.map(({ file_id }) => file_id).sort());
});
