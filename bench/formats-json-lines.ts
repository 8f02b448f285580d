// How fast are JSON lines split and validated in memory, against splitting and parsing them?
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

function lines(found: (from: number, to: number) => void): Work {
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
  base: 'split and JSON.parse',
  data: () => messagesFile(megabytes),
  variants: [
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
