import { z } from 'zod';

/** A stage: its `type`, and the options of that component. */
export const stageOptions = z.looseObject({
  type: z.string().describe('The component: see `etl list`.'),
});

const rejects = z.strictObject({
  to: z
    .string()
    .min(1)
    .describe('File for the rejected records: JSON lines of stage, code, reason, at, record.')
    .meta({ examples: ['./rejects.jsonl'] }),
  max: z.int().min(0).describe('Stop when more records than this were rejected.').optional(),
  maxRatio: z
    .number()
    .min(0)
    .max(1)
    .describe('Stop when more than this part of what was read was rejected.')
    .optional(),
});

const rejected = z.strictObject({
  stage: z.string().describe('The stage that rejects it.').optional(),
  code: z.string().describe('The code of the reason.').optional(),
  reason: z.string().describe('Part of the reason.').optional(),
});

const stageTest = z
  .strictObject({
    name: z.string().min(1).describe('What should happen, in a sentence.'),
    stages: z
      .union([z.string(), z.tuple([z.string(), z.string()])])
      .describe('The transform to test, or the first and the last of several. Default: all transforms.')
      .optional(),
    input: z.array(z.unknown()).describe('Records that go in.').optional(),
    inputFile: z.string().describe('JSON or JSON lines file with the records that go in.').optional(),
    expect: z.array(z.unknown()).describe('Records that must come out.').optional(),
    expectFile: z.string().describe('JSON or JSON lines file with the records that must come out.').optional(),
    rejects: z.array(rejected).describe('Records that must be rejected, in order. Default: none.').default([]),
  })
  .refine(
    ({ input, inputFile }) => (input === undefined) !== (inputFile === undefined),
    'needs either `input` or `inputFile`',
  )
  .refine(
    ({ expect, expectFile }) => expect === undefined || expectFile === undefined,
    'takes either `expect` or `expectFile`',
  );

/** What stands in a pipeline file, the options of its stages aside. */
export const pipelineOptions = z.strictObject({
  name: z
    .string()
    .min(1)
    .describe(
      'Names the run: same name, same configuration and same target go on where the last run stopped. Default: the name of the file.',
    )
    .optional(),
  description: z.string().describe('For readers.').optional(),
  source: stageOptions.describe('Where the records come from.'),
  transforms: z.array(stageOptions).describe('What happens to them on the way, in order.').default([]),
  sink: stageOptions.describe('Where they go.'),
  onReject: z
    .union([z.literal('stop'), rejects])
    .describe(
      'What happens to records that cannot be processed: `stop` the run, or leave them out and keep them in a file.',
    )
    .default('stop'),
  tests: z.array(stageTest).describe('Tests of the transforms, run by `etl test`.').default([]),
});

export type PipelineOptions = z.output<typeof pipelineOptions>;
export type StageOptions = z.output<typeof stageOptions>;
/** A test in a pipeline file. */
export type StageTest = z.output<typeof stageTest>;
