// How much faster is a pipeline that needs no objects than parsing and stringifying each line?
// Command: npm run bench -- jsonl-copy
// Data:    400 MB of messages of 1.7 KB (bench/data.ts, seed 1)
// Machine: 2 cores x86-64, Node 20.20, 2026-11-21, median of 3 rounds
//
// | variant                                       | MB/s | CPU s | peak MB | ratio | CPU ratio |
// | parse and stringify                           |  113 | 3.29 | 121 | 1.00 | 1.00 |
// | the same with readline and a write stream     |      |      | 177 | 0.74 | 0.55 |
// | copy                                          |  433 | 1.12 | 134 | 3.88 | 2.99 |
// | limit                                         |  431 | 1.12 | 139 | 3.79 | 2.98 |
// | count                                         |  612 | 0.88 | 137 | 5.11 | 3.70 |
// | compress, level 1                             |  125 | 5.07 | 151 | 1.02 | 0.64 |
// | parse and stringify, then compress at level 1 |   50 | 7.69 | 155 | 0.45 | 0.43 |
//
// (The second row is from another run, on a busy machine: its ratios only.)
//
// Reading: 5.3 times the loop as it is usually written, 3.9 times the best we could write: just short of the target of 4
// there. The scan that proves every line to be JSON is a quarter of the time; handing reads and writes of 256 KB to the thread
// pool another quarter, the fsyncs at commits a fifth. Compression is deflate on the pool: 2.3 times the loop that compresses too.
import { execFileSync } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline as nodePipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

import { pipeline, type RunnablePipeline } from '../src/pipeline.ts';
import { discardSink } from '../src/sinks/discard.ts';
import { jsonlSink } from '../src/sinks/jsonl.ts';
import { jsonlSource } from '../src/sources/jsonl.ts';
import { limit } from '../src/transforms/limit.ts';
import { messagesFile, sha256 } from './data.ts';
import { bench, type Work } from './harness.ts';
import { parseAndStringify, usualParseAndStringify } from './parse-and-stringify.ts';

const input = await messagesFile(400);
/** More than there are: the stage counts and cuts, and the work stays the same. */
const all = 1_000_000_000;

const unchanged = (record: unknown): unknown => record;

async function ran(runnable: RunnablePipeline, output: Work['output']): Promise<Work> {
  const { counts, bytesRead } = await runnable.run();
  return { records: counts.read, bytes: bytesRead, ...(output === undefined ? {} : { output }) };
}

await bench({
  question: 'JSON lines without objects: copy, limit, count, compress (400 MB of messages of 1.7 KB)',
  base: 'parse and stringify',
  variants: [
    {
      name: 'parse and stringify',
      async run(folder) {
        const to = join(folder, 'out.jsonl');
        return { ...parseAndStringify(input, to, unchanged), output: () => sha256(to) };
      },
    },
    {
      name: 'the same with readline and a write stream',
      async run(folder) {
        const to = join(folder, 'out.jsonl');
        return { ...(await usualParseAndStringify(input, to, unchanged)), output: () => sha256(to) };
      },
    },
    {
      name: 'copy',
      target: { ratio: 4 },
      run(folder) {
        const to = join(folder, 'out.jsonl');
        return ran(pipeline(jsonlSource({ path: input })).to(jsonlSink({ path: to })), () => sha256(to));
      },
    },
    {
      name: 'limit',
      target: { ratio: 4 },
      run(folder) {
        const to = join(folder, 'out.jsonl');
        const limited = pipeline(jsonlSource({ path: input })).through(limit({ records: all }));
        return ran(limited.to(jsonlSink({ path: to })), () => sha256(to));
      },
    },
    {
      name: 'count',
      target: { ratio: 4 },
      outputLike: 'nothing',
      run: () => ran(pipeline(jsonlSource({ path: input })).to(discardSink({})), undefined),
    },
    {
      // gzip itself takes longer than all the rest: this one is held against the loop that compresses too, below.
      name: 'compress, level 1',
      run(folder) {
        const to = join(folder, 'out.jsonl.gz');
        return ran(pipeline(jsonlSource({ path: input })).to(jsonlSink({ path: to, compress: 'gzip' })), () =>
          unzipped(to),
        );
      },
    },
    {
      name: 'parse and stringify, then compress at level 1',
      async run(folder) {
        const plain = join(folder, 'out.jsonl');
        const to = join(folder, 'out.jsonl.gz');
        const work = parseAndStringify(input, plain, unchanged);
        await nodePipeline(
          createReadStream(plain, { highWaterMark: 1 << 20 }),
          createGzip({ level: 1 }),
          createWriteStream(to),
        );
        await rm(plain);
        return { ...work, output: () => unzipped(to) };
      },
    },
  ],
});

/** The sha256 of what a gzip file holds, by another gzip than ours. */
function unzipped(path: string): string {
  const digest = execFileSync('sh', ['-c', 'gzip -dc "$1" | sha256sum', 'sh', path], { encoding: 'utf8' });
  return digest.split(' ', 1)[0] ?? '';
}
