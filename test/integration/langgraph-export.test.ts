import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { openLanggraph, type LanggraphConnection } from '../../src/connections/langgraph.ts';
import { EtlError } from '../../src/errors.ts';
import { langgraphExport } from '../../src/jobs/langgraph-export.ts';
import { validateThreads } from '../../src/jobs/langgraph-validate.ts';
import {
  asThreadRecord,
  byNamespace,
  joinThreadParts,
  pendingInterrupts,
  type HistoryEntry,
  type ThreadRecord,
} from '../../src/models/langgraph.ts';
import { runPipeline } from '../../src/run.ts';
import { langgraphSource, type LanggraphSourceOptions } from '../../src/sources/langgraph.ts';
import { threadsBackupSource } from '../../src/sources/threads-backup.ts';
import { readAll, recordsOf } from '../../src/testing/recorder.ts';
import { seedMany, seedThreads, type SeededName } from '../helpers/langgraph/seed.ts';
import { startLanggraph } from '../helpers/langgraph/start.ts';
import { startLanggraphPython } from '../helpers/langgraph/start-python.ts';
import type { TestLanggraph } from '../helpers/langgraph/server-process.ts';

const signal = new AbortController().signal;

async function threadsOf(options: LanggraphSourceOptions): Promise<Map<string, ThreadRecord>> {
  const records = recordsOf((await readAll(langgraphSource(options))).batches).map((text) =>
    asThreadRecord(JSON.parse(text)),
  );
  const parts = new Map<string, ThreadRecord[]>();
  for (const record of records) parts.set(record.thread_id, [...(parts.get(record.thread_id) ?? []), record]);
  return new Map([...parts].map(([id, list]) => [id, joinThreadParts(list)]));
}

/** The history of a thread in one namespace by single requests, oldest first. */
async function historyOf(connection: LanggraphConnection, id: string, namespace: string): Promise<HistoryEntry[]> {
  const checkpoint = namespace === '' ? {} : { checkpoint: { checkpoint_ns: namespace } };
  const body = { limit: 1000, ...checkpoint };
  const entries = await connection.json({ method: 'POST', path: `/threads/${id}/history`, body }, signal);
  return (entries as HistoryEntry[]).reverse();
}

/** How many checkpoints each seeded thread has: of its own, and in subgraphs. */
const expected: Readonly<Record<SeededName, readonly [own: number, subgraphs: number]>> = {
  plain: [10, 0],
  fork: [14, 0],
  waiting: [4, 0],
  answered: [5, 0],
  removed: [10, 0],
  deep: [6, 4],
  'deep-waiting': [3, 3],
  'fan-out': [8, 0],
  'send-waiting': [6, 0],
  empty: [0, 0],
};

