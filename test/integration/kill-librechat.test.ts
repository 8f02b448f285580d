import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';

import { treeOf } from '../helpers/bundle.ts';
import { generateLibrechat } from '../helpers/librechat-data/generate-librechat.ts';
import { createRandom } from '../helpers/librechat-data/random.ts';
import { writeDump } from '../helpers/librechat-data/write-dump.ts';
import { writeMongodb } from '../helpers/librechat-data/write-mongodb.ts';
import { mongodbForTests, type TestMongodb } from '../helpers/mongodb.ts';
import { killRounds } from './fixtures/kill-rounds.ts';

const script = fileURLToPath(new URL('./fixtures/export-librechat.ts', import.meta.url));
const seed = Number(process.env['ETL_TEST_SEED'] ?? 20_260_101);
const mostKills = 20;

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
      await writeMongodb(client.db(), records, { indexes: 'damaged' });
    } finally {
      await client.close();
    }
  });
  after(async () => {
    if ('uri' in server) await server.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** Where a whole bundle of each kind is. */
  const wholes: string[] = [];

  for (const [kind, isThreaded] of [
    ['dump', false],
    ['live database', false],
    ['live database with a second thread', true],
  ] as const) {
    const kills = isThreaded ? mostKills / 2 : mostKills;
    test(`${kind}: killed at ${kills} points (seed ${seed}), the same command again gives the bundle, and the findings, of an unbroken export`, async (t) => {
      if (kind !== 'dump' && 'skip' in server) {
        t.skip(server.skip);
        return;
      }
      const from = kind === 'dump' || !('uri' in server) ? { from: join(directory, 'dump') } : { uri: server.uri };
      const sink = { assetRoots: [directory], commitEvery: 10_000, exportedAt: '2026-01-01T00:00:00.000Z' };
      const folder = join(directory, kind);
      const { rounds, calls, unbroken } = await killRounds({
        script,
        argsFor: (path) => ({ ...from, isThreaded, sink: { ...sink, path } }),
        folder,
        kills,
        random: createRandom(seed),
      });
      t.diagnostic(`${rounds} bundles, each of about ${calls} calls`);
      assert.ok((unbroken.findings['mended: missing-parent'] ?? 0) > 0);
      assert.equal((unbroken.threadJobs ?? 0) > 0, isThreaded);
      wholes.push(`${folder} whole`);
    });
  }

  test('the dump and the live database give the same bundle, with a second thread too', async (t) => {
    const [first, second, third] = await Promise.all(wholes.map((path) => treeOf(path)));
    if (second === undefined) {
      t.skip('there is no live database');
      return;
    }
    assert.deepEqual(second, first);
    assert.deepEqual(third, first);
  });
});
