// What do 3 million keys cost to remember exactly: in memory, spilled to files, and in a Set of strings?
// Command: npm run bench -- dedupe-keys
// Data:    UUIDs as strings, made on the fly
// Machine: 2 cores x86-64, Node 20.20, 2026-11-21, overloaded with other work: trust CPU seconds only; median of 3 rounds
//
// | variant                     | CPU s | peak MB | CPU ratio |
// | Set of strings              |  3.53 |     424 |      1.00 |
// | keys only made and digested |  4.19 |     123 |      0.81 |
// | memory: exact               |  5.43 |     234 |      0.65 |
// | memory: spill in 16 MB      |  8.01 |     179 |      0.45 |
//
// Reading: most of the time is the SHA-256 of each key (1 µs); the table itself takes 0.4 µs a key, spilling 1.3 µs. The
// process stays at 55 % of the Set's peak here; at 10 million keys the table alone was seen at 29 bytes a key. It has no
// ceiling at 16.7 million keys, which a Set has. We are slower than a Set up to some million keys, and larger ones fit.
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';

import { digestKey, keyWords } from '../src/spill/key-digest.ts';
import { KeyTable } from '../src/spill/key-table.ts';
import { SpilledKeys } from '../src/spill/spilled-keys.ts';
import { bench } from './harness.ts';

const count = 3_000_000;
const perBatch = 500;

/** Every fourth key is one that was there. */
const keyAt = (index: number): string =>
  `0190a1b2-7c3d-7e4f-8a5b-${String(index % 4 === 3 ? index >>> 1 : index).padStart(12, '0')}`;

async function countNew(keys: { add(words: Uint32Array): boolean }, settle: () => Promise<void>) {
  const words = new Uint32Array(keyWords);
  let fresh = 0;
  for (let index = 0; index < count; index += 1) {
    digestKey(keyAt(index), words, 0);
    if (keys.add(words)) fresh += 1;
    if (index % perBatch === 0) await settle();
  }
  return { records: count, output: `${fresh}` };
}

await bench({
  question: `${count / 1e6} million keys (UUIDs as strings), every fourth seen before`,
  base: 'Set of strings',
  variants: [
    {
      name: 'Set of strings',
      run() {
        const seen = new Set<string>();
        for (let index = 0; index < count; index += 1) seen.add(keyAt(index));
        return { records: count, output: `${seen.size}` };
      },
    },
    {
      name: 'keys only made and digested',
      outputLike: 'floor',
      run: () => countNew({ add: () => true }, async () => undefined),
    },
    { name: 'memory: exact', run: () => countNew(new KeyTable(), async () => undefined) },
    {
      name: 'memory: spill in 16 MB',
      async run(folder) {
        const keys = new SpilledKeys(join(mkdtempSync(join(folder, 'keys-')), 'runs'), 16 * 1024 * 1024);
        const done = await countNew(keys, () => keys.settle());
        await keys.close();
        return done;
      },
    },
  ],
});
