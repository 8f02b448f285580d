import { z } from 'zod';

import { defineSource } from '../component.ts';
import { batchBytes, batchSize, configOf, inputPath, maxLineBytes } from '../files/file-source-options.ts';
import { jsonArrayFormat } from '../files/json-formats.ts';
import { recordFileSource } from '../files/record-file-source.ts';
import type { Source } from '../stage.ts';

const options = z.strictObject({
  path: inputPath.describe(
    'File with one JSON array, plain, gzip or zstd. Or several files, or a pattern; `-` is the standard input.',
  ),
  at: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Names the member that holds the array, with dots between names of nested objects. Default: the file is the array.',
    )
    .meta({ examples: ['threads', 'data.threads'] }),
  batchSize,
  batchBytes,
  maxLineBytes: maxLineBytes.describe('A longer element is rejected. It takes no memory.'),
});
export type JsonArraySourceOptions = z.input<typeof options>;

/**
 * Reads the elements of one large JSON array, or of an array inside an object, without ever holding the whole.
 *
 * An element is passed on as it stands in the file, without making objects unless a stage asks for them; only line breaks
 * between its tokens are dropped. An element that is not JSON, where the next can still be found, is rejected. The cursor
 * is a byte offset.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND`, `ETL_SOURCE_INVALID` with the byte offset (no array there, broken structure,
 *   something after the end), `ETL_SOURCE_TRUNCATED`, `ETL_SOURCE_CHANGED`, `ETL_SOURCE_FAILED`.
 */
export function jsonArraySource<T = unknown>(input: JsonArraySourceOptions): Source<T> {
  const given = options.parse(input);
  const format = jsonArrayFormat(given.at, given);
  return recordFileSource({ name: 'json-array', config: configOf(given), files: given.path, format });
}

export const jsonArraySourceComponent = defineSource({
  type: 'json-array',
  summary: 'A large JSON array, or an array inside an object',
  details:
    'Reads files of any size in flat memory. `at: threads` reads the array in `{"threads": [ … ]}`; other members are passed over. ' +
    'Elements come out as they stand in the file, without line breaks.',
  gives: 'any',
  options,
  examples: ['type: json-array\npath: ./conversations.json', 'type: json-array\npath: ./export.json.gz\nat: threads'],
  create: jsonArraySource,
});
