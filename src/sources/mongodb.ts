import { z } from 'zod';

import { defineSource } from '../component.ts';
import { mongodbAddress, openMongodb, type MongodbConnection } from '../connections/mongodb.ts';
import { EtlError } from '../errors.ts';
import { batchBytes, batchSize, bsonTypes } from '../files/file-source-options.ts';
import { BatchMemory } from '../formats/batch-memory.ts';
import type { BsonDocuments } from '../formats/bson-documents.ts';
import type { Json } from '../json.ts';
import { documentsBytes } from '../mongodb/bson-documents.ts';
import { cutDocuments } from '../mongodb/cut-documents.ts';
import { cursorValue, documentBatches } from '../mongodb/document-batches.ts';
import { sortServed } from '../mongodb/indexes.ts';
import { keysetPages } from '../mongodb/keyset-pages.ts';
import { queryFilter, type QueryFilter } from '../mongodb/query-filter.ts';
import { readAhead } from '../mongodb/read-ahead.ts';
import { toldIndexes } from '../mongodb/told-indexes.ts';
import type { Batch, Source, StageContext } from '../stage.ts';

const queryDocument = z.record(z.string(), z.unknown());
const timeout = z.int().positive().optional();

const options = z.strictObject({
  uri: z
    .string()
    .min(1)
    .describe('Connection string: `mongodb://` or `mongodb+srv://`, with the database to read.')
    .meta({ secret: true, examples: ['mongodb://localhost:27017/LibreChat', '${LIBRECHAT_MONGODB}'] }),
  database: z.string().min(1).optional().describe('Database, when the URI does not name it or names another.'),
  collection: z
    .string()
    .min(1)
    .describe('Collection or view to read.')
    .meta({ examples: ['messages'] }),
  filter: queryDocument
    .default({})
    .describe('Which documents: a MongoDB query, in Extended JSON for values that JSON does not have.')
    .meta({ examples: [{ createdAt: { $gte: { $date: '2025-01-01T00:00:00Z' } } }] }),
  projection: queryDocument
    .optional()
    .describe('Which fields: 1 to keep, 0 to leave out. `_id` always comes.')
    .meta({ examples: [{ text: 1, user: 1 }] }),
  sort: z
    .record(z.string(), z.union([z.literal(1), z.literal(-1)]))
    .optional()
    .describe('Another order than by `_id`. It is read from one cursor of the server and cannot be resumed.')
    .meta({ examples: [{ createdAt: -1 }] }),
  types: bsonTypes,
  batchSize,
  batchBytes,
  readPreference: z
    .enum(['primary', 'primaryPreferred', 'secondary', 'secondaryPreferred', 'nearest'])
    .optional()
    .describe('Which member of a replica set to read from. A secondary may lag behind.'),
  timeoutMs: timeout.describe(
    'Longest wait for one reply. Default 120000. A filter that no index serves may need more.',
  ),
  connectTimeoutMs: timeout.describe('Longest wait for a server to be there. Default 15000.'),
});
export type MongodbSourceOptions = z.input<typeof options>;
type Options = z.output<typeof options>;

/** For tests: a connection that is not a server's. */
interface Parts {
  readonly connect?: typeof openMongodb;
}

const aheadBytes = 4_000_000;
/** Large documents are rare; their memory is not kept. */
const mostKeptBytes = 2 * 1024 * 1024;
/** As many batches as are read ahead, and more than are on their way to a file. */
const mostKept = 20;

/**
 * Reads a collection in the order of `_id`, each document as JSON text, without making objects.
 *
 * Every page is a query of its own that starts after the last `_id`; the server keeps no cursor, so that a slow target, a
 * session that times out, a failover or a restart do no harm: the read is tried again for about a minute, then the run
 * stops, and the same run goes on after its last commit. The cursor is the last `_id`. Documents written meanwhile come
 * when their `_id` sorts after the place of reading. At most about 4 MB are read ahead, and one reply of at most 16 MB.
 *
 * A document that is not BSON is rejected; strings that are not UTF-8 are mended and told. `T` is what the caller says the
 * records are; it is not checked.
 *
 * @throws {EtlError} `ETL_CONFIG_INVALID` (no URI, no database, a query that MongoDB does not take), `ETL_CONNECT_FAILED`,
 *   `ETL_AUTH_FAILED`, `ETL_SOURCE_NOT_FOUND` (no such collection), `ETL_SOURCE_CHANGED` (it was dropped during the run),
 *   `ETL_SOURCE_INVALID` (documents without `_id`), `ETL_SOURCE_FAILED`.
 */
