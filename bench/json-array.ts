// A huge JSON object with an array in it, into JSON lines: how much faster than stream-json, and in how much memory?
// Command: npm run bench -- json-array
// Data:    1 GB {"threads":[…],"total":true} with threads of 20 KB (bench/data.ts, seed 1)
// Machine: 2 cores x86-64, Node 20.20, 2026-11-22, compiled as the package ships, otherwise idle, one round
//
// | variant     | MB/s | CPU s | peak MB | ratio | CPU ratio |
// | stream-json |   31 | 34.44 | 168 |  1.00 |  1.00 |
// | pipeline    |  514 |  2.56 |  89 | 16.78 | 13.44 |
//
// Reading: both targets are met (5 times, under 200 MB), the first three times over; before elements went into memory that is
// used again it was 11.6 times at 109 MB, on a faster day. stream-json runs with its fastest settings
// here (packed values, 256 KB reads); it makes objects of everything, the pipeline passes the elements' bytes on.
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline as nodePipeline } from 'node:stream/promises';

import { pick } from 'stream-json/filters/pick.js';
import { streamArray } from 'stream-json/streamers/stream-array.js';

import { pipeline } from '../src/pipeline.ts';
import { jsonlSink } from '../src/sinks/jsonl.ts';
import { jsonArraySource } from '../src/sources/json-array.ts';
import { sha256, threadsFile } from './data.ts';
import { bench, type Work } from './harness.ts';

const megabytes = Number(process.env['ETL_BENCH_MEGABYTES'] ?? 1000);
const input = await threadsFile(megabytes);
const { size } = await stat(input);

/** stream-json with its fastest settings: values packed, read and written in large pieces. */
async function byStreamJson(folder: string): Promise<Work> {
  const to = join(folder, 'out.jsonl');
  let records = 0;
  await nodePipeline(
    createReadStream(input, { highWaterMark: 1 << 18 }),
    pick.withParserAsStream({ filter: 'threads', streamValues: false, packValues: true }),
    streamArray.asStream(),
    async function* (elements: AsyncIterable<{ readonly value: unknown }>) {
      let lines: string[] = [];
      for await (const { value } of elements) {
        records += 1;
        lines.push(`${JSON.stringify(value)}\n`);
        if (lines.length < 16) continue;
        yield lines.join('');
        lines = [];
      }
      yield lines.join('');
    },
    createWriteStream(to, { highWaterMark: 1 << 20, flush: true }),
  );
  return { records, bytes: size, output: () => sha256(to) };
}

await bench({
  question: `{"threads":[…]} to JSON lines (${megabytes} MB, threads of 20 KB)`,
  base: 'stream-json',
  rounds: 3,
  variants: [
    { name: 'stream-json', run: byStreamJson },
    {
      name: 'pipeline',
      target: { ratio: 5, peakMegabytes: 200 },
      async run(folder) {
        const to = join(folder, 'out.jsonl');
        const { counts } = await pipeline(jsonArraySource({ path: input, at: 'threads' }))
          .to(jsonlSink({ path: to }))
          .run();
        return { records: counts.written, bytes: size, output: () => sha256(to) };
      },
    },
  ],
});
