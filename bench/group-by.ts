// What does it cost to group messages by a key that is scattered over the input, in memory and with files?
// Command: npm run bench -- group-by
// Data:    200 MB of messages of 1.7 KB (bench/data.ts, seed 1), some hundred groups
// Machine: 2 cores x86-64, Node 20.20, 2026-11-21, shared with other work, median of 3 rounds
//
// | variant                       | MB/s | CPU s | peak MB | ratio | CPU ratio |
// | a Map in memory               |   82 |  2.23 |     689 |  1.00 |      1.00 |
// | group-by, all in memory       |   52 |  3.24 |     353 |  0.75 |      0.69 |
// | group-by, 64 MB (the default) |   52 |  3.32 |     233 |  0.69 |      0.67 |
// | group-by, 8 MB                |   42 |  3.62 |     181 |  0.59 |      0.62 |
//
// Reading: files cost next to nothing (they stay in the page cache). What is left against the Map is the check of every line
// before it is taken and decoding records whose key is all that is wanted: reading the key from the bytes would mend that.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { jsonRecordText } from '../src/formats/json-records.ts';
import { pipeline } from '../src/pipeline.ts';
import { jsonlSource } from '../src/sources/jsonl.ts';
import { groupBy } from '../src/transforms/group-by.ts';
import { messagesFile } from './data.ts';
import { bench } from './harness.ts';

const input = await messagesFile(200);

/** Messages of all conversations by the number of their tokens: some hundred groups, spread over the whole file. */
async function grouped(memoryBytes: number) {
  const digest = createHash('sha256');
  let bytes = 0;
  const report = await pipeline(jsonlSource({ path: input }))
    .through(groupBy({ key: 'tokenCount', memoryBytes }))
    .to({
      role: 'sink',
      name: 'digest',
      async *write(batches) {
        for await (const { json, cursor } of batches) {
          const count = json?.count ?? 0;
          for (let index = 0; json !== undefined && index < count; index += 1)
            digest.update(jsonRecordText(json, index));
          yield { records: count, cursor };
        }
      },
    })
    .run();
  bytes = report.bytesRead;
  return { records: report.counts.read, bytes, output: digest.digest('hex') };
}

function groupedInMap() {
  const groups = new Map<number, string[]>();
  const text = readFileSync(input, 'utf8');
  let records = 0;
  for (let at = 0; at < text.length; records += 1) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end);
    const key = (JSON.parse(line) as { tokenCount: number }).tokenCount;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [line]);
    else group.push(line);
    at = end + 1;
  }
  const digest = createHash('sha256');
  for (const key of [...groups.keys()].sort((left, right) => left - right)) {
    digest.update(`{"key":${key},"records":[${groups.get(key)?.join(',')}]}`);
  }
  return { records, bytes: Buffer.byteLength(text), output: digest.digest('hex') };
}

await bench({
  question: '200 MB of messages grouped by a field with some hundred values',
  base: 'a Map in memory',
  rounds: 3,
  variants: [
    { name: 'a Map in memory', run: groupedInMap },
    { name: 'group-by, all in memory', run: () => grouped(1e9) },
    { name: 'group-by, 64 MB (the default)', run: () => grouped(64 * 1024 * 1024) },
    { name: 'group-by, 8 MB', run: () => grouped(8 * 1024 * 1024) },
  ],
});
