import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { Command } from '@langchain/langgraph';
import { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres';
import { Client } from '@langchain/langgraph-sdk';

import { historyToTables } from '../../src/mappings/history-to-tables.ts';
import { TupleMaker } from '../../src/mappings/history-to-tuples.ts';
import { asThreadRecord } from '../../src/models/langgraph.ts';
import { CheckpointTables } from '../../src/sinks/langgraph/checkpoint-tables.ts';
import { pipeline } from '../../src/pipeline.ts';
import { langgraphSink } from '../../src/sinks/langgraph.ts';
import { langgraphSource } from '../../src/sources/langgraph.ts';
import { readAll, recordsOf } from '../../src/testing/recorder.ts';
import { deepDesk, desk } from '../helpers/langgraph/fixtures/graphs.ts';
import { seedThread } from '../helpers/langgraph/seed.ts';
import { startLanggraph } from '../helpers/langgraph/start.ts';
import { postgresForTests } from '../helpers/postgres.ts';

// The JavaScript server of the tests keeps its checkpoints in memory; graphs of an application use the tables directly.
test('threads in the tables of the JavaScript checkpointer are what they were, forks too, and go on', async (t) => {
  const server = await startLanggraph();
  t.after(() => server.close());
  const client = new Client({ apiUrl: server.url, apiKey: null });
  const names = ['plain', 'fork', 'waiting', 'deep-waiting'] as const;
  const ids = new Map<string, string>();
  for (const name of names) ids.set(name, await seedThread(client, name));

  const connectionString = await (await postgresForTests()).database();
  const saver = PostgresSaver.fromConnString(connectionString);
  await saver.setup();
  t.after(() => saver.end());
  const tables = await CheckpointTables.open({ connectionString, schema: 'public' });
  t.after(() => tables.close());
  assert.equal(tables.layout, 'js');

  const { batches } = await readAll(langgraphSource({ apiUrl: server.url }));
  const threads = recordsOf(batches).map((text) => asThreadRecord(JSON.parse(text)));
  assert.equal(threads.length, names.length);
  const graph = { nodes: [], edges: [] };
  for (const { thread_id: id, history } of threads) {
    const maker = new TupleMaker({ from: 'js', to: 'js', graph });
    const rows = history.map((entry) => historyToTables(maker.tuple(entry), tables.layout));
    // Twice: the second time in the place of the first.
    for (let times = 0; times < 2; times++) {
      const transaction = await tables.begin(id);
      await transaction.insert(rows);
      await transaction.commit();
    }
  }

  desk.checkpointer = saver;
  deepDesk.checkpointer = saver;
  for (const { thread_id: id, thread, history } of threads) {
    const compiled = thread.metadata?.['graph_id'] === 'desk' ? desk : deepDesk;
    const found = [];
    for await (const state of compiled.getStateHistory({ configurable: { thread_id: id } })) found.push(state);
    const own = history.filter(({ checkpoint }) => checkpoint.checkpoint_ns === '').reverse();
    const shown = found.map(({ config, next, createdAt, metadata, values, tasks }) => ({
      id: (config.configurable as { readonly checkpoint_id: string }).checkpoint_id,
      next,
      time: new Date(createdAt ?? 0).toISOString(),
      metadata,
      trail: (values as { readonly trail?: unknown }).trail,
      cost: (values as { readonly cost?: unknown }).cost,
      asked: tasks.map(({ interrupts }) => interrupts.map(({ value }) => value as unknown)),
    }));
    const expected = own.map(({ checkpoint, next, created_at: time, metadata, values, tasks }) => ({
      id: checkpoint.checkpoint_id,
      next,
      time,
      metadata,
      trail: (values as { readonly trail?: unknown }).trail,
      cost: (values as { readonly cost?: unknown }).cost,
      asked: tasks.map(({ interrupts = [] }) => interrupts.map(({ value }) => value)),
    }));
    assert.deepEqual(shown, expected);
  }

  const at = (name: string) => ({ configurable: { thread_id: ids.get(name) ?? '' } });
  const answered = (await desk.invoke(new Command({ resume: 'yes' }), at('waiting'))) as { readonly trail: string[] };
  assert.equal(answered.trail.at(-1), 'review:"yes"');
  const inside = (await deepDesk.invoke(new Command({ resume: 'on' }), at('deep-waiting'))) as {
    readonly trail: string[];
  };
  assert.deepEqual(
    inside.trail.filter((step) => /^(gather|weigh)/.test(step)),
    ['gather', 'weigh:"on"'],
  );
});

test('tables that are not there are said to be missing', async () => {
  const connectionString = await (await postgresForTests()).database();
  await assert.rejects(CheckpointTables.open({ connectionString, schema: 'public' }), {
    code: 'ETL_CONFIG_INVALID',
    message: /there are no tables of a checkpointer/,
  });
});

test('a database that the server does not read stops the run, and leaves no empty thread on the server', async (t) => {
  const [source, target] = await Promise.all([startLanggraph(), startLanggraph()]);
  t.after(() => Promise.all([source.close(), target.close()]));
  await seedThread(new Client({ apiUrl: source.url, apiKey: null }), 'plain');
  const connectionString = await (await postgresForTests()).database();
  const saver = PostgresSaver.fromConnString(connectionString);
  await saver.setup();
  t.after(() => saver.end());
  const directory = await mkdtemp(join(tmpdir(), 'etl-langgraph-'));
  t.after(() => rm(directory, { recursive: true }));

  const sink = langgraphSink(
    { apiUrl: target.url, mode: 'postgres', database: { connectionString } },
    { progressFolder: join(directory, 'progress') },
  );
  await assert.rejects(
    pipeline(langgraphSource({ apiUrl: source.url }), { name: 'wrong-database' })
      .to(sink)
      .run(),
    { code: 'ETL_CONFIG_INVALID', message: /0 of them are there: the server does not read this database/ },
  );
  assert.deepEqual(await new Client({ apiUrl: target.url, apiKey: null }).threads.search(), []);
});
