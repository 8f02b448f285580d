import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BSON, EJSON } from 'bson';
import { openCollectionFiles, writeBinary } from './collection-files.ts';
import { collectionIndexes, indexName, type IndexEra } from './collection-indexes.ts';
import type { GeneratedRecord } from './types.ts';

export interface WriteOptions {
  /** Where uploads, images and the database folder go. */
  readonly directory: string;
  readonly indexes?: IndexEra;
  readonly gzip?: boolean;
}
export type Written = Record<string, { documents: number; bytes: number }>;

/**
 * Writes records as `mongodump` does: `<directory>/dump/LibreChat/<collection>.bson` (`.gz` when asked) and
 * `.metadata.json` beside it; uploads go to `<directory>/uploads` and so on. Returns documents and bytes a collection.
 */
export async function writeDump(
  records: Iterable<GeneratedRecord>,
  { directory, indexes = 'current', gzip = false }: WriteOptions,
): Promise<Written> {
  const folder = join(directory, 'dump', 'LibreChat');
  const suffix = gzip ? '.gz' : '';
  await mkdir(folder, { recursive: true });
  const files = openCollectionFiles(folder, `.bson${suffix}`);
  for (const record of records) {
    if (!('document' in record)) await writeBinary(directory, record);
    else {
      const full = files.append(record.collection, BSON.serialize(record.document));
      if (full !== undefined) await full; // an await for each document would cost more than writing it
    }
  }
  const written = await files.close();
  const { gzipSync } = await import('node:zlib');
  for (const collection of Object.keys(written)) {
    const text = metadataText(collection, indexes);
    await writeFile(join(folder, `${collection}.metadata.json${suffix}`), gzip ? gzipSync(text) : text);
  }
  return written;
}

/** What `mongodump` 100.x notes beside a collection: canonical Extended JSON on one line. */
function metadataText(collection: string, era: IndexEra): string {
  const all = [{ key: { _id: 1 as const } }, ...collectionIndexes(collection, era)];
  const indexes = all.map(({ key, ...options }) => ({ v: 2, key, name: indexName({ key }), ...options }));
  const uuid = createHash('md5').update(collection).digest('hex'); // any 32 digits do, but the same every time
  return EJSON.stringify({ indexes, uuid, collectionName: collection, type: 'collection' }, { relaxed: false });
}
