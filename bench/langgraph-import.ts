// How fast are threads restored, against a bare loop of requests?
// Command: npm run bench -- langgraph-import   (ETL_BENCH_THREADS=5000 below)
// Data:    threads of 10 checkpoints, 24 KB each, 16 at a time, into a stub of the API in another process on the same cores
// Machine: 2 cores x86-64, Node 20.20, 2026-11-22; 10 000 threads, median of 3 rounds in turns, start included; others at work
//
// | variant                              | threads/s | CPU s | peak MB | ratio | CPU ratio |
// | bare loop that reads back and parses |     2.4 k |   4.2 |     138 |  1.00 |      1.00 |
// | bare loop from server to server      |     2.0 k |   5.0 |     139 |  0.79 |      0.85 |
// | langgraph without reading back       |     2.8 k |   3.9 |     141 |  1.27 |      1.08 |
// | langgraph                            |     2.1 k |   5.5 |     144 |  0.87 |      0.77 |
// | migrate                              |     1.8 k |   6.5 |     146 |  0.73 |      0.68 |
//
// Six rounds of the two: 1.00, CPU 0.90. 30 000 threads, in which the start counts less, two rounds: 0.87, CPU 0.85, 148 MB. The
// best of five rounds of each in turns, 10 000 threads: 331 µs a thread for the loop, 346 for the import: 0.95, medians 0.92.
// The same for the loop from server to server and `migrate`, which is to be compared with that one: 0.86, medians 0.93.
//
// On an otherwise idle machine, 3 rounds: 0.77 (CPU 0.72) at 145 MB, not read back 1.07, which is 0.82 of the loop that only writes
// (4.4 k threads/s), `migrate` 0.70, which is 0.80 of the loop from server to server; 30 000 threads, one round: 1.01 (CPU 0.96).
//
// Requests of a thread, the same on both sides: POST /threads with its supersteps and, where it is read back, one
// POST /threads/{id}/history. The import also asks once for each 100 threads which of them are there, and for each graph once how it
// is built and how its channels take updates. `migrate` reads each thread from the server first, as the loop from server to server.
//
// Reading: the aim of 0.9 is met with many threads, and missed with 10 000, of whose time the start is a seventh. Most of a thread's text is said twice, in each
// checkpoint what the one before says, and on the target what the source says: bytes are compared, and only what is new is parsed.
// The stub gives every checkpoint as it was written, as a JavaScript server does in `full` (63 of 73 in our tests); with `history`
// ids and times are new, so only the values are the same text (58 of 99 on a JavaScript server, 80 of 90 on Python's), and the rest
// of each checkpoint is parsed. A quarter of the time before this went with objects that stayed: a listener on the signal for each
// request, which the one before still knew after both were removed, and promises and places for each thread that waits. Of 350 µs
// at work requests take 90, the record's JSON 45, finding what is new in it 30, JSON of supersteps 20, supersteps 17, garbage 10
// here and 25 on the other core. A start of half a second is 60 µs of each of 10 000 threads. A real server needs 7 to 10 ms for one.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Pool } from 'undici';

import { jsonBatch } from '../src/batch.ts';
import { BatchMemory } from '../src/formats/batch-memory.ts';
import { jsonRecordText, type JsonRecords } from '../src/formats/json-records.ts';
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

/** Records of a batch as a file would give them, in memory that is used again when `done` is called; only the ids differ. */
function* batches(): Generator<{ readonly records: JsonRecords; done(): void }> {
  const record = Buffer.from(`${threadRecord(0)}\n`);
  const idAt = record.indexOf(threadId(0));
  const memory = new BatchMemory(2 * batchSize * record.length);
  for (let from = 0; from < threads; from += batchSize) {
    const count = Math.min(batchSize, threads - from);
    const bytes = memory.take(count * record.length);
    const starts = Uint32Array.from({ length: count }, (_, i) => i * record.length);
    const ends = starts.map((start) => start + record.length - 1);
    for (const [i, start] of starts.entries()) {
      record.copy(bytes, start);
      bytes.write(threadId(from + i), start + idAt);
    }
    yield { records: { bytes, starts, ends, count }, done: () => memory.giveBack(bytes) };
  }
}

/** Records without a disk. */
const memorySource: Source<ThreadRecord> = {
  role: 'source',
  name: 'memory',
  async *read() {
    let number = 0;
    for (const { records, done } of batches())
      yield jsonBatch<ThreadRecord>(records, { cursor: (number += 1), takeBack: done });
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
  for (const { records: batch, done } of batches()) {
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < batch.count) {
        const thread = JSON.parse(jsonRecordText(batch, next++)) as ThreadRecord;
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
    done();
  }
  await pool.close();
  return { records, output: `${records} threads` };
}

/** The same from one server to the other: each thread is read and parsed, written, read back and parsed. */
async function bareMigration(): Promise<Work> {
  const pool = new Pool(url(), { connections: concurrency });
  const post = async (path: string, body: object): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' };
    const answer = await pool.request({ method: 'POST', path, headers, body: JSON.stringify(body) });
    return JSON.parse(Buffer.from(await answer.body.arrayBuffer()).toString());
  };
  let records = 0;
  for (let offset = 0; offset < threads; offset += batchSize) {
    const rows = (await post('/threads/search', { limit: batchSize, offset })) as ThreadRecord['thread'][];
    let next = 0;
    const work = async (): Promise<void> => {
      for (let row = rows[next++]; row !== undefined; row = rows[next++]) {
        const { thread_id, metadata } = row;
        const path = `/threads/${thread_id}/history`;
        const history = (await post(path, { limit: 100 })) as ThreadRecord['history'];
        const supersteps = history.toReversed().map(({ values }) => ({ updates: [{ as_node: 'work', values }] }));
        await post('/threads', { thread_id, metadata, if_exists: 'raise', supersteps });
        const there = (await post(path, { limit: 100 })) as ThreadRecord['history'];
        if (there.length !== checkpoints) throw new Error('checkpoints are missing');
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
    { name: 'bare loop from server to server', run: bareMigration },
    { name: 'langgraph without reading back', run: (folder) => restored(folder, { verify: false }) },
    { name: 'langgraph', run: (folder) => restored(folder, { verify: true }) },
    {
      name: 'migrate',
      run: (folder) => restored(folder, { verify: true, source: langgraphSource({ apiUrl: url(), concurrency }) }),
    },
  ],
});
