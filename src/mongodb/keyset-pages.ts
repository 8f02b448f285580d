import type { MongodbConnection, MongodbPage, MongodbQuery } from '../connections/mongodb.ts';
import { EtlError } from '../errors.ts';
import type { BsonDocuments } from '../formats/bson-documents.ts';
import { documentsBytes, fieldOf, noDocuments } from './bson-documents.ts';
import { isNaNValue, typesAfter } from './bson-order.ts';

/** What to read in the order of one indexed field. */
export interface KeysetQuery extends Omit<MongodbQuery, 'sort'> {
  /** Top-level field to order by. It needs an index; `_id` always has one. */
  readonly by: string;
  /** Start after this value, as a type of the `bson` package. Absent: at the beginning. */
  readonly after?: { readonly value: unknown } | undefined;
  /** Aim for the size of a page, in bytes of BSON. Default 1.5 MB. */
  readonly pageBytes?: number | undefined;
}

const firstPage = 128;
const largestPage = 20_000;

/**
 * Reads a collection in pages, each a query of its own that starts after the last value of the page before. The server
 * keeps no cursor for it, so that nothing can time out: not a slow reader, a session, a failover or a restart in between.
 *
 * Values of all types come, in the server's order. Where several documents have the same value, a page may end between
 * them, and the rest of them is left out: that is for fields with unique values, and for {@link readByKey} to mend.
 *
 * @throws {EtlError} `ETL_SOURCE_INVALID` for a value that no page can start after (an array).
 */
export async function* keysetPages(
  connection: MongodbConnection,
  query: KeysetQuery,
  signal: AbortSignal,
): AsyncGenerator<BsonDocuments> {
  const { by, after, pageBytes = 1_500_000 } = query;
  let limit = firstPage;
  let last = after;
  // Within the type of the last value, then among the types that sort after it.
  let isTypeDone = last !== undefined && rangeAfter(last.value) === undefined;
  for (;;) {
    const { documents, isLast } = await nextPage(connection, query, { last, isTypeDone, limit }, signal);
    const isEnd = isLast || documents.count === 0;
    const isAll = isEnd && (isTypeDone || last === undefined);
    if (documents.count > 0) {
      last = { value: lastValue(documents, by, query.collection) };
      limit = Math.max(1, Math.min(largestPage, Math.round((pageBytes / documentsBytes(documents)) * documents.count)));
      yield documents;
    }
    if (isAll) return;
    isTypeDone = isEnd || rangeAfter(last?.value) === undefined;
  }
}

interface Place {
  readonly last: KeysetQuery['after'];
  readonly isTypeDone: boolean;
  readonly limit: number;
}

async function nextPage(
  connection: MongodbConnection,
  { collection, filter, projection, by }: KeysetQuery,
  { last, isTypeDone, limit }: Place,
  signal: AbortSignal,
): Promise<MongodbPage> {
  const page = (range: object | undefined): Promise<MongodbPage> => {
    const wanted = range === undefined ? filter : both(filter, { [by]: range });
    return connection.page({ collection, filter: wanted, projection, sort: { [by]: 1 }, limit }, signal);
  };
  if (last === undefined) return page(undefined);
  if (!isTypeDone) return page(rangeAfter(last.value));
  const types = typesAfter(last.value);
  if (types.length === 0) return { documents: noDocuments, isLast: true };
  try {
    return await page({ $type: types });
  } catch (error) {
    // Stand-ins for MongoDB refuse the names of types that they cannot hold.
    if (!(error instanceof EtlError) || error.code !== 'ETL_CONFIG_INVALID') throw error;
    const common = typesAfter(last.value, { commonOnly: true });
    return common.length === 0 ? { documents: noDocuments, isLast: true } : page({ $type: common });
  }
}

/** Both conditions together. */
export function both(filter: MongodbQuery['filter'], other: MongodbQuery['filter']): MongodbQuery['filter'] {
  return Object.keys(filter).length === 0 ? other : { $and: [filter, other] };
}

/** The condition for values after this one and of its own type; nothing when its type has only this one. */
function rangeAfter(value: unknown): object | undefined {
  if (value === undefined || value === null) return undefined;
  // Nothing is greater than NaN to a query, though it sorts first.
  if (isNaNValue(value)) return { $gte: Number.NEGATIVE_INFINITY };
  return { $gt: value };
}

function lastValue(documents: BsonDocuments, by: string, collection: string): unknown {
  const value = keyOf(documents, documents.count - 1, by, collection);
  if (value !== undefined || by !== '_id') return value;
  throw new EtlError(
    'ETL_SOURCE_INVALID',
    `"${collection}" gives documents without _id, so there is no place to go on from`,
    {
      hint: 'Set `sort`: the documents are then read from one cursor, without resume.',
    },
  );
}

/**
 * The value of document `i` that it is ordered by; nothing when it has none.
 *
 * @throws {EtlError} `ETL_SOURCE_INVALID` for an array: an index holds it once for each element.
 */
export function keyOf(documents: BsonDocuments, i: number, by: string, collection: string): unknown {
  const value = fieldOf(documents, i, by);
  if (!Array.isArray(value)) return value;
  throw new EtlError(
    'ETL_SOURCE_INVALID',
    `"${by}" of a document in "${collection}" is an array, which has no place in the order`,
    {
      where: { record: `_id ${String(fieldOf(documents, i, '_id'))}` },
    },
  );
}
