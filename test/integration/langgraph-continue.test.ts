import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { Client } from '@langchain/langgraph-sdk';

import { pipeline } from '../../src/pipeline.ts';
import type { RunReport } from '../../src/report.ts';
import { langgraphSink, type LanggraphSinkOptions } from '../../src/sinks/langgraph.ts';
import { langgraphSource } from '../../src/sources/langgraph.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { seedThread } from '../helpers/langgraph/seed.ts';
import { startLanggraphPython } from '../helpers/langgraph/start-python.ts';
import { startLanggraph } from '../helpers/langgraph/start.ts';

// Before the tests are declared: without Python, its own are skipped by name.
const servers = {
  js: [await startLanggraph(), await startLanggraph()],
  python: [await startLanggraphPython(), await startLanggraphPython()],
} as const;
after(async () => {
  for (const server of Object.values(servers).flat()) if ('close' in server) await server.close();
});

/** What a thread looks like on a server, oldest checkpoint first: which each was made on, and what it holds. */
async function shapeOf(client: Client, id: string): Promise<readonly unknown[]> {
  const history = (await client.threads.getHistory(id, { limit: 100 })).reverse();
  const places = new Map(history.map(({ checkpoint }, place) => [checkpoint.checkpoint_id, place]));
  return history.map(({ values, metadata, parent_checkpoint: parent }) => ({
    values,
    input: (metadata as { readonly source?: string } | null)?.source === 'input',
    parent: places.get(parent?.checkpoint_id ?? ''),
  }));
}

for (const [runtime, [source, target]] of Object.entries(servers)) {
  const name = `on a ${runtime} server, a thread whose end had to be marked is the same, and is gone on with`;
  if ('skip' in source || 'skip' in target) {
    test(name, { skip: 'skip' in source ? source.skip : true }, () => undefined);
    continue;
  }
  testIn(name, async (directory) => {
    const [here, there] = [source, target].map(({ url }) => new Client({ apiUrl: url, apiKey: null })) as [
      Client,
      Client,
    ];
    // Two nodes at once and a join: made again by updates, the node behind the join seems to wait.
    const id = await seedThread(here, 'fan-out');
    const moved = async (run: string, options: Partial<LanggraphSinkOptions> = {}): Promise<RunReport> =>
      await pipeline(langgraphSource({ apiUrl: source.url, ids: [id] }), { name: 'continue' })
        .to(
          langgraphSink({ apiUrl: target.url, mode: 'history', ...options }, { progressFolder: join(directory, run) }),
        )
        .run();

    const first = await moved('first');
    assert.equal(first.counts.written, 1);
    const length = (await shapeOf(here, id)).length;
    const marks = (await shapeOf(there, id)).length - length;
    assert.ok(marks <= 1);
    assert.deepEqual((await there.threads.getState(id)).next, []);
    for (const ifExists of ['skip', 'continue', 'replace'] as const) {
      const again = await moved(`again by ${ifExists}`, { ifExists });
      assert.deepEqual([again.counts.skipped, again.findings['already there: same']], [1, 1], ifExists);
    }

    for (const turn of [1, 2]) {
      await here.runs.wait(id, 'workshop', { input: { items: [`blue ${turn}`] } });
      const more = await moved(`more ${turn}`, { ifExists: 'continue' });
      assert.deepEqual([more.counts.written, more.counts.rejected], [1, 0], JSON.stringify(more.rejects));
      for (const kept of ['values', 'parents', 'order', 'checkpoints missing'])
        assert.equal(more.findings[`not the same: ${kept}`], undefined, kept);
      const same = await moved(`same ${turn}`, { ifExists: 'replace' });
      assert.equal(same.findings['already there: same'], 1);
    }
    // All of the source's checkpoints are there, once, and behind each end at most one of our own.
    const [ours, theirs] = [await shapeOf(here, id), await shapeOf(there, id)];
    const inputs = (shape: readonly unknown[]): number =>
      shape.filter((entry) => (entry as { readonly input: boolean }).input).length;
    assert.equal(inputs(theirs), inputs(ours));
    assert.ok(theirs.length >= ours.length && theirs.length <= ours.length + 3 * marks, `${theirs.length}`);
    const state = await there.runs.wait(id, 'workshop', { input: { items: ['last'] } });
    assert.ok(JSON.stringify(state).includes('last'));
  });
}
