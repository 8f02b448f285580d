import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

import { Client } from '@langchain/langgraph-sdk';

import type { ThreadRecord } from '../../src/models/langgraph.ts';
import { pipeline } from '../../src/pipeline.ts';
import type { RunReport } from '../../src/report.ts';
import { langgraphSink, type LanggraphSinkOptions } from '../../src/sinks/langgraph.ts';
import { langgraphSource } from '../../src/sources/langgraph.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { map } from '../../src/transforms/map.ts';
import { seedThread } from '../helpers/langgraph/seed.ts';
import type { TestLanggraph } from '../helpers/langgraph/server-process.ts';
import { startLanggraphPython } from '../helpers/langgraph/start-python.ts';
import { startLanggraph } from '../helpers/langgraph/start.ts';

const companions = join(import.meta.dirname, '../../companion');
const js = { threadmill_companion: `${join(companions, 'threadmill-companion.mjs')}:companion` };
const python = { threadmill_companion: `${join(companions, 'threadmill_companion.py')}:companion` };

const source = await startLanggraph();
const targets = {
  js: await startLanggraph({ graphs: js, withAuth: true }),
  python: await startLanggraphPython({ graphs: python, withAuth: true }),
};
after(async () => {
  for (const server of [source, targets.js, targets.python]) if ('close' in server) await server.close();
});

const reading = new Client({ apiUrl: source.url, apiKey: null });
const names = ['plain', 'fork', 'waiting', 'deep'] as const;
const ids = await Promise.all(names.map((name) => seedThread(reading, name)));

/** What a user of a target sees. */
function clientOf({ url }: TestLanggraph, apiKey: string): Client {
  return new Client({ apiUrl: url, apiKey });
}

async function migrate(
  target: TestLanggraph,
  directory: string,
  options: Partial<LanggraphSinkOptions>,
): Promise<RunReport> {
  const onReject = { to: join(directory, 'rejects.jsonl') };
  return await pipeline(langgraphSource({ apiUrl: source.url, ids }), { name: 'to-auth', onReject })
    .to(langgraphSink({ apiUrl: target.url, ...options }, { progressFolder: join(directory, 'progress') }))
    .run();
}

function ofGraph(record: ThreadRecord, graphId: string): ThreadRecord {
  return { ...record, thread: { ...record.thread, metadata: { ...record.thread.metadata, graph_id: graphId } } };
}

async function reasons(directory: string): Promise<string[]> {
  const lines = (await readFile(join(directory, 'rejects.jsonl'), 'utf8')).trimEnd().split('\n');
  return lines.map((line) => (JSON.parse(line) as { readonly reason: string }).reason);
}

for (const [runtime, target] of Object.entries(targets)) {
  describe(`a ${runtime} target where everybody sees only what is theirs`, () => {
    if ('skip' in target) {
      test('takes threads', { skip: target.skip }, () => undefined);
      return;
    }
    for (const mode of ['history', 'full'] as const) {
      testIn(`takes threads by ${mode}, and shows them to their owner`, async (directory) => {
        const ana = clientOf(target, 'ana-key');
        for (const id of ids) await ana.threads.delete(id).catch(() => undefined);
        // `full` is what `auto` comes to: the companion graph is found.
        const options = { apiKey: 'ana-key', ...(mode === 'full' ? {} : { mode }) };
        const report = await migrate(target, directory, options);
        assert.deepEqual([report.counts.written, report.counts.rejected], [ids.length, 0]);
        assert.ok((report.findings[`restored by ${mode}: checkpoints`] ?? 0) > 20, JSON.stringify(report.findings));
        for (const aspect of ['values', 'parents', 'order', 'checkpoints missing'])
          assert.equal(report.findings[`not the same: ${aspect}`], undefined, aspect);
        const there = await ana.threads.search({ limit: 100 });
        assert.deepEqual(there.map(({ thread_id: id }) => id).toSorted(), ids.toSorted());
        assert.deepEqual(new Set(there.map(({ metadata }) => metadata?.['owner'])), new Set(['ana-key']));
        assert.deepEqual(await clientOf(target, 'ben-key').threads.search({ limit: 100 }), []);
        assert.deepEqual(await ana.assistants.search({ limit: 100 }), [], 'none was left of those that were made');
      });
    }

    testIn('rejects threads that somebody else has there, and leaves them alone', async (directory) => {
      const ana = clientOf(target, 'ana-key');
      await migrate(target, join(directory, 'ana'), { apiKey: 'ana-key', mode: 'state' });
      const before = await ana.threads.search({ limit: 100 });
      for (const ifExists of ['skip', 'replace'] as const) {
        const folder = join(directory, ifExists);
        const { counts } = await migrate(target, folder, { apiKey: 'ben-key', mode: 'history', ifExists });
        assert.deepEqual([counts.written, counts.skipped, counts.rejected], [0, 0, ids.length]);
        for (const reason of await reasons(folder)) assert.match(reason, /belongs to somebody else/);
      }
      const after = await ana.threads.search({ limit: 100 });
      assert.deepEqual(new Set(after.map(({ thread_id: id }) => id)), new Set(before.map(({ thread_id: id }) => id)));
    });

    testIn('is told from one that does not have the graph', async (directory) => {
      const ana = clientOf(target, 'ana-key');
      for (const id of ids) await ana.threads.delete(id).catch(() => undefined);
      const report = await pipeline(langgraphSource({ apiUrl: source.url, ids }), {
        name: 'to-auth',
        onReject: { to: join(directory, 'rejects.jsonl') },
      })
        .through(map((record: ThreadRecord) => ofGraph(record, 'nowhere')))
        .to(langgraphSink({ apiUrl: target.url, apiKey: 'ana-key' }, { progressFolder: join(directory, 'progress') }))
        .run();
      assert.deepEqual([report.counts.written, report.counts.rejected], [0, ids.length]);
      for (const reason of await reasons(directory)) assert.match(reason, /the graph "nowhere" is not deployed/);
      assert.deepEqual(await ana.threads.search({ limit: 100 }), []);
      assert.deepEqual(await ana.assistants.search({ limit: 100 }), []);
    });
  });
}
