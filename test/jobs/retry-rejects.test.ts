import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { components } from '../../src/components.ts';
import { loadPipeline, type ConfiguredPipeline } from '../../src/config/load-pipeline.ts';
import { retryRejects } from '../../src/jobs/retry-rejects.ts';
import { runPipeline } from '../../src/run.ts';

/** A pipeline whose run is finished: every third record was rejected for want of a name. */
async function finishedRun(t: TestContext, count: number): Promise<{ directory: string; file: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'retry-'));
  t.after(() => rm(directory, { recursive: true }));
  const file = join(directory, 'p.yaml');
  const lines = Array.from({ length: count }, (_, id) => JSON.stringify(id % 3 === 0 ? { id } : { id, name: 'n' }));
  await writeFile(join(directory, 'in.jsonl'), lines.join('\n'));
  await writeFile(
    file,
    `source: { type: jsonl, path: ${directory}/in.jsonl }
transforms: [{ type: map, to: 'name ? $ : $error("no name")' }]
sink: { type: jsonl, path: ${directory}/out.jsonl, commitEvery: 1 }
onReject: { to: ${directory}/rejects.jsonl }
`,
  );
  await runPipeline((await load(file)).plan);
  await writeFile(file, (await readFile(file, 'utf8')).replace('name ?', 'true ?'));
  return { directory, file };
}

function load(file: string): Promise<ConfiguredPipeline> {
  return loadPipeline(file, { components, environment: {} });
}

async function ids(file: string): Promise<number[]> {
  const text = await readFile(file, 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { id: number }).id);
}

test('broken off after a commit, it goes on from there and writes nothing twice', async (t) => {
  for (const signal of ['stopSignal', 'signal'] as const) {
    const { directory, file } = await finishedRun(t, 9000);
    const before = await readFile(join(directory, 'rejects.jsonl'), 'utf8');
    const end = new AbortController();
    const first = retryRejects(await load(file), { [signal]: end.signal, onCommit: () => end.abort() });
    if (signal === 'signal') await assert.rejects(first, { code: 'ETL_ABORTED' });
    else assert.equal((await first).status, 'stopped');
    const written = (await ids(join(directory, 'out.jsonl'))).length;
    assert.ok(written > 6000 && written < 9000, `${signal}: ${written} records are written`);
    assert.equal(await readFile(join(directory, 'rejects.jsonl'), 'utf8'), before);
    const report = await retryRejects(await load(file));
    assert.deepEqual(report, { status: 'finished', retried: 3000, written: 3000, left: 0, leftBySource: 0 });
    const all = await ids(join(directory, 'out.jsonl'));
    assert.deepEqual([all.length, new Set(all).size], [9000, 9000]);
    assert.equal(await readFile(join(directory, 'rejects.jsonl'), 'utf8'), '');
  }
});

test('what a retry of another reject file has left is removed', async (t) => {
  const { directory, file } = await finishedRun(t, 9);
  const folder = join(directory, 'rejects.jsonl.retry');
  await mkdir(join(folder, '0123456789abcdef', 'map'), { recursive: true });
  await writeFile(join(folder, '0123456789abcdef', 'map', 'journal'), 'of another time\n');
  assert.equal((await retryRejects(await load(file))).written, 3);
  await assert.rejects(stat(folder), { code: 'ENOENT' });
});

test('there is nothing to do without rejects, and no other process may be at it', async (t) => {
  const { directory, file } = await finishedRun(t, 9);
  const pipeline = await load(file);
  const both = await Promise.allSettled([retryRejects(pipeline), retryRejects(pipeline)]);
  assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  await rm(join(directory, 'rejects.jsonl'));
  assert.deepEqual(await retryRejects(pipeline), {
    status: 'finished',
    retried: 0,
    written: 0,
    left: 0,
    leftBySource: 0,
  });
});
