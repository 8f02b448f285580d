import type { Db, Document, MongoClient, MongoClientOptions } from 'mongodb';

import { EtlError } from '../errors.ts';
import { gatherBsonDocuments, type BsonDocuments } from '../formats/bson-documents.ts';
import { retry } from '../retry.ts';
import { isPassing, mongodbError } from './mongodb-errors.ts';
import { parseCursor } from './mongodb-reply.ts';
import type {
  MongodbCollection,
  MongodbConnection,
  MongodbConnectionOptions,
  MongodbIndex,
  MongodbPage,
  MongodbQuery,
} from './mongodb-types.ts';
import { parseMongodbUri } from './mongodb-uri.ts';

export type {
  MongodbConnection,
  MongodbConnectionOptions,
  MongodbIndex,
  MongodbPage,
  MongodbQuery,
} from './mongodb-types.ts';

const unauthorized = 13;
const namespaceNotFound = 26;

/**
 * Connects to a MongoDB database for reading. The driver is loaded here, on first use.
 *
 * @throws {EtlError} `ETL_CONFIG_INVALID` for a URI that is none or names no database, `ETL_CONNECT_FAILED` when no server
 *   answers, `ETL_AUTH_FAILED` when it refuses the credentials.
 */
export async function openMongodb(options: MongodbConnectionOptions): Promise<MongodbConnection> {
  const { where, database } = mongodbAddress(options);
  const driver = await import('mongodb');
  let client: MongoClient;
  try {
    client = new driver.MongoClient(options.uri.trim(), clientOptions(options));
  } catch {
    // The driver's message may quote the URI with the password in it, so that it is not handed on.
    throw new EtlError('ETL_CONFIG_INVALID', 'the driver does not take this MongoDB URI', {
      where: { file: where },
      hint: 'Escape special characters in user and password (%40 for @), and check the names of its options.',
    });
  }
  const connection = new Connection(driver, client, where, database, options);
  try {
    await connection.ping();
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/**
 * Server and database that options name, without connecting.
 *
 * @throws {EtlError} `ETL_CONFIG_INVALID` when the URI is none or no database is named.
 */
export function mongodbAddress({ uri, database }: Pick<MongodbConnectionOptions, 'uri' | 'database'>): {
  where: string;
  database: string;
} {
  const address = parseMongodbUri(uri);
  if (address === undefined) {
    throw new EtlError('ETL_CONFIG_INVALID', 'expected a MongoDB URI for "uri"', {
      hint: 'It looks like `mongodb://host:27017/database`.',
    });
  }
  const name = database ?? address.database;
  if (name !== undefined) return { where: address.where, database: name };
  throw new EtlError('ETL_CONFIG_INVALID', 'neither "uri" nor "database" names a database', {
    where: { file: address.where },
    hint: 'Add it to the URI (`mongodb://host:27017/LibreChat`) or set `database`.',
  });
}

function clientOptions({
  uri,
  timeoutMs,
  connectTimeoutMs,
  readPreference,
}: MongodbConnectionOptions): MongoClientOptions {
  const set = parseMongodbUri(uri)?.options ?? new Set();
  return {
    appName: 'threadmill',
    maxPoolSize: 8,
    ...(readPreference === undefined ? {} : { readPreference }),
    ...(timeoutMs === undefined && set.has('sockettimeoutms') ? {} : { socketTimeoutMS: timeoutMs ?? 120_000 }),
    ...(connectTimeoutMs === undefined && set.has('serverselectiontimeoutms')
      ? {}
      : { serverSelectionTimeoutMS: connectTimeoutMs ?? 15_000 }),
  };
}

class Connection implements MongodbConnection {
  readonly where: string;
  readonly database: string;
  readonly #driver: typeof import('mongodb');
  readonly #client: MongoClient;
  readonly #db: Db;
  readonly #options: MongodbConnectionOptions;

  constructor(
    driver: typeof import('mongodb'),
    client: MongoClient,
    where: string,
    database: string,
    options: MongodbConnectionOptions,
  ) {
    this.#driver = driver;
    this.#client = client;
    this.where = where;
    this.database = database;
    this.#options = options;
    this.#db = client.db(database);
  }

  /** Connects, once: a wrong address must not be tried for minutes. */
  async ping(): Promise<void> {
    const { signal } = this.#options;
    await this.#once(() => this.#db.command({ ping: 1 }, signal === undefined ? {} : { signal }), signal);
  }

  async page(
    { collection, filter, projection = {}, sort, limit }: MongodbQuery & { readonly limit: number },
    signal: AbortSignal,
  ): Promise<MongodbPage> {
    // Not `singleBatch`: only the cursor's id tells a reply that is full from the last one.
    const command = { find: collection, filter, projection, sort, limit, batchSize: limit };
    // A raw command gives the reply's bytes as they came. The driver's raw cursors look into every document on the way.
    const { documents, id } = await this.#command(command, signal, { raw: true }, (reply) =>
      parseCursor(asBuffer(reply['cursor'] as Uint8Array)),
    );
    if (id !== 0n) await this.#forget(collection, id, signal);
    return { documents, isLast: id === 0n && documents.count < limit };
  }

  async *stream(
    query: MongodbQuery & { readonly batchSize: number },
    signal: AbortSignal,
  ): AsyncGenerator<BsonDocuments> {
    const { collection, filter, projection = {}, sort, batchSize } = query;
    const cursor = this.#db
      .collection(collection)
      .find({ ...filter }, { projection, sort: { ...sort }, batchSize, raw: true, allowDiskUse: true, signal });
    try {
      while (await this.#once(() => cursor.hasNext(), signal)) {
        // Raw documents are Buffers, whatever the type of the collection says.
        yield gatherBsonDocuments(cursor.readBufferedDocuments() as unknown as Buffer[]);
      }
    } finally {
      await cursor.close();
    }
  }

  async collection(
    name: string,
    signal: AbortSignal,
  ): Promise<MongodbCollection | { readonly others: readonly string[] }> {
    try {
      const [found] = await this.#collections({ filter: { name } }, signal);
      const uuid = (found?.['info'] as Document | undefined)?.['uuid'] as unknown;
      if (found !== undefined) return { name, ...(uuid === undefined ? {} : { uuid: String(uuid) }) };
      const all = await this.#collections({ nameOnly: true, authorizedCollections: true }, signal);
      return { others: all.map((each) => String(each['name'])).sort() };
    } catch (error) {
      // A user who may read the collection only: it is not known whether it is there.
      if (serverCode(error) === unauthorized) return { name };
      throw error;
    }
  }

  async indexes(collection: string, signal: AbortSignal): Promise<readonly MongodbIndex[]> {
    try {
      return await this.#command({ listIndexes: collection }, signal, {}, (reply) => firstBatch(reply).map(asIndex));
    } catch (error) {
      if (serverCode(error) === namespaceNotFound) return [];
      throw error;
    }
  }

  async size(
    collection: string,
    signal: AbortSignal,
  ): Promise<{ readonly documents: number; readonly bytes?: number }> {
    try {
      return await this.#command({ collStats: collection }, signal, {}, ({ count, size }) => ({
        documents: Number(count ?? 0),
        bytes: Number(size ?? 0),
      }));
    } catch (error) {
      if (signal.aborted || (error instanceof EtlError && error.code === 'ETL_CONNECT_FAILED')) throw error;
      // Views, and users without the right to statistics: counting is still allowed.
      return this.#command({ count: collection }, signal, {}, ({ n }) => ({ documents: Number(n ?? 0) }));
    }
  }

  version(signal: AbortSignal): Promise<string> {
    return this.#command({ buildInfo: 1 }, signal, {}, ({ version }) => String(version));
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** Drops a cursor that a full reply left open. If that fails, the server does it in ten minutes. */
  async #forget(collection: string, id: bigint, signal: AbortSignal): Promise<void> {
    const cursors = [this.#driver.Long.fromBigInt(id)];
    await this.#db.command({ killCursors: collection, cursors }, { signal }).catch(() => signal.throwIfAborted());
  }

  #collections(which: Document, signal: AbortSignal): Promise<readonly Document[]> {
    return this.#command({ listCollections: 1, cursor: { batchSize: 10_000 }, ...which }, signal, {}, firstBatch);
  }

  async #command<T>(
    command: Document,
    signal: AbortSignal,
    options: { raw?: boolean },
    read: (reply: Document) => T,
  ): Promise<T> {
    const { attempts, retryBaseMs, onRetry } = this.#options;
    const { readPreference } = this.#client;
    return this.#once(
      () =>
        retry(async () => read(await this.#db.command(command, { ...options, readPreference, signal })), {
          signal,
          attempts,
          baseMs: retryBaseMs,
          isRetryable: (error) => isPassing(this.#driver, error),
          onRetry: (error) => onRetry?.(mongodbError(this.#driver, error, this.where)),
        }),
      signal,
    );
  }

  async #once<T>(call: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    try {
      return await call();
    } catch (error) {
      signal?.throwIfAborted();
      throw mongodbError(this.#driver, error, this.where);
    }
  }
}

function serverCode(error: unknown): number | undefined {
  const cause = error instanceof EtlError ? error.cause : error;
  return typeof cause === 'object' && cause !== null && 'code' in cause ? Number(cause.code) : undefined;
}

function firstBatch(reply: Document): readonly Document[] {
  return (reply['cursor'] as { readonly firstBatch: readonly Document[] }).firstBatch;
}

function asIndex(index: Document): MongodbIndex {
  const { name, key, sparse, partialFilterExpression, hidden, collation } = index;
  const isLimited =
    sparse === true || hidden === true || partialFilterExpression !== undefined || collation !== undefined;
  return { name: String(name), key: key as Record<string, unknown>, isLimited };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
