// What does a condition cost as an expression in YAML, against a function?
// Command: npm run bench -- filter-expression
// Data:    200,000 small records in memory, `role = "user" and length > 100`
// Machine: 2 cores x86-64, Node 20.20, 2026-11-21, shared with other work, median of 3 rounds
//
// | variant           | records/s | CPU s | peak MB | ratio | CPU ratio |
// | function          |    5.19 M |  0.04 |     107 |  1.00 |      1.00 |
// | simple expression |    1.47 M |  0.14 |     115 |  0.28 |      0.29 |
// | full expression   |     160 k |  1.21 |     121 |  0.02 |      0.03 |
//
// Reading: the runs are short, so start-up weighs on all of them. A simple condition costs some tenths of a microsecond and
// vanishes beside reading a message (10 µs); one that needs JSONata's own evaluator costs as much as reading it.
import { recordCount } from '../src/batch.ts';
import { pipeline } from '../src/pipeline.ts';
import type { Batch, Transform } from '../src/stage.ts';
import { filter } from '../src/transforms/filter.ts';
import { bench } from './harness.ts';

const batches = 400;
const perBatch = 500;

interface Message {
  readonly role: string;
  readonly length: number;
  readonly parts: readonly number[];
}

const records = Array.from(
  { length: perBatch },
  (_, index): Message => ({ role: index % 2 === 0 ? 'user' : 'assistant', length: index, parts: [index] }),
);

/** 200,000 small records through one filter. */
async function filtered(transform: Transform<unknown, unknown>) {
  let left = 0;
  const source = {
    role: 'source' as const,
    name: 'memory',
    async *read(): AsyncGenerator<Batch<unknown>> {
      for (let round = 0; round < batches; round += 1) yield { records };
    },
  };
  await pipeline(source)
    .through(transform)
    .to({
      role: 'sink',
      name: 'count',
      async *write(input) {
        for await (const batch of input) left += recordCount(batch);
        yield { records: left };
      },
    })
    .run();
  return { records: batches * perBatch, output: `${left}` };
}

await bench({
  question: 'a condition on small records in memory',
  base: 'function',
  variants: [
    {
      name: 'function',
      run: () =>
        filtered(
          filter((record) => {
            const { role, length } = record as Message;
            return role === 'user' && length > 100;
          }),
        ),
    },
    { name: 'simple expression', run: () => filtered(filter({ where: 'role = "user" and length > 100' })) },
    {
      name: 'full expression',
      run: () => filtered(filter({ where: 'role = "user" and $max([length, 0]) > 100' })),
    },
  ],
});
