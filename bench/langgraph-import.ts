// How fast are threads restored, against a bare loop of requests?
//
//   ETL_BENCH_THREADS=4000 ETL_BENCH_ROUNDS=2 npx tsx bench/langgraph-import.ts
//
// 10 checkpoints a thread, 20 KB each; 16 at a time; a stub of the API in another process. 2026-11-21, 2 cores that others
// used too, Node 20.20:
//
//   bare loop that reads back and parses   1.00   2.1 s CPU   199 MB
//   bare loop that reads back              1.59   1.7 s CPU
//   langgraph without reading back         0.60   3.5 s CPU   264 MB
//   langgraph                              0.40   6.0 s CPU   277 MB
//   migrate (reads, writes, compares)      0.34   6.6 s CPU   248 MB
//
// Reading: slower than the bare loop, which sends all values with every superstep, compares nothing and keeps no progress. Here
// the difference of each checkpoint to its parent is made (a tenth of the bytes to send), and both sides are compared, at about
// 1.5 ms of CPU a thread: three times what the loop takes. The start, about 0.7 s CPU, is in these figures. A real server needs
// 7 to 10 ms for such a thread: between two JavaScript servers on the same two cores, 200 threads took 20 threads/s by
// history and 13 by full, against 2.2 for one thread after the other with pauses of 0.2 s.
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
