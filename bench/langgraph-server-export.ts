// How much faster is an export from a real server than one request after the other with fixed pauses?
// Command: npm run bench -- langgraph-server-export
// Data:    threads of 10 checkpoints on the JavaScript development server, in memory, on the same two cores (ETL_BENCH_THREADS=100 below)
// Machine: 2 cores x86-64, Node 20.20, 2026-11-21, median of 2 rounds, load 3 from other work at lower priority
//
// | variant                 | threads/s | ratio |
// | one by one, with pauses |         5 |  1.0  |
// | langgraph, 1 at a time  |       133 | 28.4  |
// | langgraph, 16 at a time |       133 | 28.5  |   (aim: 3)
//
// With the server's share of the cores taken by other work it was 19 and 20 times.
//
// Reading: the pauses are all of it. Without them one request after the other keeps this server, a single thread, busy already; more at
// a time do not help here, and do with servers that have more than one core.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from '@langchain/langgraph-sdk';

import { pipeline } from '../src/pipeline.ts';
import { jsonlSink } from '../src/sinks/jsonl.ts';
import { langgraphSource } from '../src/sources/langgraph.ts';
import { seedMany } from '../test/helpers/langgraph/seed.ts';
import { startLanggraph } from '../test/helpers/langgraph/start.ts';
import { bench, type Work } from './harness.ts';

const threads = Number(process.env['ETL_BENCH_THREADS'] ?? 200);
const url = (): string => process.env['ETL_BENCH_LANGGRAPH'] ?? '';

/** What came out: the ids of all checkpoints. */
function digestOf(
  histories: readonly (readonly { readonly checkpoint: { readonly checkpoint_id?: string | null | undefined } }[])[],
) {
  const ids = histories.flatMap((history) => history.map(({ checkpoint }) => checkpoint.checkpoint_id ?? ''));
  return createHash('sha256').update(ids.sort().join('\n')).digest('hex');
}

/** The way of the existing Python tool: a page of threads, then each thread and its history, and 0.2 s of rest. */
async function withPauses(): Promise<Work> {
  const client = new Client({ apiUrl: url(), apiKey: null });
  const histories = [];
  for (let offset = 0; ; offset += 100) {
    const rows = await client.threads.search({ limit: 100, offset });
    for (const { thread_id } of rows) {
      await client.threads.get(thread_id);
      histories.push(await client.threads.getHistory(thread_id, { limit: 100 }));
      await pause(200);
    }
    if (rows.length < 100) break;
  }
  return { records: histories.length, output: digestOf(histories) };
}

async function exported(folder: string, concurrency: number): Promise<Work> {
  const path = join(folder, 'threads.jsonl');
  const { counts } = await pipeline(langgraphSource({ apiUrl: url(), concurrency }))
    .to(jsonlSink({ path }))
    .run();
  const output = async (): Promise<string> => {
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    return digestOf(
      lines.map((line) => (JSON.parse(line) as { history: Parameters<typeof digestOf>[0][number] }).history),
    );
  };
  return { records: counts.read, output };
}

await bench({
  question: `${threads} threads of 10 checkpoints from a real JavaScript server`,
  base: 'one by one, with pauses',
  rounds: 2,
  async data() {
    const server = await startLanggraph();
    await seedMany(new Client({ apiUrl: server.url, apiKey: null }), threads);
    process.env['ETL_BENCH_LANGGRAPH'] = server.url;
  },
  variants: [
    { name: 'one by one, with pauses', run: withPauses },
    { name: 'langgraph, 1 at a time', run: (folder) => exported(folder, 1) },
    { name: 'langgraph, 16 at a time', run: (folder) => exported(folder, 16), target: { ratio: 3 } },
  ],
});
