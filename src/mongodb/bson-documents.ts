import type { BsonDocuments } from '../formats/bson-documents.ts';
import { elementValue, findElement } from '../formats/bson-elements.ts';

/** No documents. */
export const noDocuments: BsonDocuments = {
  bytes: Buffer.alloc(0),
  starts: new Uint32Array(0),
  ends: new Uint32Array(0),
  count: 0,
};

/** The documents' memory as a Buffer. */
function bufferOf({ bytes }: BsonDocuments): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Size of the documents together, in bytes of BSON. */
export function documentsBytes({ starts, ends, count }: BsonDocuments): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += (ends[i] ?? 0) - (starts[i] ?? 0);
  return sum;
}

/** A top-level field of document `i`; nothing when it has none. */
export function fieldOf(documents: BsonDocuments, i: number, name: string): unknown {
  const bytes = bufferOf(documents);
  const element = findElement(bytes, documents.starts[i] ?? 0, name);
  return element === undefined ? undefined : elementValue(bytes, element);
}

/** Documents `from` up to but not including `to`, on the same buffer. */
export function sliceDocuments({ bytes, starts, ends }: BsonDocuments, from: number, to: number): BsonDocuments {
  const some = starts.subarray(from, to);
  return { bytes, starts: some, ends: ends.subarray(from, to), count: some.length };
}

/** The documents at `indexes`, in that order, on the same buffer. */
export function pickDocuments({ bytes, starts, ends }: BsonDocuments, indexes: readonly number[]): BsonDocuments {
  return {
    bytes,
    starts: Uint32Array.from(indexes, (i) => starts[i] ?? 0),
    ends: Uint32Array.from(indexes, (i) => ends[i] ?? 0),
    count: indexes.length,
  };
}

/** Of each document only its `_id`, copied: what is known of it when its own bytes are gone. */
export function idsOnly(documents: BsonDocuments): BsonDocuments {
  const { count } = documents;
  const bytes = bufferOf(documents);
  const ids = Array.from({ length: count }, (_, i) => findElement(bytes, documents.starts[i] ?? 0, '_id'));
  const sizes = ids.map((id) => (id === undefined ? 5 : id.end - id.start + emptyWithId));
  const copy = Buffer.alloc(sizes.reduce((sum, size) => sum + size, 0));
  const starts = new Uint32Array(count);
  const ends = new Uint32Array(count);
  let at = 0;
  for (const [i, size] of sizes.entries()) {
    const id = ids[i];
    copy.writeInt32LE(size, at);
    // Its type and name stand before the value.
    if (id !== undefined) bytes.copy(copy, at + 4, id.start - 5, id.end);
    starts[i] = at;
    at += size;
    ends[i] = at;
  }
  return { bytes: copy, starts, ends, count };
}

/** Bytes of a document around the value of its `_id`: length, type, name, and the zero at its end. */
const emptyWithId = 4 + 1 + 4 + 1;

/** Several runs of documents as one, copied: to the beginning of `bytes`, or into memory that has room for them only. */
export function joinDocuments(parts: readonly BsonDocuments[], bytes?: Buffer): BsonDocuments {
  const target = bytes ?? Buffer.allocUnsafeSlow(parts.reduce((sum, part) => sum + documentsBytes(part), 0));
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const starts = new Uint32Array(count);
  const ends = new Uint32Array(count);
  let place = 0;
  let at = 0;
  for (const part of parts) {
    const from = bufferOf(part);
    for (let i = 0; i < part.count; i++) {
      starts[place] = at;
      at += from.copy(target, at, part.starts[i], part.ends[i]);
      ends[place] = at;
      place += 1;
    }
  }
  return { bytes: target, starts, ends, count };
}
