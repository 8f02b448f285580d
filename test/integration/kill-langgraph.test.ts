import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { Client } from '@langchain/langgraph-sdk';

import { validateThreads } from '../../src/jobs/langgraph-validate.ts';
import { pipeline } from '../../src/pipeline.ts';
import type { LanggraphSinkOptions } from '../../src/sinks/langgraph.ts';
import { threadsBackupSink } from '../../src/sinks/threads-backup.ts';
import { langgraphSource } from '../../src/sources/langgraph.ts';
import { threadsBackupSource } from '../../src/sources/threads-backup.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { seedMany, seedThread } from '../helpers/langgraph/seed.ts';
import type { TestLanggraph } from '../helpers/langgraph/server-process.ts';
import { startLanggraphPython } from '../helpers/langgraph/start-python.ts';
import { startLanggraph } from '../helpers/langgraph/start.ts';
import { createRandom, type Random } from '../helpers/librechat-data/random.ts';
import { postgresForTests } from '../helpers/postgres.ts';

const script = fileURLToPath(new URL('fixtures/import-threads.ts', import.meta.url));
const companions = join(import.meta.dirname, '../../companion');
const js = { threadmill_companion: `${join(companions, 'threadmill-companion.mjs')}:companion` };
const python = { threadmill_companion: `${join(companions, 'threadmill_companion.py')}:companion` };
const seed = Number(process.env['THREADMILL_TEST_SEED'] ?? 20_250_101);
const kills = 12;

const connectionString = await (await postgresForTests()).database();
const server = await startLanggraph();
// Before the tests are declared: without Python, its own are skipped by name.
const targets = {
  js: await startLanggraph({ graphs: js }),
  python: await startLanggraphPython({ graphs: python }),
  'python on PostgreSQL': await startLanggraphPython({ checkpointUrl: connectionString }),
};
after(async () => {
  for (const each of [server, ...Object.values(targets)]) if ('close' in each) await each.close();
});
const client = new Client({ apiUrl: server.url, apiKey: null });
await seedMany(client, 20, { checkpoints: 6 });
const special = ['fork', 'waiting', 'removed', 'empty', 'deep', 'fan-out'] as const;
for (const name of special) await seedThread(client, name);
const count = 20 + special.length;

interface Said {
  readonly status: string;
  readonly counts: { readonly written: number; readonly skipped: number; readonly rejected: number };
  readonly findings: Readonly<Record<string, number>>;
  readonly requests: number;
}

/** An import in a process of its own; nothing when it was killed. */
async function importThreads(options: object): Promise<Said | undefined> {
  try {
    const argv = ['--import', 'tsx', script, JSON.stringify(options)];
    const { stdout } = await promisify(execFile)(process.execPath, argv);
    return JSON.parse(stdout) as Said;
  } catch (error) {
    if ((error as { readonly signal?: string }).signal === 'SIGKILL') return undefined;
    throw error;
  }
}

async function empty(target: TestLanggraph): Promise<void> {
  const there = new Client({ apiUrl: target.url, apiKey: null });
  for (const { thread_id: id } of await there.threads.search({ limit: 1000 })) await there.threads.delete(id);
}

/** What is on the target, and how it differs from the bundle. */
async function found(target: TestLanggraph, path: string): Promise<object> {
  const result = await validateThreads(
    () => threadsBackupSource({ path }),
    () => langgraphSource({ apiUrl: target.url }),
  );
  const { threads, checkpoints } = result.target;
  const details = result.differences.first.map(({ thread_id: id, kind, detail }) => `${id} ${kind}: ${detail}`);
  return { threads, checkpoints, byKind: result.differences.byKind, details: details.toSorted() };
}

function pointOf(random: Random, requests: number): { readonly at: number; readonly afterMs?: number } {
  const at = random.int(1, requests);
  return random.int(0, 2) === 0 ? { at } : { at, afterMs: random.int(0, 25) };
}

const ways: readonly { readonly to: keyof typeof targets; readonly options: Partial<LanggraphSinkOptions> }[] = [
  { to: 'js', options: { mode: 'history' } },
  { to: 'js', options: { mode: 'full' } },
  { to: 'python', options: { mode: 'history' } },
  { to: 'python', options: { mode: 'full' } },
  { to: 'python on PostgreSQL', options: { mode: 'postgres', database: { connectionString } } },
];

for (const { to, options } of ways) {
  const target = targets[to];
  const mode = options.mode ?? 'auto';
  const name = `threads restored by ${mode} on ${to}, killed ${kills} times on the way, are all there once (seed ${seed})`;
  if ('skip' in target) {
    test(name, { skip: target.skip }, () => undefined);
    continue;
  }
  testIn(name, async (folder) => {
    const random = createRandom(seed);
    const path = join(folder, 'threads');
    await pipeline(langgraphSource({ apiUrl: server.url }), { name: 'threads' })
      .to(threadsBackupSink({ path }))
      .run();
    const sink = { apiUrl: target.url, concurrency: 4, ...options };
    await empty(target);
    const unbroken = await importThreads({ path, sink, progressFolder: join(folder, 'unbroken') });
    assert.deepEqual([unbroken?.counts.written, unbroken?.counts.rejected], [count, 0]);
    const expected = await found(target, path);

    // Runs are killed again and again until one gets to its end; then the next begins with nothing.
    let killed = 0;
    for (let run = 0; killed < kills; run += 1) {
      await empty(target);
      const progressFolder = join(folder, `run ${run}`);
      const points: object[] = [];
      let said: Said | undefined;
      while (said === undefined && killed < kills) {
        const kill = pointOf(random, Math.ceil((unbroken?.requests ?? 0) * 0.6));
        points.push(kill);
        said = await importThreads({ path, sink, progressFolder, kill });
        if (said === undefined) killed += 1;
      }
      said ??= await importThreads({ path, sink, progressFolder });
      const how = `killed at ${JSON.stringify(points)} of ${unbroken?.requests} requests`;
      assert.ok(said?.status === 'finished' || said?.status === 'unchanged', `${how}: ${said?.status}`);
      // Nothing was there before this run: all of it was written by one of its attempts, and told as if by one alone.
      assert.deepEqual([said?.counts.written, said?.counts.skipped, said?.counts.rejected], [count, 0, 0], how);
      assert.deepEqual(said?.findings, unbroken?.findings, how);
      assert.deepEqual(await found(target, path), expected, how);
    }
    assert.equal(killed, kills);
    // By the API a question that waits cannot be made again, nor a subgraph; the others keep all but what a server stamps.
    const kinds = Object.keys((expected as { readonly byKind: object }).byKind);
    if (mode !== 'history')
      assert.deepEqual(
        kinds.filter((kind) => kind !== 'metadata'),
        [],
      );
    assert.equal((expected as { readonly threads: number }).threads, count);
  });
}
