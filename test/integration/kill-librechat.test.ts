import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';

import type { BundleSinkOptions } from '../../src/sinks/bundle.ts';
import { treeOf } from '../helpers/bundle.ts';
import { generateLibrechat } from '../helpers/librechat-data/generate-librechat.ts';
import { createRandom } from '../helpers/librechat-data/random.ts';
import { writeDump } from '../helpers/librechat-data/write-dump.ts';
import { writeMongodb } from '../helpers/librechat-data/write-mongodb.ts';
import { mongodbForTests, type TestMongodb } from '../helpers/mongodb.ts';

const script = fileURLToPath(new URL('./fixtures/export-librechat.ts', import.meta.url));
const seed = Number(process.env['ETL_TEST_SEED'] ?? Date.now() % 1_000_000);
const kills = 4;

interface From {
  readonly from?: string;
  readonly uri?: string;
}

/** Exports in a process of its own, and kills it so long after it began to read. What it said at its end, if it came to that. */
async function attempt(
  from: From,
  options: BundleSinkOptions,
  killAfterMs: number | undefined,
): Promise<string | undefined> {
  const pause = killAfterMs === undefined ? '0' : '25';
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', script, JSON.stringify(from), JSON.stringify(options), pause],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let said = '';
  const exited = once(child, 'exit');
  child.stdout.on('data', (text) => (said += String(text)));
  if (killAfterMs !== undefined) {
    await Promise.race([once(child.stdout, 'data'), exited]);
    await Promise.race([setTimeout(killAfterMs), exited]);
    child.kill('SIGKILL');
  }
  const [code, signal] = (await exited) as [number | null, string | null];
  if (signal === 'SIGKILL') return undefined;
  assert.equal(code, 0);
  return said.trimEnd().split('\n').at(-1);
}

describe('an export that is killed', () => {
  let directory: string;
  let server: TestMongodb | { readonly skip: string };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'etl-kill-librechat-'));
    const options = { seed: 5, conversations: 150, users: 6, damage: true, exotic: false, textScale: 0.2, maxTurns: 8 };
    const records = [...generateLibrechat(options).records];
    await writeDump(records, { directory });
    server = await mongodbForTests();
    if ('skip' in server) return;
    const client = await MongoClient.connect(server.uri);
    try {
      await writeMongodb(client.db(), records);
    } finally {
      await client.close();
    }
  });
  after(async () => {
    if ('uri' in server) await server.close();
    await rm(directory, { recursive: true, force: true });
  });

  for (const kind of ['dump', 'live database'] as const) {
    test(`${kind}: the same command again gives the bundle, and the findings, of an unbroken export`, async (t) => {
      if (kind === 'live database' && 'skip' in server) {
        t.skip(server.skip);
        return;
      }
      const from: From =
        kind === 'dump' || !('uri' in server) ? { from: join(directory, 'dump') } : { uri: server.uri };
      t.diagnostic(`ETL_TEST_SEED=${seed}`);
      const random = createRandom(seed);
      const common = { assetRoots: [directory], commitEvery: 10_000, exportedAt: '2026-01-01T00:00:00.000Z' };
      const whole = join(directory, `whole of ${kind}`);
      const broken = { ...common, path: join(directory, `broken of ${kind}`) };
      const expected = await attempt(from, { ...common, path: whole }, undefined);
      assert.match(expected ?? '', /^finished .*missing-parent/);

      let killed = 0;
      while (killed < kills && (await attempt(from, broken, random.int(30, 350))) === undefined) killed += 1;
      t.diagnostic(`killed ${killed} times`);
      assert.ok(killed >= 2, `killed only ${killed} times`);
      const found = (said: string | undefined): unknown => JSON.parse((said ?? '').replace(/^\S+ /, ''));
      assert.deepEqual(found(await attempt(from, broken, undefined)), found(expected));
      assert.deepEqual(await treeOf(broken.path), await treeOf(whole));
    });
  }
});
