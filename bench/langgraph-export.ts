// How fast are threads exported, against a bare loop of requests?
// Command: npm run bench -- langgraph-export   (ETL_BENCH_THREADS=100000 for memory; default 20 000)
// Data:    20 000 threads of 10 checkpoints, 24 KB each, from a stub (bench/langgraph-stub.ts) in a process of its own on the same cores
// Machine: 2 cores x86-64, Node 20.20, 2026-11-21, median of 3 rounds, load 3 from other work
//
// | variant                | threads/s | MB/s | CPU s | peak MB | ratio | CPU ratio |
// | bare undici loop       |    17 k   |  426 |  1.35 |     177 |  1.00 |      1.00 |
// | bare loop that parses  |    8.6 k  |  211 |  2.57 |     177 |  0.49 |      0.52 |
// | langgraph to discard   |    8.7 k  |  217 |  2.72 |     213 |  0.50 |      0.50 |
// | langgraph to jsonl     |    8.6 k  |  212 |  2.82 |     211 |  0.49 |      0.48 |
// | official client        |   0.6 k   |    - | 12.67 |     388 |  0.09 |      0.11 |   (a busier run)
//
// Reading: a loop that looks at nothing of what it gets is twice as fast; the aim of 0.9 of it is missed. One that parses it is as fast
// as the export to a file, which checks every byte, finds subgraphs, turns each history round and writes it. What is ours of the CPU:
// checking the JSON 10 µs a thread, looking for subgraphs 5, copying 6, collecting garbage 10. 100 000 threads, compiled, take 202 MiB at the
// peak and 12 s, as 30 000 do (200 MiB): memory does not grow; about 64 MB of it are buffers that wait to be collected.
import { join } from 'node:path';
import { Pool } from 'undici';

import { pipeline } from '../src/pipeline.ts';
import { discardSink } from '../src/sinks/discard.ts';
import { jsonlSink } from '../src/sinks/jsonl.ts';
import { langgraphSource } from '../src/sources/langgraph.ts';
import { bench, type Work } from './harness.ts';
import { checkpoints, startLanggraphStub } from './langgraph-stub.ts';

const threads = Number(process.env['ETL_BENCH_THREADS'] ?? 20_000);
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
  for (let offset = 0; ; offset += 500) {
    const rows = await client.threads.search({ limit: 500, offset });
    const histories = await Promise.all(rows.map((row) => client.threads.getHistory(row.thread_id, { limit: 100 })));
    records += rows.length;
    found += histories.reduce((sum, history) => sum + history.length, 0);
    if (rows.length < 500) break;
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
    { name: 'official client', run: sdk },
    { name: 'langgraph to discard', run: (folder) => exported('discard', folder) },
    { name: 'langgraph to jsonl', run: (folder) => exported('jsonl', folder) },
  ],
});
