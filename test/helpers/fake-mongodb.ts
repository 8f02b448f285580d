import { BSON, type Document } from 'mongodb';

import type { MongodbConnection, MongodbIndex } from '../../src/connections/mongodb.ts';
import { joinDocuments, noDocuments } from '../../src/mongodb/bson-documents.ts';
import { Collection, project } from './mongodb-wire/store.ts';

/** A connection without a server: collections in memory. `pages` counts the pages given out. */
export interface FakeMongodb extends MongodbConnection {
  readonly pages: { readonly filter: Readonly<Document>; readonly documents: number }[];
}

/** `replyBytes` is how much fits into one reply, 16 MB on a server. */
export function fakeMongodb(
  collections: Readonly<Record<string, readonly Document[]>>,
  { indexes = [], replyBytes = 16_000_000 }: { indexes?: readonly MongodbIndex[]; replyBytes?: number } = {},
): FakeMongodb {
  const stored = new Map<string, Collection>();
  for (const [name, documents] of Object.entries(collections)) {
    const collection = new Collection();
    for (const each of documents) collection.insert(Buffer.from(BSON.serialize(each)));
    stored.set(name, collection);
  }
  const pages: FakeMongodb['pages'] = [];
  const find = (name: string, filter: Document, sort: Record<string, 1 | -1>, projection: Document | undefined) => {
    // As a server gets it: over the wire, in bytes.
    const sent = BSON.deserialize(BSON.serialize(filter), { promoteBuffers: false });
    const found = stored.get(name)?.find(sent, sort) ?? [];
    return found.map(({ bytes }) => asDocuments(project(bytes, projection)));
  };
  return {
    where: 'mongodb://fake/db',
    database: 'db',
    pages,
    page({ collection, filter, sort, projection, limit }) {
      const all = find(collection, filter, sort, projection);
      let bytes = 0;
      const fitting = all
        .slice(0, limit)
        .filter(({ bytes: { length } }, i) => (bytes += length) <= replyBytes || i === 0);
      pages.push({ filter, documents: fitting.length });
      const documents = fitting.length === 0 ? noDocuments : joinDocuments(fitting);
      return Promise.resolve({ documents, isLast: fitting.length === all.length && fitting.length < limit });
    },
    async *stream({ collection, filter, sort, projection, batchSize }) {
      const all = find(collection, filter, { ...sort }, projection);
      for (let i = 0; i < all.length; i += batchSize) yield joinDocuments(all.slice(i, i + batchSize));
    },
    collection: (name) => Promise.resolve(stored.has(name) ? { name } : { others: [...stored.keys()].sort() }),
    indexes: () => Promise.resolve(indexes),
    size: (name) => Promise.resolve({ documents: stored.get(name)?.count ?? 0, bytes: stored.get(name)?.bytes ?? 0 }),
    version: () => Promise.resolve('0'),
    close: () => Promise.resolve(),
  };
}

function asDocuments(bytes: Buffer) {
  return { bytes, starts: Uint32Array.of(0), ends: Uint32Array.of(bytes.length), count: 1 };
}
