import type { MongodbConnection, MongodbQuery } from '../connections/mongodb.ts';
import type { BsonDocuments } from '../formats/bson-documents.ts';
import { bsonToJson, type BsonTypes } from '../formats/bson-to-json.ts';
import type { JsonRecords } from '../formats/json-records.ts';
import { documentsBytes, fieldOf, pickDocuments } from './bson-documents.ts';
import { compareBson } from './bson-order.ts';
import { both, keyOf, keysetPages } from './keyset-pages.ts';
import { readAhead } from './read-ahead.ts';

/** What to read in the order of a field that several documents share. */
export interface ReadByKeyOptions {
  readonly collection: string;
  /** Top-level field to order by; a single-field index on it is all that is needed. */
  readonly key: string;
  /** Start after this key: everything up to and with it is left out. */
  readonly from?: { readonly value: unknown } | undefined;
  readonly filter?: MongodbQuery['filter'] | undefined;
  readonly projection?: MongodbQuery['projection'];
  readonly types?: BsonTypes | undefined;
  readonly pageBytes?: number | undefined;
  /** Bytes of BSON read ahead of the taker. Default 4 MB. */
  readonly aheadBytes?: number | undefined;
}

/** Documents next to one another in the order of (key, _id), as JSON text. */
export interface KeyedRecords {
  readonly json: JsonRecords;
  /** The key of record i, as a value of the `bson` package; null when it is null or absent. Compare with `compareBson`. */
  readonly keys: readonly unknown[];
  /** Size of these documents in bytes of BSON. */
  readonly bytes: number;
  /** Documents that are not BSON, and how many records come before each. */
  readonly bad: readonly { readonly index: number; readonly id: string; readonly reason: string }[];
  /** Strings that were not UTF-8. */
  readonly replaced: number;
}

/**
 * Reads documents ordered by (key, `_id`), so that all documents of a key come together and two collections can be merged
 * on it. A key may go on in the next batch.
 *
 * Pages are ordered by the key alone, which every version's single-field index serves. Where a page ends is in the middle of
 * a key, so that the last key of each page is read again by itself, in the order of `_id`: the order is the same on every
 * server and after every interruption. Nothing is kept on the server between two pages.
 */
export async function* readByKey(
  connection: MongodbConnection,
  options: ReadByKeyOptions,
  signal: AbortSignal,
): AsyncGenerator<KeyedRecords> {
  const { aheadBytes = 4_000_000, key, types = 'relaxed' } = options;
  const open = (stopping: AbortSignal): AsyncIterable<BsonDocuments> => orderedDocuments(connection, options, stopping);
  for await (const documents of readAhead(open, { signal, maxBytes: aheadBytes, sizeOf: documentsBytes })) {
    const { json, bad, replaced } = bsonToJson(documents, { types });
    const lost = new Set(bad.map(({ document }) => document));
    const keys: unknown[] = [];
    for (let i = 0; i < documents.count; i++) if (!lost.has(i)) keys.push(fieldOf(documents, i, key) ?? null);
    const reasons = bad.map(({ index, document, reason }) => ({
      index,
      id: String(fieldOf(documents, document, '_id')),
      reason,
    }));
    yield { json, keys, bytes: documentsBytes(documents), bad: reasons, replaced };
  }
}

/**
 * Reads the documents of some keys, in the order of (key, `_id`): one query for each 500 keys.
 *
 * For a few users or conversations; {@link readByKey} is cheaper for a large part of the collection. Keys that no document
 * has are left out, and a key given twice counts once.
 */
export async function* readKeys(
  connection: MongodbConnection,
  options: Omit<ReadByKeyOptions, 'from'> & {
    readonly values: readonly unknown[];
    readonly batchKeys?: number | undefined;
  },
  signal: AbortSignal,
): AsyncGenerator<KeyedRecords> {
  const { values, batchKeys = 500, filter = {}, key } = options;
  const sorted = [...values]
    .sort(compareBson)
    .filter((value, i, all) => i === 0 || compareBson(value, all[i - 1]) !== 0);
  for (let i = 0; i < sorted.length; i += batchKeys) {
    const some = both(filter, { [key]: { $in: sorted.slice(i, i + batchKeys) } });
    yield* readByKey(connection, { ...options, filter: some }, signal);
  }
}

async function* orderedDocuments(
  connection: MongodbConnection,
  options: ReadByKeyOptions,
  signal: AbortSignal,
): AsyncGenerator<BsonDocuments> {
  const { collection, key, from, filter = {}, pageBytes } = options;
  const query = { collection, filter, projection: withKey(options.projection, key), pageBytes };
  for await (const page of keysetPages(connection, { ...query, by: key, after: from }, signal)) {
    const keys = Array.from({ length: page.count }, (_, i): unknown => keyOf(page, i, key, collection) ?? null);
    const last = keys.at(-1);
    const whole = inOrder(page, keys, last);
    if (whole.count > 0) yield whole;
    yield* keysetPages(connection, { ...query, filter: both(filter, { [key]: last }), by: '_id' }, signal);
  }
}

/** The documents of a page before its last key, in the order of (key, _id). */
function inOrder(page: BsonDocuments, keys: readonly unknown[], last: unknown): BsonDocuments {
  const places = keys.map((key, i) => ({ i, key, id: fieldOf(page, i, '_id') }));
  const whole = places.filter((place) => compareBson(place.key, last) !== 0);
  whole.sort((a, b) => compareBson(a.key, b.key) || compareBson(a.id, b.id));
  return pickDocuments(
    page,
    whole.map(({ i }) => i),
  );
}

/** The projection with what the order needs: the key and `_id`. */
function withKey(projection: MongodbQuery['projection'], key: string): MongodbQuery['projection'] {
  if (projection === undefined) return undefined;
  const { _id, [key]: own, ...others } = projection;
  const keeps =
    Object.values(others).some(Boolean) || Boolean(own) || (Boolean(_id) && Object.keys(others).length === 0);
  return keeps ? { ...others, [key]: 1 } : others;
}
