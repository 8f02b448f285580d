import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { Client } from '@langchain/langgraph-sdk';

import { validateThreads } from '../../src/jobs/langgraph-validate.ts';
import { pipeline } from '../../src/pipeline.ts';
import { langgraphSink } from '../../src/sinks/langgraph.ts';
import { langgraphSource } from '../../src/sources/langgraph.ts';
import { testIn } from '../../src/testing/scratch.ts';
import type { TestLanggraph } from '../helpers/langgraph/server-process.ts';
import { startLanggraphPython } from '../helpers/langgraph/start-python.ts';
import { startLanggraph } from '../helpers/langgraph/start.ts';

const companions = join(import.meta.dirname, '../../companion');
const js = { graphs: { threadmill_companion: `${join(companions, 'threadmill-companion.mjs')}:companion` } };
const python = { graphs: { threadmill_companion: `${join(companions, 'threadmill_companion.py')}:companion` } };

// Before the tests are declared: without Python, those that need it are skipped by name.
const starts = {
  js: [() => startLanggraph(js), () => startLanggraph(js)],
  python: [() => startLanggraphPython(python), () => startLanggraphPython(python)],
} as const;
const servers: TestLanggraph[] = [];
after(async () => {
  await Promise.all(servers.map((server) => server.close()));
});
const ends = { js: await serversOf('js'), python: await serversOf('python') };

async function serversOf(runtime: keyof typeof starts): Promise<readonly TestLanggraph[] | { readonly skip: string }> {
  const started: TestLanggraph[] = [];
  for (const start of starts[runtime]) {
    const server = await start();
    if ('skip' in server) return server;
    servers.push(server);
    started.push(server);
  }
  return started;
}

const metadata = {
  title: 'ü🎈 "q" \\ \n \u2028 日本',
  nested: { a: { b: [1, { c: null }], e: {} }, list: [[], [[]]], 'key with space': true, ключ: 'знач' },
  empty: '',
  none: null,
  $x: [],
};

/** A thread whose id is in capital letters, one whose run failed, one without a graph, one that never ran. */
async function seedOdd(client: Client): Promise<void> {
  const threadId = '6F9619FF-8B86-D011-B42D-00CF4FC964FF';
  const { thread_id: upper } = await client.threads.create({ threadId, graphId: 'desk', metadata });
  const says = { messages: [{ type: 'human', id: 'h1', content: 'odd 日本 🎈 \u0001' }] };
  await client.runs.wait(upper, 'desk', { input: says });
  const { thread_id: failed } = await client.threads.create({ graphId: 'workshop', metadata: { title: 'failed' } });
  await assert.rejects(client.runs.wait(failed, 'workshop', { input: { items: 5 } }));
  await client.threads.create({ metadata: { title: 'no graph' } });
  await client.threads.create({ graphId: 'desk' });
}

for (const from of ['js', 'python'] as const) {
  const [sources, others] = [ends[from], ends[from === 'js' ? 'python' : 'js']];
  for (const targets of [sources, others]) {
    const isSame = sources === targets;
    const name = `odd threads of a ${from} server are on ${isSame ? 'another' : 'one of the other runtime'} as they were`;
    if ('skip' in sources || 'skip' in targets) {
      const skip = 'skip' in sources ? sources.skip : 'skip' in targets ? targets.skip : '';
      test(name, { skip }, () => undefined);
      continue;
    }
    testIn(name, async (progressFolder) => {
      const [source, target] = [sources[0], targets[1]] as const;
      assert.ok(source !== undefined && target !== undefined);
      const [here, there] = [source, target].map(({ url }) => new Client({ apiUrl: url, apiKey: null }));
      assert.ok(here !== undefined && there !== undefined);
      await empty(there);
      if ((await here.threads.count()) === 0) await seedOdd(here);
      const report = await pipeline(langgraphSource({ apiUrl: source.url }), { name: `${from} ${target.runtime}` })
        .to(langgraphSink({ apiUrl: target.url, mode: 'full' }, { progressFolder }))
        .run();
      assert.equal(report.counts.written, 4);
      assert.deepEqual(
        Object.keys(report.findings).filter((kind) => kind.startsWith('not the same')),
        [],
      );
      const found = await validateThreads(
        () => langgraphSource({ apiUrl: source.url }),
        () => langgraphSource({ apiUrl: target.url }),
        { level: 'exact' },
      );
      assert.ok(found.ok, JSON.stringify(found.differences));
      const says = { messages: [{ type: 'human', id: 'h2', content: 'go on' }] };
      const [upper] = await there.threads.search({ metadata: { title: metadata.title } });
      assert.ok(upper !== undefined);
      assert.deepEqual({ ...upper.metadata, ...metadata }, upper.metadata);
      const state = (await there.runs.wait(upper.thread_id, 'desk', { input: says })) as { messages: unknown[] };
      assert.equal(state.messages.length, 4);
    });
  }
}

async function empty(client: Client): Promise<void> {
  for (const { thread_id: id } of await client.threads.search({ limit: 1000 })) await client.threads.delete(id);
}
