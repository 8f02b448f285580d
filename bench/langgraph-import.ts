// How fast are threads restored, against a bare loop of requests?
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Pool } from 'undici';

import { jsonBatch } from '../src/batch.ts';
import type { ThreadRecord } from '../src/models/langgraph.ts';
import { pipeline } from '../src/pipeline.ts';
import { langgraphSink } from '../src/sinks/langgraph.ts';
import { langgraphSource } from '../src/sources/langgraph.ts';
import type { Source } from '../src/stage.ts';
import { bench, type Work } from './harness.ts';
import { checkpoints, startLanggraphStub, threadId, threadRecord } from './langgraph-stub.ts';

const threads = Number(process.env['ETL_BENCH_THREADS'] ?? 10_000);
const concurrency = 16;
const url = (): string => process.env['ETL_BENCH_LANGGRAPH'] ?? '';
const batchSize = 100;

/** The text of the records of a batch; only the ids differ. */
function* texts(): Generator<readonly string[]> {
  const text = threadRecord(0);
  for (let from = 0; from < threads; from += batchSize) {
    const count = Math.min(batchSize, threads - from);
    yield Array.from({ length: count }, (_, i) => text.replace(threadId(0), threadId(from + i)));
  }
}

/** Records without a disk. */
const memorySource: Source<ThreadRecord> = {
  role: 'source',
  name: 'memory',
  async *read() {
    let number = 0;
    for (const records of texts()) {
      number += 1;
      const starts = new Uint32Array(records.length);
      const ends = new Uint32Array(records.length);
      let at = 0;
      for (const [index, record] of records.entries()) {
        starts[index] = at;
        at += record.length;
        ends[index] = at;
        at += 1;
      }
      const bytes = Buffer.from(`${records.join('\n')}\n`);
      yield jsonBatch<ThreadRecord>({ bytes, starts, ends, count: records.length }, { cursor: number });
    }
  },
};

/** What one writes by hand: each thread is parsed, its values go into supersteps as they are, and it is read back. */
async function bare({ readsBack, parses }: { readonly readsBack: boolean; readonly parses: boolean }): Promise<Work> {
  const pool = new Pool(url(), { connections: concurrency });
  const post = async (path: string, body: string): Promise<Buffer> => {
    const answer = await pool.request({ method: 'POST', path, headers: { 'content-type': 'application/json' }, body });
    return Buffer.from(await answer.body.arrayBuffer());
  };
  let records = 0;
  for (const batch of texts()) {
    let next = 0;
    const work = async (): Promise<void> => {
      for (let text = batch[next++]; text !== undefined; text = batch[next++]) {
        const thread = JSON.parse(text) as ThreadRecord;
        const id = thread.thread_id;
        const supersteps = thread.history.map(({ values }) => ({ updates: [{ as_node: 'work', values }] }));
        const row = { thread_id: id, metadata: thread.thread.metadata, if_exists: 'raise', supersteps };
        await post('/threads', JSON.stringify(row));
        if (readsBack) {
          const body = await post(`/threads/${id}/history`, '{"limit":100}');
          if (parses && (JSON.parse(body.toString()) as readonly unknown[]).length !== checkpoints)
            throw new Error('checkpoints are missing');
        }
        records += 1;
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
  }
  await pool.close();
  return { records, output: `${records} threads` };
}

async function restored(
  folder: string,
  { verify, source = memorySource }: { readonly verify: boolean; readonly source?: Source<ThreadRecord> },
): Promise<Work> {
  const sink = langgraphSink(
    { apiUrl: url(), mode: 'history', verify, concurrency },
    { progressFolder: join(folder, 'progress') },
  );
  await rm(join(folder, 'progress'), { recursive: true, force: true });
  const { counts, bytesRead } = await pipeline(source, { name: 'bench' }).to(sink).run();
  return { records: counts.written, bytes: bytesRead, output: `${counts.written} threads` };
}

await bench({
  question: `${threads} threads of ${checkpoints} checkpoints, ${concurrency} at a time, into a stub in another process`,
  base: 'bare loop that reads back and parses',
  rounds: 3,
  async data() {
    process.env['ETL_BENCH_LANGGRAPH'] = await startLanggraphStub(threads);
  },
  variants: [
    { name: 'bare loop', run: () => bare({ readsBack: false, parses: false }) },
    { name: 'bare loop that reads back', run: () => bare({ readsBack: true, parses: false }) },
    { name: 'bare loop that reads back and parses', run: () => bare({ readsBack: true, parses: true }) },
    { name: 'langgraph without reading back', run: (folder) => restored(folder, { verify: false }) },
    { name: 'langgraph', run: (folder) => restored(folder, { verify: true }) },
    {
      name: 'migrate',
      run: (folder) => restored(folder, { verify: true, source: langgraphSource({ apiUrl: url(), concurrency }) }),
    },
  ],
});
