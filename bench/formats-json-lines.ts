// How fast are JSON lines split and validated in memory, against splitting and parsing them?
//
//   npm run bench -- formats-json-lines
//
// 2026-11-21, 2 cores x64 2.5 GHz shared with other work (load 10 to 20: CPU seconds are the steadier column), Node 20.20.2,
// 200 MB of messages of 1.7 KB in memory, read in pieces of 256 KiB, median of 5 rounds:
//
//   variant                            wall MB/s   CPU s   ratio   CPU ratio
//   split, JSON.parse, JSON.stringify         29    1.87    1.00        1.00
//   split and JSON.parse                      50    0.87    2.18        2.16
//   split only                              2957    0.03     100          66
//   readJsonLines, WebAssembly               224    0.22    7.61        8.64
//   readJsonLines, TypeScript                 71    0.59    2.49        3.09
//
// Reading: checking the grammar and UTF-8 and copying each chunk costs 0.2 s of CPU for 200 MB (0.9 GB per CPU second), a
// quarter of JSON.parse alone; without WebAssembly two thirds of it. Not checking would be seven times as fast again: what
// is passed on unchecked would have to be doubted by every stage behind.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import type { Engine } from '../src/formats/json-chunk.ts';
import { readJsonLines } from '../src/formats/json-lines.ts';
import { jsonLines } from '../src/formats/json-lines-out.ts';
import { messagesFile } from './data.ts';
import { bench, type Variant, type Work } from './harness.ts';

const megabytes = 200;
let input = Buffer.alloc(0);

async function load(): Promise<void> {
  input = await readFile(await messagesFile(megabytes));
}

/** The input as reads of a file give it. */
function* reads(): Generator<Buffer> {
  for (let from = 0; from < input.length; from += 262_144) yield input.subarray(from, from + 262_144);
}

function lines(found: (from: number, to: number) => unknown): Work {
  let records = 0;
  for (let from = 0; from < input.length; records += 1) {
    const to = input.indexOf(10, from);
    found(from, to);
    from = to + 1;
  }
  return { records, bytes: input.length };
}

function reader(name: string, engine: Engine, target?: Variant['target']): Variant {
  return {
    name,
    ...(target === undefined ? {} : { target }),
    prepare: load,
    async run() {
      let records = 0;
      for await (const { json } of readJsonLines(reads(), { engine })) records += json.count;
      return { records, bytes: input.length, output: () => digest(engine) };
    },
  };
}

/** What the reader gave, hashed after the clock was stopped. */
async function digest(engine: Engine): Promise<string> {
  const hash = createHash('sha256');
  for await (const { json } of readJsonLines(reads(), { engine })) hash.update(jsonLines(json));
  return hash.digest('hex');
}

const inputDigest = (): string => createHash('sha256').update(input).digest('hex');

await bench({
  question: `JSON lines in memory: split and validate (${megabytes} MB of messages of 1.7 KB)`,
  base: 'split, JSON.parse, JSON.stringify',
  data: () => messagesFile(megabytes),
  variants: [
    {
      name: 'split, JSON.parse, JSON.stringify',
      prepare: load,
      run() {
        const line = Buffer.alloc(1 << 20);
        const hash = createHash('sha256');
        const written = (from: number, to: number): Buffer => {
          const text = `${JSON.stringify(JSON.parse(input.toString('utf8', from, to)))}\n`;
          return line.subarray(0, line.write(text));
        };
        const work = lines(written);
        return {
          ...work,
          output() {
            lines((from, to) => hash.update(written(from, to)));
            return hash.digest('hex');
          },
        };
      },
    },
    {
      name: 'split and JSON.parse',
      prepare: load,
      run: () => ({
        ...lines((from, to) => JSON.parse(input.toString('utf8', from, to)) as unknown),
        output: inputDigest,
      }),
    },
    { name: 'split only', prepare: load, run: () => ({ ...lines(() => undefined), output: inputDigest }) },
    reader('readJsonLines, WebAssembly', 'wasm', { ratio: 4 }),
    reader('readJsonLines, TypeScript', 'typescript'),
  ],
});
