// The server of the bundle bench, in a process of its own: a generated LibreChat encoded beforehand. Ends with its parent.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { BSON } from 'mongodb';

import { generateLibrechat } from '../test/helpers/librechat-data/generate-librechat.ts';
import { EncodedCollection } from '../test/helpers/mongodb-wire/encoded.ts';
import { cursorReply, cursorReplyAround } from '../test/helpers/mongodb-wire/messages.ts';
import { startWireServer, type Override } from '../test/helpers/mongodb-wire/server.ts';

const file = fileURLToPath(import.meta.url);
const largeBytes = 16_000_000;

/** What the server holds, and where it is. */
export interface LibrechatServer {
  readonly uri: string;
  /** Bytes of BSON in conversations and messages. */
  readonly bytes: number;
  readonly conversations: number;
  readonly messages: number;
}

/** Starts it with so many conversations, and among them so many messages of 16 MB, close to the most a document may be. */
export async function startLibrechatServer(conversations: number, large = 0): Promise<LibrechatServer> {
  const child = fork(file, [String(conversations), String(large)]);
  process.once('exit', () => child.kill('SIGKILL'));
  const [server] = (await once(child, 'message')) as [LibrechatServer];
  // The bench may end while it runs.
  child.unref();
  child.channel?.unref();
  return server;
}

interface Stored {
  readonly id: BSON.ObjectId;
  readonly bytes: Uint8Array;
  readonly document: BSON.Document;
}

/** The fields that queries of one chat at a time look for. */
const asked: Readonly<Record<string, string>> = { conversations: 'user', messages: 'conversationId', files: 'file_id' };

/** Answers such queries from replies made beforehand, as a server answers them from an index. */
function indexed(ns: string, field: string, documents: readonly Stored[]): Override {
  const found = new Map<string, Uint8Array[]>();
  for (const { document, bytes } of documents) {
    const key = String(document[field]);
    const list = found.get(key) ?? [];
    list.push(Buffer.from(`\x03${list.length / 2}\0`), bytes);
    found.set(key, list);
  }
  const elements = new Map([...found].map(([key, list]) => [key, Buffer.concat(list)]));
  return ({ name, db, body }) => {
    if (name !== 'find' || `${db}.${String(body['find'])}` !== ns) return undefined;
    const wanted = (body['filter'] as BSON.Document | undefined)?.[field] as unknown;
    if (wanted === undefined) return undefined;
    const { $in: keys = [wanted] } = wanted as { readonly $in?: readonly unknown[] };
    const some = keys.map((key) => elements.get(String(key)) ?? Buffer.alloc(0));
    return cursorReplyAround(
      'firstBatch',
      some.length === 1 ? (some[0] ?? Buffer.alloc(0)) : Buffer.concat(some),
      0n,
      ns,
    );
  };
}

/** Answers a read of all messages' keys, which were picked beforehand. */
function projected(ns: string, documents: readonly Stored[]): Override {
  const filesIn = (list: unknown): unknown =>
    Array.isArray(list) ? list.filter((part) => typeof part === 'object' && part !== null).map(fileOf) : undefined;
  const fileOf = ({ file_id: id, image_file: image }: BSON.Document): BSON.Document => ({
    file_id: id as unknown,
    image_file: image === undefined ? undefined : fileOf(image as BSON.Document),
  });
  const keys = documents.map(({ id, document: given }) => {
    const { user, conversationId, files, attachments, content } = given as Readonly<Record<string, unknown>>;
    const document = {
      _id: id,
      user,
      conversationId,
      files,
      attachments: filesIn(attachments),
      content: filesIn(content),
    };
    return { id, bytes: BSON.serialize(document, { ignoreUndefined: true }) };
  });
  const { answer } = new EncodedCollection(ns, keys);
  return (request) => {
    const projection = request.body['projection'] as BSON.Document | undefined;
    return projection?.['content.file_id'] === undefined ? undefined : answer(request);
  };
}

async function serve(conversations: number, large: number): Promise<void> {
  const collections = new Map<string, Stored[]>();
  const big = { count: large, bytes: largeBytes };
  const options = { seed: 1, conversations, users: 40, exotic: false, binaries: false, big };
  for (const record of generateLibrechat(options).records) {
    if (!('document' in record)) continue;
    const { collection, document } = record;
    const list = collections.get(collection) ?? [];
    list.push({ id: document['_id'] as BSON.ObjectId, bytes: BSON.serialize(document), document });
    collections.set(collection, list);
  }
  const overrides: Override[] = [];
  for (const [name, documents] of collections) {
    if (!documents.every(({ id }) => id._bsontype === 'ObjectId')) continue;
    documents.sort((a, b) => (a.id.toHexString() < b.id.toHexString() ? -1 : 1));
    const field = asked[name];
    if (field !== undefined) overrides.push(indexed(`db.${name}`, field, documents));
    if (name === 'messages') overrides.push(projected(`db.${name}`, documents));
    overrides.push(new EncodedCollection(`db.${name}`, documents).answer);
  }
  const override: Override = (request) => {
    for (const answer of overrides) {
      const known = answer(request);
      if (known !== undefined) return known;
    }
    return undefined;
  };
  overrides.push(({ name, body }) => {
    if (name !== 'listIndexes' || body['listIndexes'] !== 'messages') return undefined;
    const index = BSON.serialize({ v: 2, key: { conversationId: 1 }, name: 'conversationId_1' });
    return cursorReply('firstBatch', [index], 0n, 'db.messages');
  });
  const { uri, insert } = await startWireServer({ override });
  // For the list of collections; reads go to those above.
  for (const name of collections.keys()) insert(`db.${name}`, [{ _id: 0 }]);
  process.on('disconnect', () => process.exit());
  const sizeOf = (name: string): number =>
    (collections.get(name) ?? []).reduce((sum, { bytes }) => sum + bytes.length, 0);
  process.send?.({
    uri: `${uri}db`,
    bytes: sizeOf('conversations') + sizeOf('messages'),
    conversations: collections.get('conversations')?.length ?? 0,
    messages: collections.get('messages')?.length ?? 0,
  });
}

if (process.argv[1] === file) await serve(Number(process.argv[2]), Number(process.argv[3]));
