import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { olderBundle } from '../helpers/older-bundle.ts';
import { onyxServerDatabase } from '../helpers/onyx-server-database.ts';
import { onyxServer } from '../helpers/onyx-server.ts';
import { query } from '../helpers/postgres.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
const tsx = import.meta.resolve('tsx');

/** A bundle, an Onyx to bring it into, and what runs a program with both in its environment. */
async function onyx(t: TestContext) {
  const cwd = await mkdtemp(join(tmpdir(), 'onyx-example-'));
  t.after(() => rm(cwd, { recursive: true, force: true }));
  const url = await onyxServerDatabase(['ana@example.org']);
  const server = await onyxServer(t, { database: url });
  const env = {
    PATH: process.env['PATH'],
    BUNDLE: await olderBundle(join(cwd, 'exports')),
    ONYX_DATABASE_URL: url,
    ONYX_API_BASE: server.url,
    ONYX_API_KEY: server.key,
  };
  const node = async (...argv: readonly string[]): Promise<string> => {
    const { stdout } = await run(process.execPath, ['--import', tsx, ...argv], { cwd, env });
    return stdout;
  };
  return { url, server, node };
}

test('examples/onyx-import.ts brings a bundle and its files into Onyx, once', async (t) => {
  const { url, server, node } = await onyx(t);
  const example = join(root, 'examples/onyx-import.ts');
  assert.equal(await node(example), 'finished: 1 chats, 0 skipped\n');
  assert.equal(await node(example), 'unchanged: 1 chats, 0 skipped\n');
  assert.equal((await query(url, 'select 1 from chat_session')).length, 1);
  assert.equal(server.files.length, 1);
});

test('pipelines/onyx-import.yaml checks, and does the same', async (t) => {
  const { url, server, node } = await onyx(t);
  const etl = join(root, 'src/cli/main.ts');
  const file = join(root, 'pipelines/onyx-import.yaml');
  assert.match(await node(etl, 'check', file, '--connect', '--json'), /Onyx v2\.6 or newer; files by http/);
  const report = JSON.parse(await node(etl, 'run', file, '--json')) as { status: string; counts: { written: number } };
  assert.deepEqual([report.status, report.counts.written], ['finished', 1]);
  assert.equal((await query(url, 'select 1 from chat_session')).length, 1);
  assert.equal(server.files.length, 1);
});
