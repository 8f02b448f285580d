// Run by dedupe.test.ts, which kills it: jsonl → dedupe → jsonl, a line on stdout for each commit.
import { writeSync } from 'node:fs';

import { pipeline } from '../../src/pipeline.ts';
import { jsonlSink } from '../../src/sinks/jsonl.ts';
import { jsonlSource } from '../../src/sources/jsonl.ts';
import { dedupe } from '../../src/transforms/dedupe.ts';

const [input = '', output = ''] = process.argv.slice(2);

await pipeline(jsonlSource({ path: input, batchSize: 500 }), { name: 'dedupe' })
  .through(dedupe({ key: 'id', memory: 'spill', memoryBytes: 50_000 }))
  .to(jsonlSink({ path: output, commitEvery: 65_536 }))
  .run({ onCommit: () => writeSync(1, 'commit\n') });
