import type { BsonDocuments } from '../formats/bson-documents.ts';
import { elements } from '../formats/bson-elements.ts';

const arrayType = 0x04;
const int64Type = 0x12;

/** A cursor as a server first gives it: its first documents, and its id, 0 when there are no more. */
export interface FirstReply {
  readonly documents: BsonDocuments;
  readonly id: bigint;
}

/**
 * Reads `cursor: { firstBatch: […], id }`. The documents are views on the reply's own bytes: nothing is decoded or copied.
 *
 * @throws {RangeError} for a cursor without a batch, or one that is not BSON.
 */
export function parseCursor(cursor: Buffer): FirstReply {
  let documents: BsonDocuments | undefined;
  let id: bigint | undefined;
  for (const { type, start, end } of elements(cursor, 0)) {
    // The batch is the only array there is, and the id the only number.
    if (type === arrayType) documents = documentsIn(cursor, start, end);
    if (type === int64Type) id = cursor.readBigInt64LE(start);
  }
  if (documents === undefined || id === undefined) throw new RangeError('the reply holds no cursor');
  return { documents, id };
}

function documentsIn(bytes: Buffer, start: number, end: number): BsonDocuments {
  const starts: number[] = [];
  const ends: number[] = [];
  let at = start + 4;
  while (at < end - 1) {
    const value = bytes.indexOf(0, at + 1) + 1;
    const length = bytes[at] === 0x03 ? bytes.readInt32LE(value) : 0;
    if (value <= at || length < 5 || value + length > end - 1)
      throw new RangeError(`the reply is broken at byte ${at}`);
    starts.push(value);
    ends.push(value + length);
    at = value + length;
  }
  return { bytes, starts: Uint32Array.from(starts), ends: Uint32Array.from(ends), count: starts.length };
}
