import { EJSON, ObjectId } from 'bson';

import type { MongodbConnection, MongodbQuery } from '../connections/mongodb.ts';
import { EtlError } from '../errors.ts';
import { BatchMemory } from '../formats/batch-memory.ts';
import type { BsonDocuments } from '../formats/bson-documents.ts';
import { bsonToJson } from '../formats/bson-to-json.ts';
import type { JsonRecords } from '../formats/json-records.ts';
import { documentsBytes, fieldOf } from '../mongodb/bson-documents.ts';
import { hasIndexOn } from '../mongodb/indexes.ts';
import { keysetPages } from '../mongodb/keyset-pages.ts';
import { readAhead } from '../mongodb/read-ahead.ts';
import { toldIndexes } from '../mongodb/told-indexes.ts';
import type { StageContext } from '../stage.ts';
import {
  collectionsToRead,
  relatedCollections,
  type FoundMessages,
  type Includable,
  type LibrechatCollection,
  type LibrechatInput,
  type LibrechatSelection,
  type MessageKeys,
} from './librechat-input.ts';
import { messageKeys, messagesOf, type MessageDocuments } from './live-messages.ts';
import { readingContext } from './reading-context.ts';

const aheadBytes = 1_500_000;
/** Two ids as text. */
const placeBytes = 250;
const idsInQuery = 300;
/** Large messages are rare; the memory of their text is not kept. */
const mostTextBytes = 2 * 1024 * 1024;

/** What is there, and what tells a collection from another one of its name. */
type Found = ReadonlyMap<LibrechatCollection, string | undefined>;

interface Live {
  readonly connection: MongodbConnection;
  readonly found: Found;
  /** For the text of messages. */
  readonly memory: BatchMemory;
}

/**
 * A live LibreChat as an input: pages in the order of `_id` for everything, and queries by indexed ids for some users or one
 * conversation. Messages are found by their conversations where there is an index for that. Read-only; the server keeps no
 * cursors, so nothing times out.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` with the collections that are missing.
 */
export async function liveInput(
  connection: MongodbConnection,
  include: readonly Includable[],
  signal: AbortSignal,
): Promise<LibrechatInput> {
  const found = await collectionsOf(connection, include, signal);
  const live = { connection, found, memory: new BatchMemory(mostTextBytes) };
  return {
    has: (collection) => found.has(collection),
    read: (collection, selection, ctx) => read(live, collection, selection, readingContext(ctx)),
    ...((await hasMessageIndex(connection, signal)) && {
      messages: {
        keys: (selection, ctx) => keysOfMessages(live, selection, readingContext(ctx)),
        of: (ids, expected, ctx, stop) => foundMessages(live, ids, expected, ctx, stop),
      },
    }),
    cut: new Map(),
    close: () => connection.close(),
  };
}

/** Whether a query finds a conversation's messages without looking through all; not, as far as nothing is told. */
async function hasMessageIndex(connection: MongodbConnection, signal: AbortSignal): Promise<boolean> {
  return hasIndexOn((await toldIndexes(connection, 'messages', signal)) ?? [], ['conversationId']);
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
  live: Live,
  collection: LibrechatCollection,
  selection: LibrechatSelection,
  ctx: StageContext,
): AsyncGenerator<JsonRecords> {
  if (!live.found.has(collection)) return;
  const open = (signal: AbortSignal): AsyncIterable<BsonDocuments> =>
    documentsOf(live.connection, collection, selection, signal);
  for await (const documents of readAhead(open, { signal: ctx.signal, maxBytes: aheadBytes, sizeOf: documentsBytes })) {
    yield readable(documents, collection, ctx);
  }
  await stillThere(live, collection, ctx.signal);
}

async function* keysOfMessages(
  live: Live,
  { userIds }: LibrechatSelection,
  ctx: StageContext,
): AsyncGenerator<MessageKeys> {
  const owners = userIds === undefined ? undefined : ownerCondition(userIds);
  const open = (signal: AbortSignal): AsyncIterable<MessageDocuments> => messageKeys(live.connection, owners, signal);
  const sizeOf = ({ places, documents }: MessageDocuments): number =>
    places.length * placeBytes + documents.bytes.length;
  for await (const keys of readAhead(open, { signal: ctx.signal, maxBytes: aheadBytes, sizeOf }))
    yield { ...keys, json: readable(keys.documents, 'messages', ctx) };
  await stillThere(live, 'messages', ctx.signal);
}

/** Rejects are for whoever takes the messages to tell: they are read ahead of their place. */
async function* foundMessages(
  live: Live,
  conversationIds: readonly string[],
  expected: number,
  ctx: StageContext,
  signal: AbortSignal,
): AsyncGenerator<FoundMessages> {
  let count = 0;
  for await (const documents of messagesOf(live.connection, conversationIds, expected, signal)) {
    count += documents.count;
    // As JSON text they are a little larger.
    const found = converted(documents, 'messages', ctx, live.memory.find(documentsBytes(documents) * 1.25));
    yield { documents, ...found, release: () => live.memory.giveBackAround(found.json.bytes) };
  }
  if (count < expected) await stillThere(live, 'messages', signal);
}

/** The JSON text of documents; what has none is rejected. */
function readable(documents: BsonDocuments, collection: LibrechatCollection, ctx: StageContext): JsonRecords {
  const { json, rejected } = converted(documents, collection, ctx);
  for (const { record, cause, at } of rejected) ctx.reject(record, cause, { at });
  return json;
}

function converted(
  documents: BsonDocuments,
  collection: LibrechatCollection,
  ctx: StageContext,
  memory?: Buffer,
): Pick<FoundMessages, 'json' | 'rejected'> {
  const { json, bad, replaced } = bsonToJson(documents, { types: 'relaxed', memory });
  if (replaced > 0) ctx.warn(`strings in "${collection}" are not UTF-8; their broken bytes became U+FFFD`);
  const rejected = bad.map(({ document, offset, reason }) => {
    const id: unknown = fieldOf(documents, document, '_id') ?? null;
    return {
      document,
      // The bytes cannot be shown as a record; what is known of it is its id.
      record: EJSON.serialize({ _id: id }, { relaxed: true }),
      cause: new EtlError('ETL_RECORD_INVALID', `not a BSON document: ${reason}`, { where: { offset } }),
      at: `${collection}, _id ${EJSON.stringify(id)}`,
    };
  });
  return { json, rejected };
}

/** A collection that is gone gives no documents, which must not pass for its end. */
async function stillThere(
  { connection, found }: Live,
  collection: LibrechatCollection,
  signal: AbortSignal,
): Promise<void> {
  const now = await connection.collection(collection, signal);
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
    else yield* pages({ user: owners });
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
