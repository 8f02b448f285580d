import assert from 'node:assert/strict';
import { after } from 'node:test';

import { Client } from '@langchain/langgraph-sdk';

import { pipeline } from '../../src/pipeline.ts';
import type { RunReport } from '../../src/report.ts';
import { langgraphSink } from '../../src/sinks/langgraph.ts';
import { langgraphSource } from '../../src/sources/langgraph.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { seedThread } from '../helpers/langgraph/seed.ts';
import { startLanggraph } from '../helpers/langgraph/start.ts';

const [source, target] = await Promise.all([startLanggraph(), startLanggraph()]);
after(async () => {
  await Promise.all([source.close(), target.close()]);
});
const here = new Client({ apiUrl: source.url, apiKey: null });
const there = new Client({ apiUrl: target.url, apiKey: null });
const id = await seedThread(here, 'waiting');

/** Restores the one thread by history, on a target that has nothing. */
async function restore(folder: string, rearm: boolean): Promise<RunReport> {
  for (const { thread_id } of await there.threads.search()) await there.threads.delete(thread_id);
  const sink = langgraphSink({ apiUrl: target.url, mode: 'history', rearm }, { progressFolder: folder });
  return await pipeline(langgraphSource({ apiUrl: source.url }))
    .to(sink)
    .run();
}

interface Question {
  readonly value?: unknown;
}

async function asked(client: Client): Promise<readonly unknown[]> {
  const { tasks } = await client.threads.getState(id);
  return tasks.flatMap(({ interrupts }) => (interrupts as readonly Question[]).map(({ value }) => value));
}

testIn('history alone does not ask what the thread waits for', async (folder) => {
  const { findings } = await restore(folder, false);
  assert.equal(findings['not the same: interrupts'], 1);
  assert.deepEqual(await asked(there), []);
});

testIn('with rearm the question is asked again, and its answer is taken', async (folder) => {
  const questions = await asked(here);
  assert.equal(questions.length, 1);
  const before = await here.threads.getHistory(id, { limit: 100 });

  const { findings } = await restore(folder, true);
  assert.equal(findings['not the same: interrupts'], undefined, JSON.stringify(findings));
  assert.deepEqual(await asked(there), questions);
  // The node ran up to its question: no checkpoint is added.
  assert.equal((await there.threads.getHistory(id, { limit: 100 })).length, before.length);

  const state = (await there.runs.wait(id, 'desk', { command: { resume: 'yes' } })) as unknown as {
    readonly trail: readonly string[];
  };
  assert.equal(state.trail.at(-1), 'review:"yes"');
});
