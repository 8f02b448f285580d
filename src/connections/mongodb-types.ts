import type { Document } from 'mongodb';

import type { EtlError } from '../errors.ts';
import type { BsonDocuments } from '../formats/bson-documents.ts';

export type ReadPreference = 'primary' | 'primaryPreferred' | 'secondary' | 'secondaryPreferred' | 'nearest';

export interface MongodbConnectionOptions {
  readonly uri: string;
  /** Default: the one the URI names. */
  readonly database?: string | undefined;
  readonly readPreference?: ReadPreference | undefined;
  /** Longest wait for one reply. Default 120 000, unless the URI sets `socketTimeoutMS`. */
  readonly timeoutMs?: number | undefined;
  /** Longest wait for a server to be there. Default 15 000, unless the URI sets `serverSelectionTimeoutMS`. */
  readonly connectTimeoutMs?: number | undefined;
  /** Tries of one read, the first one counted, before it fails. Default 8, which is about half a minute of pauses. */
  readonly attempts?: number | undefined;
  /** First pause between two tries, in milliseconds. Default 250. */
  readonly retryBaseMs?: number | undefined;
  /** Told before a read is tried again. */
  readonly onRetry?: ((problem: EtlError) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What to find. Values are those of the `bson` package. */
export interface MongodbQuery {
  readonly collection: string;
  readonly filter: Readonly<Document>;
  readonly projection?: Readonly<Document> | undefined;
  readonly sort: Readonly<Record<string, 1 | -1>>;
}

export interface MongodbIndex {
  readonly name: string;
  readonly key: Readonly<Record<string, unknown>>;
  /** Not every document is in it: sparse, partial, hidden, or sorted by a collation. */
  readonly isLimited: boolean;
}

/** The first documents of a query, and whether they are all. */
export interface MongodbPage {
  readonly documents: BsonDocuments;
  readonly isLast: boolean;
}

/** What is known of a collection. Without the right to list collections, only that it may be there. */
export interface MongodbCollection {
  readonly name: string;
  /** Its identity: another one under the same name differs. */
  readonly uuid?: string | undefined;
}

/**
 * A MongoDB database opened for reading: there is nothing here that writes. Small, so that a test can stand in for it.
 *
 * Every call but `stream` is tried again when the server or the connection goes away; errors are `EtlError`s.
 */
export interface MongodbConnection {
  /** Hosts and database, for messages. Without secrets. */
  readonly where: string;
  readonly database: string;
  /** The first documents of a query: at most `limit`, and as many as one reply holds (16 MB). */
  page(query: MongodbQuery & { readonly limit: number }, signal: AbortSignal): Promise<MongodbPage>;
  /** All documents of a query from one cursor of the server. It cannot be resumed. */
  stream(query: MongodbQuery & { readonly batchSize: number }, signal: AbortSignal): AsyncIterable<BsonDocuments>;
  /** The collection, or the names of those there are when it does not exist. */
  collection(name: string, signal: AbortSignal): Promise<MongodbCollection | { readonly others: readonly string[] }>;
  indexes(collection: string, signal: AbortSignal): Promise<readonly MongodbIndex[]>;
  /** How much it holds, from the server's own book-keeping: quick, and not exact. Bytes of BSON. */
  size(
    collection: string,
    signal: AbortSignal,
  ): Promise<{ readonly documents: number; readonly bytes?: number | undefined }>;
  version(signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}
