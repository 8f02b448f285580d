import { z } from 'zod';

import { defineSink } from '../component.ts';
import { commitEvery, compress, level } from '../files/file-sink-options.ts';
import { jsonArrayLayout } from '../files/json-layout.ts';
import { textFileSink } from '../files/text-file-sink.ts';
import type { Sink } from '../stage.ts';

const options = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe('File to write: UTF-8, one JSON array. Its folders are made. `-` is the standard output.')
    .meta({ examples: ['./out/conversations.json'] }),
  at: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Names the member that holds the array, with dots between names of nested objects. Default: the file is the array.',
    )
    .meta({ examples: ['threads', 'data.threads'] }),
  ifExists: z
    .enum(['replace', 'error'])
    .default('error')
    .describe('What to do when the file holds data: write it anew, or refuse.'),
  compress,
  level,
  commitEvery,
});
export type JsonArraySinkOptions = z.input<typeof options>;

/**
 * Writes records as one JSON array, a record a line; with `at: 'threads'` as `{"threads":[…]}`.
 *
 * Written and resumed like JSON lines (the `jsonl` sink); the closing bracket comes last, when the run is finished.
 *
 * @throws {EtlError} `ETL_SINK_EXISTS`, `ETL_SINK_CHANGED`, `ETL_SINK_FAILED`.
 */
export function jsonArraySink(input: JsonArraySinkOptions): Sink<unknown> {
  const { at, ...file } = options.parse(input);
  return textFileSink('json-array', file, jsonArrayLayout(at), at === undefined ? {} : { at });
}

export const jsonArraySinkComponent = defineSink({
  type: 'json-array',
  summary: 'One JSON array, or an object with an array in it',
  details:
    'Written under the final name, with the progress in `<path>.etl/` beside it; a killed run goes on from its last commit. ' +
    'The closing bracket is written when the run is finished: until then the file is not valid JSON.',
  accepts: 'any',
  options,
  examples: [
    'type: json-array\npath: ./out/conversations.json',
    'type: json-array\npath: ./out/export.json\nat: threads',
  ],
  create: jsonArraySink,
});
