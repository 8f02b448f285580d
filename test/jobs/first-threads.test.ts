import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { firstThreads } from '../../src/jobs/first-threads.ts';
import type { ThreadRecord } from '../../src/models/langgraph.ts';
import { pipeline } from '../../src/pipeline.ts';
import { jsonlSink, type JsonlSinkOptions } from '../../src/sinks/jsonl.ts';
import { threadsBackupSource } from '../../src/sources/threads-backup.ts';
import type { Source } from '../../src/stage.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { stubThread } from '../helpers/langgraph/stub.ts';

/** Five threads, the second one in three parts. */
function threads(): readonly ThreadRecord[] {
  return [0, 1, 1, 1, 2, 3, 4].map((number, index) => {
    const { row, history } = stubThread(number);
    const part = number === 1 ? { part: { number: index, isLast: index === 3 } } : {};
    const origin = { runtime: 'js' as const };
    return { schema: 'threadmill/langgraph-thread@1', thread_id: row.thread_id, thread: row, origin, ...part, history };
  });
}

testIn('the first threads are a sample: whole threads, and no cursor moves', async (directory) => {
  const from = join(directory, 'threads.jsonl');
  await writeFile(
    from,
    threads()
      .map((record) => `${JSON.stringify(record)}\n`)
      .join(''),
  );
  const to = join(directory, 'out.jsonl');
  const run = async (source: Source<ThreadRecord>, more: Partial<JsonlSinkOptions> = {}) => {
    const { status, counts } = await pipeline(source, { name: 'first' })
      .to(jsonlSink({ path: to, ...more }))
      .run();
    return [status, counts.written, (await readFile(to, 'utf8')).split('\n').length - 1];
  };
  const source = () => threadsBackupSource({ path: from, batchSize: 2 });
  const first = (count: number) => firstThreads(source(), count) as Source<ThreadRecord>;
  assert.deepEqual(await run(first(1)), ['sampled', 1, 1]);
  assert.deepEqual(await run(first(2)), ['sampled', 4, 4]);
  assert.deepEqual(await run(first(9)), ['sampled', 7, 7]);
  await assert.rejects(run(first(1), { ifExists: 'replace' }), { code: 'ETL_LIMIT_REFUSED' });
  assert.deepEqual(await run(source()), ['finished', 7, 7]);
});
