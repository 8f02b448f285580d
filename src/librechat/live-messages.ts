import type { MongodbConnection } from '../connections/mongodb.ts';
import type { BsonDocuments } from '../formats/bson-documents.ts';
import { findElement } from '../formats/bson-elements.ts';
import { asBuffer } from '../formats/json-records.ts';
import { fieldOf, pickDocuments } from '../mongodb/bson-documents.ts';
import { keysetPages } from '../mongodb/keyset-pages.ts';
import type { MessagePlace } from './librechat-input.ts';

const collection = 'messages';
/** What tells where a message belongs, and which files it names. */
const keyFields = {
  user: 1,
  conversationId: 1,
  files: 1,
  'attachments.file_id': 1,
  'attachments.image_file.file_id': 1,
  'content.file_id': 1,
  'content.image_file.file_id': 1,
};
/** Documents that come besides those that were expected, before the reply is asked for in pages. */
const spare = 100;
const idsInQuery = 300;
/** Small pages: what is made of them is gone before the engine takes it for something that stays. */
const keysBytes = 300_000;
const keysInBatch = 1500;

/** Documents of messages: the whole, or what they are found by. */
export interface MessageDocuments {
  /** Of messages that name no file and have an owner as all do: nothing else has to be known of them. */
  readonly places: readonly MessagePlace[];
  /** The others. */
  readonly documents: BsonDocuments;
  readonly isWhole: boolean;
}

/**
 * What every message says of its place: ids of its owner, its conversation and its files. A message that cannot be found by
 * the id of its conversation comes whole. `owners`: a condition on `user`, for some users' messages.
 */
export async function* messageKeys(
  connection: MongodbConnection,
  owners: unknown,
  signal: AbortSignal,
): AsyncGenerator<MessageDocuments> {
  const query = { collection, filter: owners === undefined ? {} : { user: owners }, projection: keyFields };
  // Everybody's in the order of `_id`; some users' in the index's, from one cursor: in another they would be sorted for each page.
  const keys =
    owners === undefined
      ? keysetPages(connection, { ...query, by: '_id', pageBytes: keysBytes }, signal)
      : connection.stream({ ...query, sort: {}, batchSize: keysInBatch }, signal);
  for await (const documents of keys) {
    const namesFile = fileNaming(documents);
    const places: MessagePlace[] = [];
    const others: number[] = [];
    const ids: unknown[] = [];
    for (let i = 0; i < documents.count; i++) {
      const conversationId = fieldOf(documents, i, 'conversationId');
      const userId = fieldOf(documents, i, 'user');
      if (!isPlain(conversationId) || conversationId === '') ids.push(fieldOf(documents, i, '_id'));
      else if (!isPlain(userId) || namesFile(i)) others.push(i);
      else places.push({ userId, conversationId });
    }
    yield { places, documents: pickDocuments(documents, others), isWhole: false };
    for (let i = 0; i < ids.length; i += idsInQuery) {
      const filter = { _id: { $in: ids.slice(i, i + idsInQuery) } };
      for await (const whole of keysetPages(connection, { collection, filter, by: '_id' }, signal))
        yield { places: [], documents: whole, isWhole: true };
    }
  }
}

/** Text whose bytes are what they seem to be: broken ones are not found again. */
function isPlain(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\ufffd');
}

/** Tells of documents, asked in their order, whether they may name a file. */
function fileNaming(documents: BsonDocuments): (i: number) => boolean {
  const bytes = asBuffer(documents.bytes);
  let mark = -1;
  return (i) => {
    const [start = 0, end = 0] = [documents.starts[i], documents.ends[i]];
    if (mark < start) mark = bytes.indexOf('file_id', start);
    if (mark === -1) mark = bytes.length;
    if (mark < end) return true;
    // Ids without a name.
    const files = findElement(bytes, start, 'files');
    return files !== undefined && files.end - files.start > emptyArray;
  };
}

const emptyArray = 5;

/** All messages of some conversations, whoever owns them, in any order. `expected`: about how many there are. */
export async function* messagesOf(
  connection: MongodbConnection,
  conversationIds: readonly string[],
  expected: number,
  signal: AbortSignal,
): AsyncGenerator<BsonDocuments> {
  const query = { collection, filter: { conversationId: { $in: conversationIds } } };
  // As the index gives them; only what one reply does not hold has to be sorted, to be read in pages.
  const { documents, isLast } = await connection.page({ ...query, sort: {}, limit: expected + spare }, signal);
  if (isLast) yield documents;
  else yield* keysetPages(connection, { ...query, by: '_id' }, signal);
}
