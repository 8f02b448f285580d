// How much faster is a pipeline that needs no objects than parsing and stringifying each line?
// Command: npm run bench -- jsonl-copy
// Data:    400 MB of messages of 1.7 KB (bench/data.ts, seed 1)
// Machine: 2 cores x86-64, Node 20.20, 2026-11-22, compiled as the package ships, otherwise idle, median of 3
//          rounds; the two loops marked * in 3 rounds of a busy machine the day before (their ratios to the base of that run)
//
// | variant                                       | MB/s | CPU s | peak MB | ratio | CPU ratio |
// | parse and stringify                           |   85 | 4.54 |  91 | 1.00 | 1.00 |
// | the same with readline and a write stream *   |   39 | 9.92 | 138 | 0.48 | 0.45 |
// | copy                                          |  421 | 1.32 |  87 | 4.91 | 3.42 |
// | limit                                         |  393 | 1.44 |  87 | 5.09 | 3.52 |
// | count                                         |  482 | 1.04 |  85 | 5.99 | 4.56 |
// | compress at level 1                           |  208 | 3.14 | 111 | 2.45 | 1.45 |
// | parse and stringify then compress * |   41 | 9.61 | 124 | 0.46 | 0.45 |
//
// The day before, 5 rounds: 4.72, 4.26, 6.05 and 2.06.
//
// Reading: copying is held by reading and writing 400 MB; the loop does that, too. Chunks go into memory that is used again once
// they are written: 10 MB less at the peak than before, and less CPU.
// Compression is 4.5 to 5.3 times the loop that compresses too, by a deflate of our own in two threads: 2.4 to 3 times as fast as
// zlib at level 1 on one core, its files 4 % larger. Four times the loop that does not compress is out of reach: with both
// cores busy all the time that leaves 2.0 CPU s for 400 MB, where count takes 1 and deflate alone 1.2 to 1.5.
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
      // Deflate takes longer than all the rest: this one is held against the loop that compresses too, below.
      name: 'compress at level 1',
      run(folder) {
        const to = join(folder, 'out.jsonl.gz');
        return ran(pipeline(jsonlSource({ path: input })).to(jsonlSink({ path: to, compress: 'gzip' })), () =>
          unzipped(to),
        );
      },
    },
    {
      name: 'parse and stringify then compress at level 1',
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
