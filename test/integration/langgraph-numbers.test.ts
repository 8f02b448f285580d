import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { pipeline } from '../../src/pipeline.ts';
import type { RunReport } from '../../src/report.ts';
import { langgraphSink, type LanggraphSinkOptions } from '../../src/sinks/langgraph.ts';
import { langgraphSource } from '../../src/sources/langgraph.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { langgraphRaw } from '../../src/transforms/langgraph-raw.ts';
import type { TestLanggraph } from '../helpers/langgraph/server-process.ts';
import { startLanggraphPython } from '../helpers/langgraph/start-python.ts';
import { startLanggraph } from '../helpers/langgraph/start.ts';
import { postgresForTests } from '../helpers/postgres.ts';

const companion = join(import.meta.dirname, '../../companion/threadmill_companion.py:companion');
const withCompanion = { graphs: { threadmill_companion: companion } };
const source = await startLanggraphPython(withCompanion);
const target = await startLanggraphPython(withCompanion);
after(async () => {
  for (const server of [source, target]) if ('close' in server) await server.close();
});

const id = '0b7f6c1e-2a57-4f0e-9d51-6f7a3c1d2eaa';
const numbers = '{"big":1152921504606846977,"min":-9223372036854775808,"whole":3.0,"zero":-0.0,"part":0.1}';
const thread = `{"thread_id":"${id}","metadata":{"graph_id":"desk","numbers":${numbers}},"supersteps":[
  {"updates":[{"as_node":"__start__","values":{"messages":[
    {"type":"human","id":"m1","content":"one","additional_kwargs":${numbers}}]}}]},
  {"updates":[{"as_node":"triage","values":{"cost":3.0}}]},
  {"updates":[{"as_node":"reply","values":{"trail":["a"],"cost":1152921504606846977}}]}]}`;

async function textOf(server: TestLanggraph, path: string, body?: string): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(server.url + path, body === undefined ? {} : { method: 'POST', headers, body });
  const text = await answer.text();
  assert.ok(answer.ok, text);
  return text;
}

/** The texts of the numbers in question, as a server gives them: of the row, then of each checkpoint. */
async function numbersOn(server: TestLanggraph): Promise<readonly string[]> {
  const row = await textOf(server, `/threads/${id}`);
  const history = await textOf(server, `/threads/${id}/history?limit=100`);
  const found = /"numbers":\{[^}]*\}/.exec(row)?.[0] ?? '';
  return [found, ...(history.match(/"values":\{.*?\},"next"/g) ?? [])];
}

async function moved(
  { url }: TestLanggraph,
  directory: string,
  sink: Partial<LanggraphSinkOptions> & { readonly withRaw?: boolean },
): Promise<RunReport> {
  assert.ok('url' in source);
  const { withRaw = false, ...options } = sink;
  const threads = pipeline(langgraphSource({ apiUrl: source.url, ids: [id] }), { name: 'numbers' });
  const writing = langgraphSink({ apiUrl: url, ...options }, { progressFolder: directory });
  if (!withRaw) return await threads.to(writing).run();
  return await threads
    .through(langgraphRaw({ apiUrl: source.url }))
    .to(writing)
    .run();
}

function testNumbers(
  name: string,
  run: (source: TestLanggraph, target: TestLanggraph, directory: string) => Promise<void>,
) {
  if ('skip' in source || 'skip' in target) {
    test(name, { skip: 'skip' in source ? source.skip : true }, () => undefined);
    return;
  }
  testIn(name, async (directory) => {
    for (const server of [source, target]) await fetch(`${server.url}/threads/${id}`, { method: 'DELETE' });
    await textOf(source, '/threads', thread);
    await run(source, target, directory);
  });
}

for (const [how, options] of [
  ['history', { mode: 'history' }],
  ['full', { mode: 'full' }],
  ['full, with what the companion tells', { mode: 'full', withRaw: true }],
] as const) {
  testNumbers(
    `a Python server gets the numbers of another as they were written, by ${how}`,
    async (from, to, directory) => {
      const before = await numbersOn(from);
      assert.ok(before.length > 3 && before.some((text) => text.includes('1152921504606846977')), before.join('\n'));
      const report = await moved(to, directory, options);
      assert.deepEqual(await numbersOn(to), before);
      const kinds = Object.keys(report.findings).filter((kind) => /values|metadata of the thread/.test(kind));
      assert.deepEqual(kinds, []);
      const again = await moved(to, join(directory, 'again'), { ...options, ifExists: 'replace' });
      assert.equal(again.findings['already there: same'], 1);
    },
  );
}

testNumbers('so do the tables of a Python checkpointer', async (from, _, directory) => {
  const connectionString = await (await postgresForTests()).database();
  const onPostgres = await startLanggraphPython({ checkpointUrl: connectionString });
  assert.ok('url' in onPostgres);
  try {
    const report = await moved(onPostgres, directory, { database: { connectionString } });
    assert.equal(report.counts.written, 1);
    assert.deepEqual(await numbersOn(onPostgres), await numbersOn(from));
    assert.equal(report.findings['not the same: values'], undefined);
  } finally {
    await onPostgres.close();
  }
});

testNumbers('what a JavaScript server rounds is told', async (_, __, directory) => {
  const js = await startLanggraph();
  try {
    const { findings } = await moved(js, directory, { mode: 'history' });
    assert.equal(findings['not restored: metadata of the thread'], 1);
    assert.ok((findings['not the same: values'] ?? 0) > 0, JSON.stringify(findings));
    assert.equal(findings['not the same: checkpoints missing'], undefined);
  } finally {
    await js.close();
  }
});
