import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { Client } from '@langchain/langgraph-sdk';

import { validateThreads } from '../../src/jobs/langgraph-validate.ts';
import { pipeline } from '../../src/pipeline.ts';
import { threadsBackupSink } from '../../src/sinks/threads-backup.ts';
import { langgraphSource } from '../../src/sources/langgraph.ts';
import { threadsBackupSource } from '../../src/sources/threads-backup.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { seedMany, seedThread } from '../helpers/langgraph/seed.ts';
import { startLanggraph } from '../helpers/langgraph/start.ts';
import { createRandom } from '../helpers/librechat-data/random.ts';

const script = fileURLToPath(new URL('fixtures/import-threads.ts', import.meta.url));
const companion = join(import.meta.dirname, '../../companion/threadmill-companion.mjs');
const seed = Number(process.env['THREADMILL_TEST_SEED'] ?? 20_250_101);
const kills = 12;

const server = await startLanggraph({ graphs: { threadmill_companion: `${companion}:companion` } });
const target = await startLanggraph({ graphs: { threadmill_companion: `${companion}:companion` } });
after(async () => {
  await server.close();
  await target.close();
});
const client = new Client({ apiUrl: server.url, apiKey: null });
await seedMany(client, 20, { checkpoints: 6 });
for (const name of ['fork', 'waiting', 'removed', 'empty'] as const) await seedThread(client, name);

interface Said {
  readonly status: string;
  readonly counts: { readonly written: number; readonly skipped: number };
  readonly requests: number;
}

/** An import in a process of its own; nothing when it was killed. */
async function importThreads(options: object): Promise<Said | undefined> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--import',
      'tsx',
      script,
      JSON.stringify(options),
    ]);
    return JSON.parse(stdout) as Said;
  } catch (error) {
    if ((error as { readonly signal?: string }).signal === 'SIGKILL') return undefined;
    throw error;
  }
}

async function emptyTarget(): Promise<void> {
  const there = new Client({ apiUrl: target.url, apiKey: null });
  for (const { thread_id: id } of await there.threads.search({ limit: 1000 })) await there.threads.delete(id);
}

for (const mode of ['history', 'full'] as const) {
  testIn(
    `threads restored by ${mode}, killed ${kills} times on the way, are all there once (seed ${seed})`,
    async (folder) => {
      const random = createRandom(seed);
      const path = join(folder, 'threads');
      await pipeline(langgraphSource({ apiUrl: server.url }), { name: 'threads' })
        .to(threadsBackupSink({ path }))
        .run();
      const sink = { apiUrl: target.url, mode, concurrency: 4 };
      await emptyTarget();
      const unbroken = await importThreads({ path, sink, progressFolder: join(folder, 'unbroken') });
      assert.equal(unbroken?.counts.written, 24);
      await emptyTarget();

      const progressFolder = join(folder, 'progress');
      let said: Said | undefined;
      let killed = 0;
      let rounds = 0;
      while (killed < kills) {
        rounds += 1;
        // The start takes a few requests; some attempts run to their end.
        const killAt = random.int(3, Math.ceil(unbroken.requests / 2));
        said = await importThreads({ path, sink, progressFolder, killAt });
        if (said === undefined) killed += 1;
        else break;
      }
      said ??= await importThreads({ path, sink, progressFolder });
      assert.ok(killed > 0 && rounds > 1);
      assert.ok(['finished', 'unchanged'].includes(said?.status ?? ''));
      // Nothing was there before this run: all of it was written by one of its attempts.
      assert.deepEqual([said?.counts.written, said?.counts.skipped], [24, 0]);
      const {
        differences,
        target: found,
        source,
      } = await validateThreads(
        () => threadsBackupSource({ path }),
        () => langgraphSource({ apiUrl: target.url }),
      );
      // A question that waits cannot be made again by the API.
      const asked = '4 checkpoints in the source, 4 in the target, interrupts 3/4';
      const details = differences.first.map(({ detail }) => detail);
      assert.deepEqual(details, mode === 'history' ? [asked] : []);
      assert.equal(found.checkpoints, source.checkpoints);
      assert.equal(found.threads, 24);
    },
  );
}
