// How fast are threads exported, against a bare loop of requests?
// Command: npm run bench -- langgraph-export   (ETL_BENCH_THREADS for fewer threads)
// Data:    100 000 threads of 10 checkpoints, 24 KB each, from a stub (bench/langgraph-stub.ts) in a process of its own on the same cores
// Machine: 2 cores x86-64, Node 20.20, 2026-11-21; 50 000 threads, median of 3 rounds in turns, load 5 from other work
//
// | variant                | threads/s | MB/s | CPU s | peak MB | ratio | CPU ratio |
// | bare undici loop       |    19.2 k |  469 |   2.5 |     149 |  1.00 |      1.00 |
// | langgraph to discard   |    13.7 k |  339 |   3.7 |     171 |  0.74 |      0.66 |
// | langgraph to jsonl     |    11.0 k |  272 |   5.9 |     173 |  0.58 |      0.41 |
// | bare loop that parses  |         - |    - |     - |     171 |  0.51 |      0.50 |   (another run)
// | official client        |         - |    - |     - |     391 |  0.11 |      0.12 |   (another run)
//
// Otherwise idle, 20 000 threads, 3 rounds: discard 0.78 (CPU 0.80), jsonl 0.74 (0.73), at 154 and 157 MB; official client 0.41.
//
// Requests: both ask for pages of 500 threads and for one history of each, 16 at a time; the export also for /info and the count.
//
// Reading: the aim of 0.9 is missed. (0.86 to 0.9 was read before, at load 10 to 14, where both wait for the stub.) Of 71 µs that the main
// thread works on a thread, 44 are the request (50 in the bare loop, which makes a stream for each answer), 14 checking the JSON, 7 putting the
// record together oldest first, 6 looking for subgraphs. Work that was tried and did not help: the latter in a second thread (95 µs
// instead of 90: what one core wrote is cold for the other), GET instead of POST, undici's older handlers, more requests than
// connections. What would help: memory for batches that is used again. Checking, looking and copying into one and the same buffer costs
// 54 µs of CPU a thread with the request; into new ones 77, as every 20 MB of them make V8 collect all its memory (24 times in 20 000
// threads instead of once). A sink does not say yet when it is done with a batch.
import { join } from 'node:path';
import { Pool } from 'undici';

import { pipeline } from '../src/pipeline.ts';
import { discardSink } from '../src/sinks/discard.ts';
import { jsonlSink } from '../src/sinks/jsonl.ts';
import { langgraphSource } from '../src/sources/langgraph.ts';
import { bench, type Work } from './harness.ts';
import { checkpoints, startLanggraphStub } from './langgraph-stub.ts';

const threads = Number(process.env['ETL_BENCH_THREADS'] ?? 100_000);
/** The official client takes an eighth of the speed: it reads these only. */
const fewThreads = Math.min(threads, 5000);
const concurrency = 16;
const url = (): string => process.env['ETL_BENCH_LANGGRAPH'] ?? '';

/** What one writes by hand: pages of threads, then as many workers as connections, each with one request after the other. */
async function bare(use: (body: Buffer) => void): Promise<Work> {
  const pool = new Pool(url(), { connections: concurrency });
  const post = async (path: string, body: object): Promise<Buffer> => {
    const headers = { 'content-type': 'application/json' };
    const answer = await pool.request({ method: 'POST', path, headers, body: JSON.stringify(body) });
    return Buffer.from(await answer.body.arrayBuffer());
  };
  let bytes = 0;
  let records = 0;
  const pageSize = 500;
  for (let offset = 0; ; offset += pageSize) {
    const text = (await post('/threads/search', { limit: pageSize, offset })).toString();
    const rows = JSON.parse(text) as readonly { readonly thread_id: string }[];
    let next = 0;
    const work = async (): Promise<void> => {
      for (let row = rows[next++]; row !== undefined; row = rows[next++]) {
        const body = await post(`/threads/${row.thread_id}/history`, { limit: 100 });
        use(body);
        bytes += body.length;
        records += 1;
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    if (rows.length < pageSize) break;
  }
  await pool.close();
  return { records, bytes, output: `${records} threads` };
}

/** The official client, as many calls at a time. */
async function sdk(): Promise<Work> {
  const { Client } = await import('@langchain/langgraph-sdk');
  const client = new Client({ apiUrl: url(), apiKey: null, callerOptions: { maxConcurrency: concurrency } });
  let records = 0;
  let found = 0;
  for (let offset = 0; offset < fewThreads; offset += 500) {
    const rows = await client.threads.search({ limit: 500, offset });
    const histories = await Promise.all(rows.map((row) => client.threads.getHistory(row.thread_id, { limit: 100 })));
    records += rows.length;
    found += histories.reduce((sum, history) => sum + history.length, 0);
  }
  if (found !== records * checkpoints) throw new Error(`${found} checkpoints`);
  return { records, output: `${records} threads` };
}

async function exported(to: 'discard' | 'jsonl', folder: string): Promise<Work> {
  const source = pipeline(langgraphSource({ apiUrl: url(), concurrency }));
  const sink = to === 'discard' ? discardSink() : jsonlSink({ path: join(folder, 'threads.jsonl') });
  const { counts, bytesRead } = await source.to(sink).run();
  return { records: counts.read, bytes: bytesRead, output: `${counts.read} threads` };
}

await bench({
  question: `${threads} threads of ${checkpoints} checkpoints, ${concurrency} at a time, from a stub in another process`,
  base: 'bare undici loop',
  rounds: 3,
  async data() {
    process.env['ETL_BENCH_LANGGRAPH'] = await startLanggraphStub(threads);
  },
  variants: [
    { name: 'bare undici loop', run: () => bare(() => undefined) },
    { name: 'bare loop that parses', run: () => bare((body) => void JSON.parse(body.toString())) },
    { name: 'official client', run: sdk, outputLike: 'few threads' },
    {
      name: 'langgraph to discard',
      run: (folder) => exported('discard', folder),
      target: { ratio: 0.9, peakMegabytes: 200 },
    },
    { name: 'langgraph to jsonl', run: (folder) => exported('jsonl', folder), target: { peakMegabytes: 200 } },
  ],
});
