import { BSON, type Document } from 'mongodb';
import { Aggregator } from 'mingo/aggregator';
import { Context } from 'mingo/core';
import * as accumulator from 'mingo/operators/accumulator';
import * as expression from 'mingo/operators/expression';
import * as pipelineOperators from 'mingo/operators/pipeline';
import * as projection from 'mingo/operators/projection';
import * as query from 'mingo/operators/query';
import { Query } from 'mingo/query';
import { updateOne } from 'mingo/updater';

import { decode } from './messages.ts';
import { compare, hasType, typeRank } from './order.ts';

/** A document as it was stored, and a decoded copy to look at. */
interface Stored {
  readonly bytes: Buffer;
  readonly view: Document;
}

type Sort = Readonly<Record<string, number>>;

/** What the server answers with an error code. */
export class CommandError extends Error {
  readonly code: number;
  readonly codeName: string;

  constructor(code: number, codeName: string, message: string = codeName) {
    super(message);
    this.code = code;
    this.codeName = codeName;
  }
}

type Operator = (selector: string, value: unknown) => (document: unknown) => boolean;

/** A range finds values of its own type only; mingo alone would compare an ObjectId with a string. */
const range =
  (fits: (order: number) => boolean): Operator =>
  (selector, value) =>
  (document) => {
    return candidates(document, selector).some(
      (found) => typeRank(found) === typeRank(value) && fits(compare(found, value)),
    );
  };
const operators: Record<string, Operator> = {
  $gt: range((order) => order > 0),
  $gte: range((order) => order >= 0),
  $lt: range((order) => order < 0),
  $lte: range((order) => order <= 0),
  $type: (selector, value) => {
    const types = Array.isArray(value) ? value : [value];
    return (document) => candidates(document, selector).some((found) => types.some((type) => hasType(found, type)));
  },
};
const context = Context.init({
  accumulator,
  expression,
  pipeline: pipelineOperators,
  projection,
  query: { ...query, ...operators },
});

/** Documents in the order they were inserted, unique by `_id`. */
export class Collection {
  readonly uuid = new BSON.UUID();
  readonly indexes = new Map<string, Document>([['_id_', { v: 2, key: { _id: 1 }, name: '_id_' }]]);
  readonly #documents = new Map<string, Stored>();
  #sorted: { readonly by: string; readonly documents: readonly Stored[] } | undefined;

  get count(): number {
    return this.#documents.size;
  }

