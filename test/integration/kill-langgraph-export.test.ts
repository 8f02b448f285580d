import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

import { pipeline } from '../../src/pipeline.ts';
import { threadsBackupSink } from '../../src/sinks/threads-backup.ts';
import { langgraphSource } from '../../src/sources/langgraph.ts';
import { startStub, stubThread, stubThreads } from '../helpers/langgraph/stub.ts';
import { createRandom } from '../helpers/librechat-data/random.ts';
import { killRounds } from './fixtures/kill-rounds.ts';

const script = fileURLToPath(new URL('./fixtures/export-threads.ts', import.meta.url));
const seed = Number(process.env['ETL_TEST_SEED'] ?? 20_260_101);

const variants = [
  { from: 'server', format: 'bundle', compress: 'none', kills: 12 },
  { from: 'server', format: 'bundle', compress: 'gzip', kills: 6 },
  // From a bundle there is a place to resume behind each part of a thread, and none for the one file.
  { from: 'bundle', format: 'bundle', compress: 'none', kills: 4 },
  { from: 'bundle', format: 'json', compress: 'none', kills: 12 },
  { from: 'server', format: 'json', compress: 'gzip', kills: 4 },
] as const;

for (const { from, format, compress, kills } of variants) {
  const what = `${format}, ${compress}, from a ${from}`;
  test(`an export of threads (${what}) killed at ${kills} points is the same as one without a break (seed ${seed})`, async (t) => {
    // Threads of one record, in some parts, and in many.
    const threads = [
      ...stubThreads(60),
      stubThread(60, { checkpoints: 30, textLength: 100 }),
      stubThread(61, { checkpoints: 70, textLength: 100 }),
      ...stubThreads(80).slice(62),
    ];
    const stub = await startStub({ threads });
    const directory = await mkdtemp(join(tmpdir(), 'etl-kill-threads-'));
    t.after(async () => {
      await stub.close();
      await rm(directory, { recursive: true, force: true });
    });
    const bundle = join(directory, 'source');
    if (from === 'bundle') {
      const { counts } = await pipeline(langgraphSource({ apiUrl: stub.url, partBytes: 20_000 }), { name: 'source' })
        .to(threadsBackupSink({ path: bundle }))
        .run();
      assert.ok(counts.written > 80 + 10, 'the large threads are in many parts');
    }
    const { rounds, calls, unbroken } = await killRounds({
      script,
      argsFor: (path) => ({ ...(from === 'server' ? { url: stub.url } : { from: bundle }), path, compress, format }),
      folder: join(directory, 'threads'),
      kills,
      random: createRandom(seed),
      ...(format === 'json' ? { contentOf: backupIn } : {}),
    });
    if (format === 'json') {
      const { total_threads: total, total_checkpoints: checkpoints } = await backupIn(join(directory, 'threads whole'));
      assert.deepEqual([total, checkpoints], [80, threads.reduce((sum, { history }) => sum + history.length, 0)]);
    }
    t.diagnostic(`${rounds} exports, each of ${calls} calls: ${JSON.stringify(unbroken.findings)}`);
  });
}

interface Backup {
  readonly threads: readonly unknown[];
  readonly total_threads: number;
  readonly total_checkpoints: number;
}

/** A `threads_backup.json`, plain or compressed, without the moment it was written at. */
async function backupIn(path: string): Promise<Backup> {
  const bytes = await readFile(path);
  const text = (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString('utf8');
  return { ...(JSON.parse(text) as Backup), ...{ export_date: '' } };
}
