import { z } from 'zod';

import { defineSource } from '../component.ts';
import { extendedJsonFormat } from '../files/bson-formats.ts';
import { batchBytes, batchSize, bsonTypes, configOf, inputPath, maxLineBytes } from '../files/file-source-options.ts';
import { recordFileSource } from '../files/record-file-source.ts';
import type { Source } from '../stage.ts';

const options = z.strictObject({
  path: inputPath.describe('File that `mongoexport` made, or several, or a pattern; `-` is the standard input.'),
  types: bsonTypes,
  batchSize,
  batchBytes,
  maxLineBytes,
});
export type ExtendedJsonSourceOptions = z.input<typeof options>;

/**
 * Reads what `mongoexport` writes: MongoDB Extended JSON, one document a line or (`--jsonArray`) one array of them.
 *
 * Every document is read with its types and written in the form of `types`, the same bytes that the dump of the same
 * documents gives (the `bson-dump` source), but for what a relaxed export has lost: whether a small integer had 32 bits or 64.
 * What is not Extended JSON is rejected.
 *
 * @throws {EtlError} as the `jsonl` source does.
 */
export function extendedJsonSource<T = unknown>(input: ExtendedJsonSourceOptions): Source<T> {
  const given = options.parse(input);
  const format = extendedJsonFormat(given.types, given);
  return recordFileSource({ name: 'extended-json', config: configOf(given), files: given.path, format });
}

export const extendedJsonSourceComponent = defineSource({
  type: 'extended-json',
  summary: 'Files made by mongoexport: Extended JSON, lines or an array',
  details:
    'Takes relaxed and canonical Extended JSON v2, a document a line or one array (`--jsonArray`), plain, gzip or zstd, and gives each ' +
    'document in the form that `types` names. For JSON lines without MongoDB types the `jsonl` source is several times as fast.',
  gives: 'any',
  options,
  examples: ['type: extended-json\npath: ./messages.json', 'type: extended-json\npath: ./export/*.json\ntypes: plain'],
  create: extendedJsonSource,
});