  get bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#documents.values()) sum += bytes.length;
    return sum;
  }

  /** `view`: what queries see, for bytes that are not BSON. */
  insert(bytes: Buffer, view: Document = decode(bytes)): void {
    const key = idKey(view['_id']);
    if (this.#documents.has(key))
      throw new CommandError(11000, 'DuplicateKey', `E11000 duplicate key error dup key: { _id: ${key} }`);
    this.#put(key, { bytes, view });
  }

  find(filter: Document, sort: Sort = {}): Stored[] {
    return this.#inOrder(sort).filter(matcher(filter));
  }

  aggregate(pipeline: Document[]): Buffer[] {
    const results = new Aggregator(pipeline, { context }).run([...this.#documents.values()].map(({ view }) => view));
    return results.map((result) => Buffer.from(BSON.serialize(result)));
  }

  remove(filter: Document, limit: number): number {
    const found = this.find(filter).slice(0, limit === 0 ? undefined : limit);
    for (const { view } of found) this.#documents.delete(idKey(view['_id']));
    this.#sorted = undefined;
    return found.length;
  }

  /** One update statement; gives what a server counts. */
  update(
    filter: Document,
    change: Document,
    { upsert = false, multi = false }: Document,
  ): { n: number; changed: number; upserted?: unknown } {
    const found = this.find(filter).slice(0, multi === true ? undefined : 1);
    if (found.length === 0) {
      if (upsert !== true) return { n: 0, changed: 0 };
      const inserted = changed({}, change, filter);
      inserted['_id'] ??= filter['_id'] ?? new BSON.ObjectId();
      this.insert(Buffer.from(BSON.serialize(inserted)));
      return { n: 1, changed: 0, upserted: inserted['_id'] };
    }
    let count = 0;
    for (const { bytes, view } of found) {
      const after = changed(BSON.deserialize(bytes, { promoteValues: false }), change);
      const next = Buffer.from(BSON.serialize({ _id: view['_id'], ...after }));
      if (next.equals(bytes)) continue;
      this.#put(idKey(view['_id']), { bytes: next, view: decode(next) });
      count += 1;
    }
    return { n: found.length, changed: count };
  }

  #put(key: string, stored: Stored): void {
    this.#documents.set(key, stored);
    this.#sorted = undefined;
  }

  #inOrder(sort: Sort): readonly Stored[] {
    const fields = Object.entries(sort);
    const by = JSON.stringify(fields);
    if (this.#sorted?.by === by) return this.#sorted.documents;
    const documents = [...this.#documents.values()];
    documents.sort((a, b) => {
      for (const [field, direction] of fields) {
        const order = compare(valueAt(a.view, field), valueAt(b.view, field));
        if (order !== 0) return order * direction;
      }
      return 0;
    });
    this.#sorted = { by, documents };
    return documents;
  }
}

/** A document reduced to what a projection names: fields kept, at the top or below (`a.b`), or top-level fields left out. */
export function project(bytes: Buffer, projection: Document | undefined): Buffer {
  const fields = Object.entries(projection ?? {});
  if (fields.length === 0) return bytes;
  if (fields.some(([name]) => name.includes('.'))) {
    const paths = fields.map(([name]) => name.split('.'));
    return Buffer.from(BSON.serialize(picked(BSON.deserialize(bytes, { promoteValues: false }), [['_id'], ...paths])));
  }
  const keeps =
    fields.some(([name, value]) => name !== '_id' && Boolean(value)) ||
    (fields.length === 1 && Boolean(projection?.['_id']));
  const kept = Object.entries(BSON.deserialize(bytes, { promoteValues: false })).filter(([name]) => {
    const named = projection?.[name] as unknown;
    if (name === '_id') return named === undefined || Boolean(named);
    return keeps ? Boolean(named) : named === undefined;
  });
  return Buffer.from(BSON.serialize(Object.fromEntries(kept)));
}

/** The members that paths lead to; lists are looked through, and what is no document in them is dropped. */
function picked(document: Document, paths: readonly (readonly string[])[]): Document {
  const kept: Document = {};
  for (const [name, value] of Object.entries(document) as [string, unknown][]) {
    const below = paths.filter(([first]) => first === name).map(([, ...rest]) => rest);
    if (below.length === 0) continue;
    if (below.some((path) => path.length === 0)) kept[name] = value;
    else if (Array.isArray(value)) kept[name] = value.filter(isDocument).map((one) => picked(one, below));
    else if (isDocument(value)) kept[name] = picked(value, below);
  }
  return kept;
}

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('_bsontype' in value);
}

function matcher(filter: Document): (stored: Stored) => boolean {
  if (Object.keys(filter).length === 0) return () => true;
  try {
    const compiled = new Query(filter, { context });
    return ({ view }) => compiled.test(view);
  } catch (error) {
    throw new CommandError(2, 'BadValue', error instanceof Error ? error.message : String(error));
  }
}

function changed(document: Document, change: Document, filter: Document = {}): Document {
  const isReplacement = !Object.keys(change).some((name) => name.startsWith('$'));
  if (isReplacement) return { ...change };
  const start = { ...document };
  const isInsert = Object.keys(document).length === 0;
  if (isInsert)
    for (const [name, value] of Object.entries(filter)) if (!name.startsWith('$')) start[name] = value as unknown;
  const { $setOnInsert, ...rest } = change;
  if (isInsert) Object.assign(start, $setOnInsert);
  const documents = [start];
  if (Object.keys(rest).length > 0) updateOne(documents, {}, rest);
  return documents[0] ?? start;
}

function valueAt(document: unknown, path: string): unknown {
  let value = document;
  for (const name of path.split('.'))
    value = typeof value === 'object' && value !== null ? (value as Document)[name] : undefined;
  return value;
}

function candidates(document: unknown, path: string): unknown[] {
  const value = valueAt(document, path);
  return Array.isArray(value) ? [value, ...(value as unknown[])] : [value];
}

function idKey(id: unknown): string {
  return BSON.EJSON.stringify({ id });
}
