import { EJSON, ObjectId } from 'bson';

import type { MongodbConnection, MongodbQuery } from '../connections/mongodb.ts';
import { EtlError } from '../errors.ts';
import type { BsonDocuments } from '../formats/bson-documents.ts';
import { bsonToJson } from '../formats/bson-to-json.ts';
import type { JsonRecords } from '../formats/json-records.ts';
import type { Json } from '../json.ts';
import { documentsBytes, fieldOf } from '../mongodb/bson-documents.ts';
import { keysetPages } from '../mongodb/keyset-pages.ts';
import { readAhead } from '../mongodb/read-ahead.ts';
import type { StageContext } from '../stage.ts';
import {
  collectionsToRead,
  relatedCollections,
  type Includable,
  type LibrechatCollection,
  type LibrechatInput,
  type LibrechatSelection,
} from './librechat-input.ts';
import { readingContext } from './reading-context.ts';

const aheadBytes = 4_000_000;
const idsInQuery = 300;

/** What is there, and what tells a collection from another one of its name. */
type Found = ReadonlyMap<LibrechatCollection, string | undefined>;

/**
 * A live LibreChat as an input: pages in the order of `_id` for everything, and queries by indexed ids for some users or one
 * conversation. Read-only; the server keeps no cursors, so nothing times out.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` with the collections that are missing.
 */
export async function liveInput(
  connection: MongodbConnection,
  include: readonly Includable[],
  signal: AbortSignal,
): Promise<LibrechatInput> {
  const found = await collectionsOf(connection, include, signal);
  return {
    has: (collection) => found.has(collection),
    read: (collection, selection, ctx) => read(connection, found, collection, selection, readingContext(ctx)),
    cut: new Map(),
    close: () => connection.close(),
  };
}

async function collectionsOf(
  connection: MongodbConnection,
  include: readonly Includable[],
  signal: AbortSignal,
): Promise<Found> {
  const found = new Map<LibrechatCollection, string | undefined>();
  let others: readonly string[] = [];
  for (const name of collectionsToRead(include)) {
    const known = await connection.collection(name, signal);
    if ('name' in known) found.set(name, known.uuid);
    else others = known.others;
  }
  const missing = (['conversations', 'messages'] as const).filter((name) => !found.has(name));
  if (missing.length === 0) return found;
  const there = others.length === 0 ? 'it has no collections' : `it has ${others.slice(0, 20).join(', ')}`;
  throw new EtlError('ETL_SOURCE_NOT_FOUND', `no ${missing.join(' and no ')} in "${connection.database}": ${there}`, {
    where: { file: connection.where },
    hint: 'A LibreChat keeps its chats in the collections "conversations" and "messages": name its database in the URI.',
  });
}

async function* read(
  connection: MongodbConnection,
  found: Found,
  collection: LibrechatCollection,
  selection: LibrechatSelection,
  ctx: StageContext,
): AsyncGenerator<JsonRecords> {
  if (!found.has(collection)) return;
  const open = (signal: AbortSignal): AsyncIterable<BsonDocuments> =>
    documentsOf(connection, collection, selection, signal);
  for await (const documents of readAhead(open, { signal: ctx.signal, maxBytes: aheadBytes, sizeOf: documentsBytes })) {
    const { json, bad, replaced } = bsonToJson(documents, { types: 'relaxed' });
    if (replaced > 0) ctx.warn(`strings in "${collection}" are not UTF-8; their broken bytes became U+FFFD`);
    for (const { document, offset, reason } of bad) {
      const id: unknown = fieldOf(documents, document, '_id') ?? null;
      const cause = new EtlError('ETL_RECORD_INVALID', `not a BSON document: ${reason}`, { where: { offset } });
      // The bytes cannot be shown as a record; what is known of it is its id.
      const record = EJSON.serialize({ _id: id }, { relaxed: true }) as Json;
      ctx.reject(record, cause, { at: `${collection}, _id ${EJSON.stringify(id)}` });
    }
    yield json;
  }
  // A collection that is gone gives no documents, which must not pass for its end.
  const now = await connection.collection(collection, ctx.signal);
  if ('name' in now && now.uuid === found.get(collection)) return;
  const what = 'name' in now ? 'was dropped and made again' : 'was dropped';
  throw new EtlError('ETL_SOURCE_CHANGED', `collection "${collection}" ${what} while it was read`, {
    where: { file: connection.where },
  });
}

async function* documentsOf(
  connection: MongodbConnection,
  collection: LibrechatCollection,
  selection: LibrechatSelection,
  signal: AbortSignal,
): AsyncGenerator<BsonDocuments> {
  const pages = (filter: MongodbQuery['filter']): AsyncIterable<BsonDocuments> =>
    keysetPages(connection, { collection, filter, by: '_id' }, signal);
  const { userIds, conversationId, fileIds } = selection;
  if (collection === 'users' || (userIds === undefined && conversationId === undefined)) {
    yield* pages({});
    return;
  }
  const owners = userIds === undefined ? undefined : ownerCondition(userIds);
  if (collection === 'conversations' || collection === 'messages') {
    if (conversationId !== undefined) yield* pages({ conversationId, ...(owners && { user: owners }) });
    else if (collection === 'conversations') yield* pages({ user: owners });
    else yield* messagesOf(connection, userIds ?? new Set(), signal);
    return;
  }
  if (collection !== 'files') {
    if (owners !== undefined) yield* pages({ [relatedCollections[collection].owner]: owners });
    return;
  }
  const own = owners === undefined ? { conversationId } : { user: owners };
  yield* pages(own);
  // Files of others that the chats name, as copies of shared chats do.
  for (const some of inParts([...(fileIds ?? [])]))
    yield* pages({ $and: [{ file_id: { $in: some } }, { $nor: [own] }] });
}

/**
 * Messages of some users, found by the conversations they are in: `conversationId` has an index in every version, while a
 * user's messages in the order of `_id` would be sorted anew for each page.
 */
async function* messagesOf(
  connection: MongodbConnection,
  userIds: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<BsonDocuments> {
  const user = ownerCondition(userIds);
  const ids = new Map<unknown, true>();
  const keys = {
    collection: 'messages',
    filter: { user },
    projection: { conversationId: 1 },
    sort: {},
    batchSize: 5000,
  };
  // One cursor, read as fast as it comes: nothing waits for what is done with the messages.
  for await (const documents of connection.stream(keys, signal)) {
    for (let i = 0; i < documents.count; i++) ids.set(fieldOf(documents, i, 'conversationId') ?? null, true);
  }
  for (const some of inParts([...ids.keys()])) {
    const query = { collection: 'messages', filter: { conversationId: { $in: some }, user }, by: '_id' };
    yield* keysetPages(connection, query, signal);
  }
}

/** Owners are named by their id as text or as what it is, by collection and version. */
function ownerCondition(userIds: ReadonlySet<string>): { readonly $in: readonly unknown[] } {
  const all = [...userIds];
  return {
    $in: [...all, ...all.filter((id) => ObjectId.isValid(id) && id.length === 24).map((id) => new ObjectId(id))],
  };
}

function* inParts<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let i = 0; i < all.length; i += idsInQuery) yield all.slice(i, i + idsInQuery);
}
