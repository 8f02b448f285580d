// How fast are threads exported, against a bare loop of requests?
// Command: npm run bench -- langgraph-export   (ETL_BENCH_THREADS for fewer threads)
// Data:    100 000 threads of 10 checkpoints, 24 KB each, from a stub (bench/langgraph-stub.ts) in a process of its own on the same cores
// Machine: 2 cores x86-64, Node 20.20, 2026-11-22, otherwise idle; median of 5 rounds in turns
//
// | variant                | threads/s | MB/s | CPU s | peak MB | ratio | CPU ratio |
// | bare undici loop       |      19 k |  475 |   5.3 |     153 |  1.00 |      1.00 |
// | langgraph to discard   |      17 k |  425 |   5.9 |     124 |  0.94 |      0.93 |
// | langgraph to jsonl     |      15 k |  366 |   7.2 |     128 |  0.77 |      0.72 |
//
// Before: 0.67 at 173 MB. With pages of 500 threads instead of 100: 0.86 in 7 rounds at 151 MB. An earlier reading of the others, 20 000
// threads: the bare loop that parses 0.50, the official client 0.11 (391 MB).
//
// Requests: the loop asks for pages of 500 threads, the export for pages of 100, and both for one history of each, 16 at a time; the
// export also asks for /info and the count.
//
// Reading: the aim of 0.9 is met. The loop looks at nothing it gets; the export looks whether 24 KB are JSON in UTF-8, whether a
// subgraph ran, copies them oldest first and keeps the order of threads. It has time for that because its requests cost less:
// sockets read into one buffer each (an ordinary one makes a new one of 64 KB for each read: a request by undici takes 30 µs instead
// of 50 without them), answers go into memory that is used again, and what a checkpoint repeats of the one before is compared, not
// looked at again (5 µs instead of 9). Small pages of threads are gone before the collector copies them. What was tried and did not
// help: looking in a second thread, GET instead of POST, undici's older handlers, a client for each connection instead of its pool,
// requests that do not wait for the loop to go round, fewer branches in the scanner.
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
