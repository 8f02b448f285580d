// How much does the engine itself cost: small records through three stages that only pass them on?
// Command: npm run bench -- engine-pass-through
// Data:    10 M records in 20,000 batches of 500, the same records in every batch
// Machine: 2 cores x86-64, Node 20.20, 2026-11-21, otherwise idle, median of 2 rounds
//
// | variant | records/s | CPU s | peak MB | ratio | CPU ratio |
// | bare loop             | 77.7 M | 0.14 | 56 | 1.00 | 1.00 |
// | three sync stages     | 31.0 M | 0.44 | 76 | 0.40 | 0.33 |
// | three awaiting stages | 28.1 M | 0.48 | 76 | 0.36 | 0.30 |
//
// 2026-11-22, one round: 21.5 and 28.1.
//
// Reading: a batch costs the engine about 10 to 15 µs whatever is in it, 0.02 to 0.03 µs a record at 500 records. Stages of their own cost no
// more than fused ones at this size. Batches of 10 records would pay fifty times as much a record: do not cut small batches.
import { pipeline } from '../src/pipeline.ts';
import type { Batch, Sink, Source, Transform } from '../src/stage.ts';
import { syncTransform } from '../src/streams.ts';
import { bench, type Work } from './harness.ts';

interface Small {
  readonly id: number;
  readonly text: string;
}

const batchSize = 500;
const batches = 20_000;
const records = Array.from({ length: batchSize }, (_, id): Small => ({ id, text: `message ${id}` }));

/** The same 500 records in every batch: making them is not the question. Each batch has its own cursor. */
function repeated(): Source<Small> {
  return {
    role: 'source',
    name: 'repeated',
    async *read() {
      for (let batch = 1; batch <= batches; batch += 1) yield { records, bytes: 20 * batchSize, cursor: batch };
    },
  };
}

/** A stage that touches every record, as a map or filter does. */
function passSync(name: string): Transform<Small, Small> {
  return syncTransform({ name }, () => (batch) => ({
    records: batch.records.map((record) => record),
    bytes: batch.bytes,
  }));
}

/** The same in a generator of its own. */
function passAwaiting(name: string): Transform<Small, Small> {
  return {
    role: 'transform',
    name,
    async *apply(input) {
      for await (const batch of input) yield { ...batch, records: batch.records.map((record) => record) };
    },
  };
}

function summing(total: { ids: number }): Sink<Small> {
  return {
    role: 'sink',
    name: 'summing',
    async *write(input: AsyncIterable<Batch<Small>>) {
      let pending = 0;
      let cursor: Batch<Small>['cursor'];
      for await (const batch of input) {
        for (const { id } of batch.records) total.ids += id;
        pending += batch.records.length;
        cursor = batch.cursor;
      }
      yield { records: pending, cursor };
    },
  };
}

async function through(stage: (name: string) => Transform<Small, Small>): Promise<Work> {
  const total = { ids: 0 };
  const report = await pipeline(repeated(), { name: 'bench' })
    .through(stage('first'))
    .through(stage('second'))
    .through(stage('third'))
    .to(summing(total))
    .run();
  return { records: report.counts.written, output: `${report.counts.read} ${total.ids}` };
}

/** What the same work costs without an engine: three copies of each array and the sum. */
function loop(): Work {
  let ids = 0;
  for (let batch = 1; batch <= batches; batch += 1) {
    let current: readonly Small[] = records;
    for (let stage = 0; stage < 3; stage += 1) current = current.map((record) => record);
    for (const { id } of current) ids += id;
  }
  return { records: batches * batchSize, output: `${batches * batchSize} ${ids}` };
}

await bench({
  question: 'Three pass-through stages over batches of 500 small records',
  base: 'bare loop',
  variants: [
    { name: 'bare loop', run: loop },
    { name: 'three sync stages', run: () => through(passSync), target: { recordsPerSecond: 3e6 } },
    { name: 'three awaiting stages', run: () => through(passAwaiting), target: { recordsPerSecond: 3e6 } },
  ],
});
