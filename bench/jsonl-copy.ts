// How much faster is a pipeline that needs no objects than parsing and stringifying each line?
// Command: npm run bench -- jsonl-copy
// Data:    400 MB of messages of 1.7 KB (bench/data.ts, seed 1)
// Machine: 2 cores x86-64, Node 20.20, 2026-11-21, median of 3 rounds
//
// | variant                                       | MB/s | CPU s | peak MB | ratio | CPU ratio |
// | parse and stringify                           |  101 | 3.83 | 120 | 1.00 | 1.00 |
// | the same with readline and a write stream     |   48 | 8.42 | 158 | 0.47 | 0.45 |
// | copy                                          |  424 | 1.30 | 136 | 4.21 | 2.97 |
// | limit                                         |  444 | 1.23 | 137 | 4.38 | 3.03 |
// | count                                         |  546 | 1.02 | 138 | 5.38 | 3.74 |
// | compress at level 1                           |  118 | 5.53 | 152 | 1.16 | 0.69 |
// | parse and stringify then compress at level 1  |   46 | 8.51 | 156 | 0.47 | 0.46 |
//
// Reading: 8.9 times the loop as it is usually written, 4.2 times the best we could write. What is written goes to the disk in
// the background between commits; without that copying stood at 3.8 in the same hour. Compression is deflate on the thread pool
// and takes both cores: 2.6 times the loop that compresses too. The target of four is missed: zlib alone,
// four blocks at a time and nothing else running, takes 0.48 s for 100 MB on both cores, where a quarter of that loop's time is
// 0.55 s and of the plain loop's 0.25 s. Another compressor was not tried in a pipeline.
//
// A later round on a slower moment of the machine, one round: copy 3.31, limit 3.42, count 3.93. The sources of the reading above,
// run in turns with the later ones, were as slow then.
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
