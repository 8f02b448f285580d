// How fast is a huge JSON array split into lines in memory, against stream-json and against parsing it whole?
//
//   npm run bench -- formats-json-array
//
// 2026-11-21, 2 cores x64 2.5 GHz shared with other work (load 10 to 20: CPU seconds are the steadier column), Node 20.20.2,
// 60 MB in memory, about 2,840 threads of 20 KB, read in pieces of 256 KiB, median of 3 rounds:
//
//   variant                                        wall MB/s   CPU s   ratio   CPU ratio   peak MB
//   stream-json                                           21    2.15    1.00        1.00       347
//   JSON.parse of the whole                               56    0.71    2.61        3.07       472
//   splitJsonArray, WebAssembly                          577    0.08   33.64       25.52       173
//   splitJsonArray, TypeScript                           230    0.21   12.86        9.95       174
//   splitJsonArray of indented JSON, WebAssembly         129    0.20    7.95       10.61       695
//
// Reading: the splitter validates what it passes on and is 25 times as cheap as stream-json. Indented input costs two and a
// half times as much, for the line breaks are taken out one by one. Peaks hold the input of 60 MB (and the text it
// was indented from in the last variant); the one in flat memory, from file to file, is measured by json-array.ts.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';

import { pick } from 'stream-json/filters/pick.js';
import { streamArray } from 'stream-json/streamers/stream-array.js';

import { splitJsonArray } from '../src/formats/json-array.ts';
import type { Engine } from '../src/formats/json-chunk.ts';
import { jsonLines } from '../src/formats/json-lines-out.ts';
import { threadsFile } from './data.ts';
import { bench, type Variant, type Work } from './harness.ts';

const megabytes = 60;
let input = Buffer.alloc(0);

async function load(): Promise<void> {
  input = await readFile(await threadsFile(megabytes));
}

/** The same, indented and with a line for each value, as exports made for people are. */
async function loadPretty(): Promise<void> {
  await load();
  input = Buffer.from(JSON.stringify(JSON.parse(input.toString('utf8')), null, 2));
}

function* reads(): Generator<Buffer> {
  for (let from = 0; from < input.length; from += 262_144) yield input.subarray(from, from + 262_144);
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

async function byStreamJson(): Promise<Work> {
  const out: string[] = [];
  const elements = Readable.from(reads())
    .pipe(pick.withParserAsStream({ filter: 'threads', streamValues: false, packValues: true }))
    .pipe(streamArray.asStream()) as AsyncIterable<{ readonly value: unknown }>;
  for await (const { value } of elements) out.push(`${JSON.stringify(value)}\n`);
  return { records: out.length, bytes: input.length, output: () => sha256(out.join('')) };
}

function byJsonParse(): Work {
  const { threads } = JSON.parse(input.toString('utf8')) as { readonly threads: readonly unknown[] };
  const out = threads.map((thread) => `${JSON.stringify(thread)}\n`);
  return { records: out.length, bytes: input.length, output: () => sha256(out.join('')) };
}

function splitter(name: string, engine: Engine, rest: Partial<Variant> = {}): Variant {
  return {
    name,
    prepare: load,
    async run() {
      let records = 0;
      for await (const { json } of splitJsonArray(reads(), { at: 'threads', engine })) records += json.count;
      return { records, bytes: input.length, output: () => digest(engine) };
    },
    ...rest,
  };
}

/** What the splitter gave, hashed after the clock was stopped. */
async function digest(engine: Engine): Promise<string> {
  const hash = createHash('sha256');
  for await (const { json } of splitJsonArray(reads(), { at: 'threads', engine })) hash.update(jsonLines(json));
  return hash.digest('hex');
}

await bench({
  question: `{"threads":[…]} in memory to lines (${megabytes} MB, threads of 20 KB)`,
  base: 'stream-json',
  rounds: 3,
  data: () => threadsFile(megabytes),
  variants: [
    { name: 'stream-json', prepare: load, run: byStreamJson },
    { name: 'JSON.parse of the whole', prepare: load, run: byJsonParse },
    splitter('splitJsonArray, WebAssembly', 'wasm', { target: { ratio: 15 } }),
    splitter('splitJsonArray, TypeScript', 'typescript'),
    // Keeps the space behind a colon, so it gives other bytes.
    splitter('splitJsonArray of indented JSON, WebAssembly', 'wasm', { prepare: loadPretty, outputLike: 'indented' }),
  ],
});
