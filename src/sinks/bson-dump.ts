import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { z } from 'zod';

import { defineSink } from '../component.ts';
import { systemCode } from '../errors.ts';
import { bsonLayout } from '../files/bson-layout.ts';
import { outputError } from '../files/file-error.ts';
import { commitEvery, compress, gzipLevelOf, level } from '../files/file-sink-options.ts';
import { isGone } from '../files/is-gone.ts';
import { writeRecordFile } from '../files/record-file.ts';
import { checkNewTarget } from '../files/target-file.ts';
import { targetLedger } from '../files/target-ledger.ts';
import type { Sink } from '../stage.ts';

const options = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe('Folder of the database to write the dump to. It is made.')
    .meta({ examples: ['./dump/LibreChat'] }),
  collection: z
    .string()
    .min(1)
    .describe('Collection that the records are for.')
    .meta({ examples: ['messages'] }),
  ifExists: z
    .enum(['append', 'replace', 'error'])
    .default('error')
    .describe('What to do when the collection is there already: add to it, write it anew, or refuse.'),
  compress,
  level,
  commitEvery,
});
export type BsonDumpSinkOptions = z.input<typeof options>;

/**
 * Writes records as a collection of a `mongodump` folder, for `mongorestore`: `<collection>.bson` and `.metadata.json`.
 *
 * Records are MongoDB Extended JSON v2 or plain JSON. Canonical Extended JSON keeps every type, so that a dump read as such is
 * written again byte for byte, deprecated types, equal names and their order included; elsewhere a number becomes int32, int64
 * or double by how it is written. `jsonToBson` says more. What is no document, holds a type in a wrong form, or is larger than
 * 16 MB is rejected. Written and resumed like JSON lines. The metadata names the index on `_id` only; metadata that is there
 * stays when records are appended.
 *
 * @throws {EtlError} `ETL_SINK_EXISTS`, `ETL_SINK_CHANGED`, `ETL_SINK_FAILED`.
 */
export function bsonDumpSink(input: BsonDumpSinkOptions): Sink<unknown> {
  const { path: folder, collection, ifExists, ...writing } = options.parse(input);
  const gzipLevel = gzipLevelOf(writing.compress, writing.level);
  const suffix = gzipLevel === undefined ? '' : '.gz';
  const name = fileNameOf(collection);
  const path = join(folder, `${name}.bson${suffix}`);
  const metadata = join(folder, `${name}.metadata.json${suffix}`);
  return {
    role: 'sink',
    name: 'bson-dump',
    config: { path: folder, collection, ifExists, ...(gzipLevel === undefined ? {} : writing) },
    ifExists,
    ledger: () => targetLedger(path),
    checkNew: () => checkNewTarget(path, ifExists),
    isGone: () => isGone(path),
    async *write(batches, ctx) {
      const to = { path, ifExists, commitEvery: writing.commitEvery, gzipLevel };
      yield* writeRecordFile(batches, ctx, to, bsonLayout());
      if (ctx.halted) return;
      const text = metadataOf(collection);
      await writeMetadata(metadata, gzipLevel === undefined ? text : gzipSync(text), ifExists === 'append');
    },
  };
}

/** The name `mongodump` gives to a collection's files: what a file name cannot hold is percent-encoded. */
function fileNameOf(collection: string): string {
  return encodeURIComponent(collection).replace(/%(?:24|26|2B|3D|40)/g, decodeURIComponent);
}

function metadataOf(collection: string): string {
  const int = (value: number): { $numberInt: string } => ({ $numberInt: String(value) });
  return JSON.stringify({
    indexes: [{ v: int(2), key: { _id: int(1) }, name: '_id_' }],
    collectionName: collection,
    type: 'collection',
  });
}

async function writeMetadata(path: string, content: string | Buffer, keep: boolean): Promise<void> {
  try {
    await writeFile(path, content, { flag: keep ? 'wx' : 'w' });
  } catch (error) {
    if (!(keep && systemCode(error) === 'EEXIST')) throw outputError(error, path);
  }
}

export const bsonDumpSinkComponent = defineSink({
  type: 'bson-dump',
  summary: 'A collection as mongodump writes it, for mongorestore',
  details:
    'Writes `<collection>.bson` and `<collection>.metadata.json` (with `compress: gzip` both as `.gz`, for `mongorestore --gzip`). ' +
    'Takes Extended JSON, relaxed or canonical, and plain JSON; plain ids and dates stay strings. Canonical keeps every type. ' +
    'Only the index on `_id` is declared: the application makes its own when it starts.',
  accepts: 'any',
  options,
  examples: ['type: bson-dump\npath: ./dump/LibreChat\ncollection: messages'],
  create: bsonDumpSink,
});
