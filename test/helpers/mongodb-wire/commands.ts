import { BSON, type Document } from 'mongodb';

import { cursorReply, type Request } from './messages.ts';
import { Collection, CommandError, project } from './store.ts';

/** Databases, their collections, and the cursors that are open. */
export class State {
  readonly collections = new Map<string, Collection>();
  readonly cursors = new Map<bigint, { readonly ns: string; documents: readonly Uint8Array[] }>();
  readonly sessions: boolean;
  #lastCursor = 0n;

  constructor(sessions: boolean) {
    this.sessions = sessions;
  }

  collection(ns: string): Collection {
    let collection = this.collections.get(ns);
    if (collection === undefined) this.collections.set(ns, (collection = new Collection()));
    return collection;
  }

  /** As many documents as one reply takes: `batchSize`, and 16 MB less the reply's own bytes, but one at least. */
  firstBatch(documents: readonly Uint8Array[], ns: string, batchSize: number, singleBatch: boolean): Buffer {
    const count = fitting(documents, batchSize);
    if (count === documents.length || singleBatch) return cursorReply('firstBatch', documents.slice(0, count), 0n, ns);
    this.#lastCursor += 1n;
    this.cursors.set(this.#lastCursor, { ns, documents: documents.slice(count) });
    return cursorReply('firstBatch', documents.slice(0, count), this.#lastCursor, ns);
  }

  nextBatch(id: bigint, batchSize: number): Buffer {
    const cursor = this.cursors.get(id);
    if (cursor === undefined) throw new CommandError(43, 'CursorNotFound', `cursor id ${id} not found`);
    const count = fitting(cursor.documents, batchSize);
    const batch = cursor.documents.slice(0, count);
    cursor.documents = cursor.documents.slice(count);
    if (cursor.documents.length === 0) this.cursors.delete(id);
    return cursorReply('nextBatch', batch, cursor.documents.length === 0 ? 0n : id, cursor.ns);
  }
}

function fitting(documents: readonly Uint8Array[], batchSize: number): number {
  let count = 0;
  let bytes = 0;
  for (const document of documents) {
    bytes += document.length + 8;
    if (count >= batchSize || (count > 0 && bytes > 16 * 1024 * 1024 - 16 * 1024)) break;
    count += 1;
  }
  return count;
}

type Command = (request: Request, state: State) => Document | Uint8Array;

/** What the server answers to, by command name in lower case. */
export const commands: Readonly<Record<string, Command>> = {
  hello: (_request, { sessions }) => greeting(sessions),
  ismaster: (_request, { sessions }) => greeting(sessions),
  ping: () => ({}),
  buildinfo: () => ({ version: '7.0.0', versionArray: [7, 0, 0, 0], maxBsonObjectSize: 16_777_216 }),
  endsessions: () => ({}),
  saslstart: () => {
    throw new CommandError(18, 'AuthenticationFailed', 'Authentication failed.');
  },

  find: ({ body, db }, state) => {
    const ns = `${db}.${String(body['find'])}`;
    const stored = state.collections.get(ns)?.find(document(body['filter']), document(body['sort'])) ?? [];
    const skip = number(body['skip'], 0);
    const limit = Math.abs(number(body['limit'], 0));
    const picked = stored.slice(skip, limit === 0 ? undefined : skip + limit);
    const projection = document(body['projection']);
    const documents = picked.map(({ bytes }) => project(bytes, projection));
    return state.firstBatch(documents, ns, number(body['batchSize'], 101), body['singleBatch'] === true);
  },
  getmore: ({ body }, state) => {
    return state.nextBatch(BigInt(String(body['getMore'])), number(body['batchSize'], 0) || Number.POSITIVE_INFINITY);
  },
  killcursors: ({ body }, { cursors }) => {
    const ids = body['cursors'] as unknown[];
    for (const id of ids) cursors.delete(BigInt(String(id)));
    return { cursorsKilled: ids, cursorsNotFound: [], cursorsAlive: [], cursorsUnknown: [] };
  },
  count: ({ body, db }, { collections }) => {
    return { n: collections.get(`${db}.${String(body['count'])}`)?.find(document(body['query'])).length ?? 0 };
  },
  distinct: ({ body, db }, { collections }) => {
    const key = String(body['key']);
    const found =
      collections.get(`${db}.${String(body['distinct'])}`)?.find(document(body['query']), { [key]: 1 }) ?? [];
    const values = new Map<string, unknown>(
      found.map(({ view }) => [BSON.EJSON.stringify({ value: view[key] as unknown }), view[key]]),
    );
    return { values: [...values.values()].filter((value) => value !== undefined) };
  },
  aggregate: ({ body, db }, state) => {
    const ns = `${db}.${String(body['aggregate'])}`;
    const documents = state.collections.get(ns)?.aggregate(body['pipeline'] as Document[]) ?? [];
    return state.firstBatch(documents, ns, number(document(body['cursor'])['batchSize'], 101), false);
  },

  listcollections: ({ body, db }, state) => {
    const filter = document(body['filter']);
    const found = [...state.collections]
      .filter(([ns]) => ns.startsWith(`${db}.`))
      .map(([ns, { uuid }]) => {
        const name = ns.slice(db.length + 1);
        return {
          name,
          type: 'collection',
          ...(body['nameOnly'] === true ? {} : { options: {}, info: { readOnly: false, uuid } }),
        };
      });
    const wanted = found.filter(({ name }) => filter['name'] === undefined || filter['name'] === name);
    return state.firstBatch(
      wanted.map((each) => BSON.serialize(each)),
      `${db}.$cmd.listCollections`,
      1000,
      false,
    );
  },
  listindexes: ({ body, db }, state) => {
    const ns = `${db}.${String(body['listIndexes'])}`;
    const collection = state.collections.get(ns);
    if (collection === undefined) throw new CommandError(26, 'NamespaceNotFound', `ns does not exist: ${ns}`);
    return state.firstBatch(
      [...collection.indexes.values()].map((index) => BSON.serialize(index)),
      ns,
      1000,
      false,
    );
  },
  createindexes: ({ body, db }, state) => {
    const { indexes } = state.collection(`${db}.${String(body['createIndexes'])}`);
    for (const index of body['indexes'] as Document[]) indexes.set(String(index['name']), { v: 2, ...index });
    return { numIndexesAfter: indexes.size };
  },
  collstats: ({ body, db }, { collections }) => {
    const collection = collections.get(`${db}.${String(body['collStats'])}`);
    return { ns: `${db}.${String(body['collStats'])}`, count: collection?.count ?? 0, size: collection?.bytes ?? 0 };
  },
  drop: ({ body, db }, { collections }) => {
    const ns = `${db}.${String(body['drop'])}`;
    if (!collections.delete(ns)) throw new CommandError(26, 'NamespaceNotFound', 'ns not found');
    return { ns };
  },
  dropdatabase: ({ db }, { collections }) => {
    for (const ns of collections.keys()) if (ns.startsWith(`${db}.`)) collections.delete(ns);
    return { dropped: db };
  },

  insert: (request, state) => {
    const collection = state.collection(`${request.db}.${String(request.body['insert'])}`);
    return writes(request, 'documents', (bytes) => {
      collection.insert(bytes);
      return { n: 1 };
    });
  },
  update: (request, state) => {
    const collection = state.collection(`${request.db}.${String(request.body['update'])}`);
    return writes(request, 'updates', (bytes, index) => {
      const { q, u, ...options } = BSON.deserialize(bytes, { promoteValues: false });
      const flags = { upsert: isTrue(options['upsert']), multi: isTrue(options['multi']) };
      const { n, changed, upserted } = collection.update(document(q), document(u), flags);
      return { n, nModified: changed, ...(upserted === undefined ? {} : { upserted: [{ index, _id: upserted }] }) };
    });
  },
  delete: (request, state) => {
    const collection = state.collection(`${request.db}.${String(request.body['delete'])}`);
    return writes(request, 'deletes', (bytes) => {
      const { q, limit } = BSON.deserialize(bytes);
      return { n: collection.remove(document(q), number(limit, 0)) };
    });
  },
};

/** Runs each statement of a bulk write; stops at the first failure when the write is ordered. */
function writes(
  { body, sequences }: Request,
  field: string,
  write: (bytes: Buffer, index: number) => Document,
): Document {
  const inline = (body[field] as Document[] | undefined)?.map((each) => Buffer.from(BSON.serialize(each)));
  const statements = sequences.get(field) ?? inline ?? [];
  const result = { n: 0, nModified: 0, upserted: [] as unknown[], writeErrors: [] as Document[] };
  for (const [index, statement] of statements.entries()) {
    try {
      const {
        n,
        nModified = 0,
        upserted = [],
      } = write(statement, index) as { n: number; nModified?: number; upserted?: unknown[] };
      result.n += n;
      result.nModified += nModified;
      result.upserted.push(...upserted);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      result.writeErrors.push({ index, code: error.code, errmsg: error.message });
      if (body['ordered'] !== false) break;
    }
  }
  return Object.fromEntries(Object.entries(result).filter(([, value]) => !Array.isArray(value) || value.length > 0));
}

function greeting(sessions: boolean): Document {
  return {
    helloOk: true,
    ismaster: true,
    isWritablePrimary: true,
    maxBsonObjectSize: 16_777_216,
    maxMessageSizeBytes: 48_000_000,
    maxWriteBatchSize: 100_000,
    localTime: new Date(),
    connectionId: 1,
    minWireVersion: 0,
    maxWireVersion: 21,
    ...(sessions ? { logicalSessionTimeoutMinutes: 30 } : {}),
  };
}

function document(value: unknown): Document {
  return typeof value === 'object' && value !== null ? value : {};
}

function number(value: unknown, otherwise: number): number {
  return value === undefined ? otherwise : Number(String(value));
}

function isTrue(value: unknown): boolean {
  return value === true;
}
