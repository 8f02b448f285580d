import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { EtlError } from '../../src/errors.ts';
import { langgraphExport } from '../../src/jobs/langgraph-export.ts';
import { threadsBackupBeside } from '../../src/jobs/threads-backup-beside.ts';
import { verifyThreads } from '../../src/jobs/verify-threads.ts';
import { pipeline } from '../../src/pipeline.ts';
import { runPipeline } from '../../src/run.ts';
import type { RunOptions } from '../../src/run-options.ts';
import { langgraphSink } from '../../src/sinks/langgraph.ts';
import { langgraphSource } from '../../src/sources/langgraph.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { startStub, stubThread, stubThreads } from '../helpers/langgraph/stub.ts';
import { startWritingStub } from '../helpers/langgraph/writing-stub.ts';

// Threads of one record, and one in several parts.
const stub = await startStub({
  threads: [...stubThreads(9), stubThread(9, { checkpoints: 30, textLength: 100 }), ...stubThreads(16).slice(10)],
});
after(() => stub.close());
const from = { apiUrl: stub.url, batchSize: 2, partBytes: 8000 };

interface Migration {
  readonly path: string;
  readonly targetUrl: string;
  readonly directory: string;
  readonly ifExists?: 'replace' | 'error';
  readonly isWritten?: boolean;
}

function migrate({ path, targetUrl, directory, ...rest }: Migration, options: RunOptions = {}) {
  const backup = { path, ifExists: 'error', source: stub.url, ...rest } as const;
  const sink = { apiUrl: targetUrl, mode: 'state', verify: false } as const;
  return pipeline(langgraphSource(from), { name: 'beside' })
    .through(threadsBackupBeside(backup))
    .to(langgraphSink(sink, { progressFolder: join(directory, 'progress') }))
    .run(options);
}

/** What a backup holds, without the moment it was written at. */
async function contentOf(path: string): Promise<unknown> {
  const bytes = await readFile(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return path.includes('.jsonl') ? text : { ...(JSON.parse(text) as object), export_date: '' };
}

describe('a backup that is written while threads move', () => {
  for (const name of ['bundle', 'backup.json', 'backup.json.gz']) {
    const file = name === 'bundle' ? 'bundle/threads.jsonl' : name;
    testIn(`is that of an export, wherever the run was broken off and went on (${name})`, async (directory) => {
      let arrived = (): void => undefined;
      const fault = (): undefined => {
        arrived();
        return undefined;
      };
      const target = await startWritingStub({ fault });
      try {
        const exported = join(directory, 'exported', name);
        const format = name === 'bundle' ? 'bundle' : 'json';
        const compress = name.endsWith('.gz') ? 'gzip' : 'none';
        await runPipeline(langgraphExport(from, { path: exported, format, compress }));
        const path = join(directory, name);
        const migration = { path, targetUrl: target.url, directory };
        let attempts = 0;
        for (let status = ''; status !== 'finished'; attempts++) {
          const stopping = new AbortController();
          // Broken off at the first request, then after a few more each time.
          let left = attempts === 0 ? 1 : 6 + (attempts % 3);
          arrived = () => {
            left -= 1;
            if (left === 0) stopping.abort();
          };
          try {
            ({ status } = await migrate(migration, { signal: stopping.signal }));
          } catch (error) {
            assert.ok(error instanceof EtlError);
            assert.equal(error.code, 'ETL_ABORTED');
          }
        }
        assert.ok(attempts > 1);
        assert.deepEqual(await contentOf(join(directory, file)), await contentOf(join(directory, 'exported', file)));
        assert.equal(target.threads.size, 16);
        if (format === 'bundle') assert.equal((await verifyThreads(path)).ok, true);
      } finally {
        await target.close();
      }
    });
  }

  testIn('is not written over, unless that is asked for; a sample and a dry run leave none', async (directory) => {
    const target = await startWritingStub();
    try {
      const path = join(directory, 'bundle');
      const migration = { path, targetUrl: target.url, directory };
      await migrate(migration, { dryRun: true });
      await migrate({ ...migration, isWritten: false }, { limit: 1 });
      await assert.rejects(readFile(join(path, 'MANIFEST.json')));
      await migrate(migration);
      const again = migrate(migration, { newRun: true });
      await assert.rejects(again, (error) => {
        assert.ok(error instanceof EtlError);
        assert.match(error.hint, /--replace-backup/);
        return error.code === 'ETL_SINK_EXISTS';
      });
      assert.equal((await verifyThreads(path)).ok, true);
      assert.equal((await migrate({ ...migration, ifExists: 'replace' }, { newRun: true })).counts.written, 0);
      assert.equal((await verifyThreads(path)).checked.threads, 16);
    } finally {
      await target.close();
    }
  });
});