export function mongodbSource<T = unknown>(
  input: MongodbSourceOptions,
  { connect = openMongodb }: Parts = {},
): Source<T> {
  const given = options.parse(input);
  const { where, database } = mongodbAddress(given);
  if (given.projection !== undefined && '_id' in given.projection && !given.projection['_id']) {
    throw new EtlError('ETL_CONFIG_INVALID', '"projection" leaves out _id, which tells where to go on', {
      where: { file: where },
      hint: 'Keep `_id`, and drop it from the records with a `map` or `redact` transform.',
    });
  }
  const { collection, projection, sort, types } = given;
  const filter = queryFilter(given.filter, where);
  const source: Source<unknown> = {
    role: 'source',
    name: 'mongodb',
    config: JSON.parse(JSON.stringify({ database, collection, filter: filter.text, projection, sort, types })) as Json,
    async *read(ctx) {
      const onRetry = (problem: EtlError): void => ctx.warn(`${problem.message} (${problem.code}); trying again`);
      const connection = await connect({ ...given, database, onRetry, signal: ctx.signal });
      try {
        yield* readCollection(connection, given, filter.query, ctx);
      } finally {
        await connection.close();
      }
    },
    async estimate(signal) {
      return await withConnection(given, connect, signal, async (connection) => {
        await existing(connection, collection, signal);
        const served = isById(sort) ? '' : sortServed(await toldIndexes(connection, collection, signal), sort);
        const plan = `${where}, collection ${collection}: ${isById(sort) ? 'pages in the order of _id' : `one cursor, in the order of \`sort\`${served}; no resume`}`;
        if (Object.keys(given.filter).length > 0)
          return { plan: `${plan}; how many documents the filter finds is not counted` };
        const { documents, bytes } = await connection.size(collection, signal);
        return { records: documents, bytes, plan };
      });
    },
    async check(signal) {
      return await withConnection(given, connect, signal, async (connection) => {
        await existing(connection, collection, signal);
        const { documents } = await connection.size(collection, signal);
        return `${where}: MongoDB ${await connection.version(signal)}, about ${documents} documents in ${collection}`;
      });
    },
  };
  // What the documents are is the caller's knowledge, as with JSON.parse.
  return source as Source<T>;
}

async function withConnection<R>(
  given: Options,
  connect: typeof openMongodb,
  signal: AbortSignal,
  use: (connection: MongodbConnection) => Promise<R>,
): Promise<R> {
  const connection = await connect({ ...given, signal, attempts: 2 });
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

/** The identity of the collection, if it can be known. */
async function existing(
  connection: MongodbConnection,
  collection: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const found = await connection.collection(collection, signal);
  if ('name' in found) return found.uuid;
  const others = found.others.length === 0 ? 'it has none' : `it has ${found.others.slice(0, 20).join(', ')}`;
  throw new EtlError('ETL_SOURCE_NOT_FOUND', `no collection "${collection}" in "${connection.database}": ${others}`, {
    where: { file: connection.where },
  });
}

async function* readCollection(
  connection: MongodbConnection,
  given: Options,
  filter: QueryFilter['query'],
  ctx: StageContext,
): AsyncGenerator<Batch<unknown>> {
  const { collection, sort, types } = given;
  const query = { collection, filter, projection: given.projection };
  const uuid = await existing(connection, collection, ctx.signal);
  const after = cursorValue(ctx.cursor);
  const pages = (signal: AbortSignal): AsyncIterable<BsonDocuments> =>
    isById(sort)
      ? keysetPages(connection, { ...query, by: '_id', after }, signal)
      : connection.stream({ ...query, sort: sort ?? {}, batchSize: 1000 }, signal);
  const memory = new BatchMemory(mostKeptBytes, { mostKept });
  const text = new BatchMemory(mostKeptBytes, { mostKept });
  const open = (signal: AbortSignal): AsyncIterable<BsonDocuments> => cutDocuments(pages(signal), { ...given, memory });
  for await (const documents of readAhead(open, { signal: ctx.signal, maxBytes: aheadBytes, sizeOf: documentsBytes })) {
    const release = (): void => memory.giveBackAround(documents.bytes);
    yield* documentBatches(documents, { collection, types, hasCursor: isById(sort), text, release }, ctx);
  }
  await stillThere(connection, collection, uuid, ctx.signal);
}

/** A collection that is gone gives no documents, which must not pass for its end. */
async function stillThere(
  connection: MongodbConnection,
  collection: string,
  uuid: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const now = await connection.collection(collection, signal);
  if ('name' in now && now.uuid === uuid) return;
  const what = 'name' in now ? 'was dropped and made again' : 'was dropped';
  throw new EtlError('ETL_SOURCE_CHANGED', `collection "${collection}" ${what} while it was read`, {
    where: { file: connection.where },
  });
}

function isById(sort: Options['sort']): boolean {
  return sort === undefined || (Object.keys(sort).length === 1 && sort['_id'] === 1);
}

export const mongodbSourceComponent = defineSource({
  type: 'mongodb',
  summary: 'A MongoDB collection, in the order of _id',
  details:
    'Read-only, for MongoDB 4.2 and later and what speaks its protocol. Pages are queries of their own (`_id` greater than the last one), so that no cursor ' +
    'or session can time out and an interrupted run goes on at the last committed `_id`. Documents are written as JSON text straight from the bytes: ' +
    '`types: canonical` keeps every BSON type, `relaxed` is easier to read, `plain` has no wrappers. With `sort`, one cursor is read and nothing can be resumed. ' +
    'A folder written by mongodump gives the same records in `bson-dump`.',
  gives: 'any',
  options,
  examples: [
    'type: mongodb\nuri: ${MONGODB_URI}\ncollection: messages',
    'type: mongodb\nuri: mongodb://localhost:27017/LibreChat\ncollection: messages\nfilter: { createdAt: { $gte: { $date: "2025-01-01T00:00:00Z" } } }\ntypes: plain',
  ],
  create: mongodbSource,
});
