// How much faster is a pipeline that needs no objects than parsing and stringifying each line?
// Command: npm run bench -- jsonl-copy
// Data:    400 MB of messages of 1.7 KB (bench/data.ts, seed 1)
// Machine: 2 cores x86-64, Node 20.20, 2026-11-21, compiled as the package ships, median of 2 rounds. The machine had much
//          other work (the benches went before it): take ratios from here
//
// | variant                                       | MB/s | CPU s | peak MB | ratio | CPU ratio |
// | parse and stringify                           |   90 | 4.00 |  91 | 1.00 | 1.00 |
// | copy                                          |  420 | 1.11 | 108 | 4.64 | 3.62 |
// | limit                                         |  365 | 1.17 | 108 | 3.99 | 3.43 |
// | count                                         |  682 | 0.75 | 113 | 7.60 | 5.30 |
// | compress at level 1                           |  204 | 2.62 | 137 | 2.25 | 1.53 |
// | parse and stringify then compress at level 1  |   41 | 8.89 | 124 | 0.46 | 0.45 |
//
// The table was taken while files were read at once in the main thread, which was left out since: memory grew with the data.
// As it is now, one round: copy 4.15, limit 3.82, count 5.15, compress 2.01 (196 MB/s).
//
// Reading: copying is held by writing 400 MB, which alone takes 0.33 s here (0.12 s into memory, the rest waiting for the
// disk); the loop does that, too. limit does the work of copy: the difference is noise (4.02 and 4.40 in a run before).
// Compression is 5.0 times the loop that compresses too, by a deflate of our own in two threads: 2.4 to 3 times as fast as
// zlib at level 1 on one core (270 to 350 against 112 MB per CPU second), its files 4 % larger. Of the 2.6 CPU s, 0.75 are those
// of count and 1.4 are deflate. Four times the loop that does not compress is out of reach: with both cores busy all the time
// that leaves 2.0 CPU s for 400 MB, so 1.2 for deflate and nothing else beside count, where deflate alone takes 1.2 to 1.5.
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
