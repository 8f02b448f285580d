import { EJSON } from 'bson';

import { jsonBatch } from '../batch.ts';
import { EtlError } from '../errors.ts';
import type { BatchMemory } from '../formats/batch-memory.ts';
import type { BsonDocuments } from '../formats/bson-documents.ts';
import { bsonToJson, type BadBson, type BsonTypes } from '../formats/bson-to-json.ts';
import { decodeJsonRecords, sliceJsonRecords, type JsonRecords } from '../formats/json-records.ts';
import type { Json } from '../json.ts';
import type { Batch, StageContext } from '../stage.ts';
import { documentsBytes, fieldOf, idsOnly, pickDocuments } from './bson-documents.ts';

interface BatchOptions {
  /** For messages. */
  readonly collection: string;
  readonly types: BsonTypes;
  /** Whether reading can go on after an `_id`. */
  readonly hasCursor: boolean;
  /** For the text of batches. */
  readonly text: BatchMemory;
  /** Takes the memory of the documents back, to be used again: nobody looks at it any more. */
  readonly release: () => void;
}

/**
 * Documents as one batch of JSON text whose cursor is the last `_id`. A document that is not BSON is rejected; when the run
 * stops there, those before it come as a batch of their own.
 *
 * @throws {EtlError} `ETL_RECORD_REJECTED` under the pipeline's policy.
 */
export function* documentBatches(
  documents: BsonDocuments,
  { collection, types, hasCursor, text, release }: BatchOptions,
  ctx: StageContext,
): Generator<Batch<unknown>> {
  // As JSON text they are a little larger; what does not fit lies in other memory.
  const size = documentsBytes(documents);
  const { json, bad, replaced } = bsonToJson(documents, { types, memory: text.take(size + (size >>> 2)) });
  const takeBack = (): void => text.giveBackAround(json.bytes);
  // Asked for by stages after which the memory of the batch has long been used again.
  const ids = idsOnly(goodOnes(documents, bad));
  if (replaced > 0) ctx.warn(`strings in "${collection}" are not UTF-8; their broken bytes became U+FFFD`);
  const batch = (records: JsonRecords, upTo: number): Batch<unknown> => {
    const cursor = hasCursor ? cursorAfter(documents, upTo) : undefined;
    return jsonBatch(records, {
      bytes: sizeUpTo(documents, upTo),
      cursor,
      at: (index) => placeOf(collection, ids, index, types),
      takeBack: upTo === documents.count - 1 ? takeBack : undefined,
    });
  };
  for (const each of bad) {
    try {
      reject(documents, each, collection, ctx);
    } catch (error) {
      if (each.document > 0) yield batch(sliceJsonRecords(json, 0, each.index), each.document - 1);
      throw error;
    }
  }
  const whole = batch(json, documents.count - 1);
  release();
  yield whole;
}

function reject(
  documents: BsonDocuments,
  { document, offset, reason }: BadBson,
  collection: string,
  ctx: StageContext,
): void {
  const id: unknown = fieldOf(documents, document, '_id');
  const cause = new EtlError('ETL_RECORD_INVALID', `not a BSON document: ${reason}`, { where: { offset } });
  // The bytes cannot be shown as a record; what is known of it is its id.
  const record = EJSON.serialize({ _id: id ?? null }, { relaxed: true }) as Json;
  ctx.reject(record, cause, { at: `${collection}, _id ${EJSON.stringify(id ?? null)}` });
}

function cursorAfter(documents: BsonDocuments, i: number): Json {
  return { after: EJSON.serialize({ value: fieldOf(documents, i, '_id') }, { relaxed: false }) as Json };
}

function sizeUpTo({ starts, ends, ...rest }: BsonDocuments, last: number): number {
  return documentsBytes({ ...rest, starts, ends, count: last + 1 });
}

/** The documents that became records, in the order of these. */
function goodOnes(documents: BsonDocuments, bad: readonly BadBson[]): BsonDocuments {
  if (bad.length === 0) return documents;
  const left = new Set(bad.map(({ document }) => document));
  const all = Array.from({ length: documents.count }, (_, document) => document);
  return pickDocuments(
    documents,
    all.filter((document) => !left.has(document)),
  );
}

function placeOf(collection: string, ids: BsonDocuments, index: number, types: BsonTypes): string {
  const [record] = decodeJsonRecords(bsonToJson(pickDocuments(ids, [index]), { types }).json);
  return `${collection}, _id ${JSON.stringify((record as { readonly _id?: unknown } | undefined)?._id)}`;
}

/** The `_id` in a cursor of ours, as a value of the `bson` package; nothing at the start of a run. */
export function cursorValue(cursor: Json | undefined): { readonly value: unknown } | undefined {
  if (cursor === undefined) return undefined;
  // What comes back is what we gave with a batch.
  const { after } = cursor as { readonly after: object };
  return EJSON.deserialize(after, { relaxed: false }) as { readonly value: unknown };
}