async function checkServer(t: TestContext, server: TestLanggraph): Promise<void> {
  t.after(() => server.close());
  const connection = await openLanggraph({ apiUrl: server.url });
  t.after(() => connection.close());
  const client = await connection.client();
  const ids = await seedThreads(client);
  const many = await seedMany(client, 40);

  await t.test('every thread comes with every checkpoint, as single requests give them', async () => {
    const threads = await threadsOf({ apiUrl: server.url });
    assert.equal(threads.size, 50);
    for (const [name, id] of Object.entries(ids) as [SeededName, string][]) {
      const thread = threads.get(id);
      assert.ok(thread !== undefined, name);
      assert.equal(thread.origin.runtime, server.runtime);
      const namespaces = byNamespace(thread.history);
      const own = namespaces.get('')?.length ?? 0;
      assert.deepEqual([own, thread.history.length - own], expected[name], name);
      for (const [namespace, entries] of namespaces)
        assert.deepEqual(entries, await historyOf(connection, id, namespace), `${name} ${namespace}`);
    }
    for (const id of many) assert.equal(threads.get(id)?.history.length, 10);
    const questions = (name: SeededName): unknown[] =>
      pendingInterrupts(threads.get(ids[name]) as ThreadRecord).map(({ value }) => value);
    assert.deepEqual(questions('waiting'), [{ ask: 'send it?', turns: 1 }]);
    assert.deepEqual(questions('deep-waiting'), ['go on?']);
    assert.deepEqual(questions('send-waiting'), ['which colour?']);
    assert.deepEqual(questions('plain'), []);
  });

  await t.test('small pages, few at a time and parts give the same', async () => {
    const whole = await threadsOf({ apiUrl: server.url });
    const options = { apiUrl: server.url, pageSize: 3, concurrency: 2, partBytes: 5000 };
    assert.deepEqual(await threadsOf(options), whole);
  });

  await t.test('threads are found by metadata, state and id', async () => {
    const titles = async (more: Partial<LanggraphSourceOptions>): Promise<unknown[]> =>
      [...(await threadsOf({ apiUrl: server.url, ...more })).values()]
        .map(({ thread }) => thread.metadata?.['title'])
        .sort();
    assert.deepEqual(await titles({ metadata: { owner: 'ben' } }), ['deep', 'deep-waiting']);
    assert.deepEqual(await titles({ metadata: { title: 'fork', owner: 'ana' } }), ['fork']);
    assert.deepEqual(await titles({ status: 'interrupted', metadata: { owner: 'ana' } }), ['send-waiting', 'waiting']);
    assert.deepEqual(await titles({ ids: [ids.plain, ids.deep] }), ['deep', 'plain']);
  });

  await t.test('a bundle is equal to its server, and the server’s threads are all in it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'etl-threads-'));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const path = join(directory, 'threads');
    const report = await runPipeline(langgraphExport({ apiUrl: server.url }, { path, compress: 'gzip' }));
    assert.equal(report.counts.written, 50);
    const manifest = JSON.parse(await readFile(join(path, 'MANIFEST.json'), 'utf8')) as { counts: unknown };
    assert.deepEqual(manifest.counts, { threads: 50, records: 50, checkpoints: 400 + 66 + 7 });
    const bundle = () => threadsBackupSource({ path });
    const live = (found?: readonly string[]) =>
      langgraphSource({ apiUrl: server.url, ...(found === undefined ? {} : { ids: [...found] }) });
    assert.equal((await validateThreads(bundle, live, { level: 'exact' })).ok, true);

    // One turn more, and one thread less.
    await client.runs.wait(ids.plain, 'desk', { input: { messages: [{ type: 'human', id: 'h9', content: 'more' }] } });
    await client.threads.delete(ids.removed);
    const found = await validateThreads(bundle, live);
    assert.deepEqual(found.differences.byKind, { history: 1, missing: 1 });
    const changed = found.differences.first.find(({ kind }) => kind === 'history');
    assert.equal(changed?.thread_id, ids.plain);
    assert.deepEqual(changed?.fidelity?.checkpoints, { source: 10, target: 15, paired: 10 });
  });
}

test('export from a real JavaScript server', async (t) => checkServer(t, await startLanggraph()));

test('export from a real Python server', async (t) => {
  const server = await startLanggraphPython();
  if ('skip' in server) t.skip(server.skip);
  else await checkServer(t, server);
});

test('with authentication, a key gives its own threads, and a wrong one is refused', async (t) => {
  const server = await startLanggraph({ withAuth: true });
  t.after(() => server.close());
  for (const apiKey of ['ana-key', 'ben-key']) {
    const connection = await openLanggraph({ apiUrl: server.url, apiKey });
    await seedMany(await connection.client(), apiKey === 'ana-key' ? 3 : 2);
    await connection.close();
  }
  assert.equal((await threadsOf({ apiUrl: server.url, apiKey: 'ana-key' })).size, 3);
  assert.equal((await threadsOf({ apiUrl: server.url, headers: { 'x-api-key': 'ben-key' } })).size, 2);
  await assert.rejects(
    readAll(langgraphSource({ apiUrl: server.url, apiKey: 'stolen' })),
    (error) => error instanceof EtlError && error.code === 'ETL_AUTH_FAILED' && !error.describe().includes('stolen'),
  );
});
