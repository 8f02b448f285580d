import { writeBinary } from './collection-files.ts';
import { collectionIndexes, indexName, type IndexEra } from './collection-indexes.ts';
import type { GeneratedDocument, GeneratedRecord } from './types.ts';

export interface WriteMongodbOptions {
  readonly batchSize?: number;
  /** Builds LibreChat's indexes after loading; the ones that delete by time are left out, so that nothing vanishes. Default: none. */
  readonly indexes?: IndexEra | 'none';
  /** Where uploads go; without it they are left out. */
  readonly directory?: string;
}

/** The part of the driver's `Db` that loading needs. */
export interface WritableDb {
  collection(name: string): {
    insertMany(documents: GeneratedDocument['document'][], options: { ignoreUndefined: boolean }): Promise<unknown>;
    createIndex(key: Record<string, 1 | -1>, options: { name: string; unique?: boolean }): Promise<unknown>;
  };
}

/** Inserts records into a live database, in order, in batches; returns documents a collection. */
export async function writeMongodb(
  db: WritableDb,
  records: Iterable<GeneratedRecord>,
  options: WriteMongodbOptions = {},
): Promise<Record<string, number>> {
  const { batchSize = 1000, indexes = 'none', directory } = options;
  const pending = new Map<string, GeneratedDocument['document'][]>();
  const written: Record<string, number> = {};
  const flush = async (collection: string, documents: GeneratedDocument['document'][]): Promise<void> => {
    if (documents.length > 0)
      await db.collection(collection).insertMany(documents.splice(0), { ignoreUndefined: true });
  };
  for (const record of records) {
    if (!('document' in record)) {
      if (directory !== undefined) await writeBinary(directory, record);
      continue;
    }
    const { collection, document } = record;
    written[collection] = (written[collection] ?? 0) + 1;
    const documents = pending.get(collection) ?? [];
    if (documents.length === 0) pending.set(collection, documents);
    documents.push(document);
    if (documents.length >= batchSize) await flush(collection, documents);
  }
  for (const [collection, documents] of pending) await flush(collection, documents);
  if (indexes === 'none') return written;
  for (const collection of Object.keys(written)) {
    for (const index of collectionIndexes(collection, indexes)) {
      if (index.expireAfterSeconds !== undefined) continue;
      await db
        .collection(collection)
        .createIndex({ ...index.key }, { name: indexName(index), ...(index.unique === true ? { unique: true } : {}) });
    }
  }
  return written;
}
