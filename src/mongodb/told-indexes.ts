import type { MongodbConnection, MongodbIndex } from '../connections/mongodb.ts';
import { EtlError } from '../errors.ts';

/** The indexes of a collection; none are told to a user who may read documents and nothing else. */
export async function toldIndexes(
  connection: MongodbConnection,
  collection: string,
  signal: AbortSignal,
): Promise<readonly MongodbIndex[] | undefined> {
  try {
    return await connection.indexes(collection, signal);
  } catch (error) {
    if (error instanceof EtlError && error.code === 'ETL_AUTH_FAILED') return undefined;
    throw error;
  }
}
