import { z } from 'zod';

import { defineSource } from '../component.ts';
import { bsonFormat } from '../files/bson-formats.ts';
import { dumpFile } from '../files/dump-files.ts';
import { batchBytes, batchSize, bsonTypes, configOf } from '../files/file-source-options.ts';
import { recordFileSource } from '../files/record-file-source.ts';
import type { Source } from '../stage.ts';

const options = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe('Folder that `mongodump` made (of the database, or the one above it), or one `.bson` file, gzip or not.')
    .meta({ examples: ['./dump/LibreChat', './dump/LibreChat/messages.bson.gz'] }),
  collection: z
    .string()
    .min(1)
    .optional()
    .describe('Collection to read from a folder. May be left out when there is only one.')
    .meta({ examples: ['messages'] }),
  types: bsonTypes,
  batchSize,
  batchBytes,
});
export type BsonDumpSourceOptions = z.input<typeof options>;

/**
 * Reads the documents of one collection from a `mongodump` folder or a `.bson` file, in the order they lie there.
 *
 * BSON becomes JSON text without objects in between, in one of three forms (`types`). A document that is not BSON inside is
 * rejected and reading goes on with the next; a length that cannot be one ends it, as the next document cannot be found.
 * The cursor is a byte offset. Archives (`mongodump --archive`) are not read.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND`, `ETL_SOURCE_INVALID`, `ETL_SOURCE_TRUNCATED` with the offset of the document cut
 *   short (all before it is given), `ETL_SOURCE_CHANGED`, `ETL_SOURCE_FAILED`.
 */
export function bsonDumpSource<T = unknown>(input: BsonDumpSourceOptions): Source<T> {
  const given = options.parse(input);
  const format = bsonFormat(given.types, given);
  return recordFileSource({
    name: 'bson-dump',
    config: configOf(given),
    files: () => dumpFile(given.path, given.collection),
    format,
  });
}

export const bsonDumpSourceComponent = defineSource({
  type: 'bson-dump',
  summary: 'One collection of a mongodump, or a .bson file',
  details:
    'Documents become JSON in the form that `types` names: `relaxed` and `canonical` are MongoDB Extended JSON v2, which loses no type ' +
    '(canonical) or only the difference between number types (relaxed); `plain` is what most other programs want: ids and dates as strings. ' +
    'A dump cut short gives everything before the cut and then fails with the byte offset. `mongodump --archive` is not read: dump with `--out`.',
  gives: 'any',
  options,
  examples: [
    'type: bson-dump\npath: ./dump/LibreChat\ncollection: messages',
    'type: bson-dump\npath: ./messages.bson.gz\ntypes: plain',
  ],
  create: bsonDumpSource,
});
