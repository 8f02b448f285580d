import { FormatError } from './format-error.ts';

/** BSON documents as views on one buffer: document i is `bytes[starts[i] .. ends[i])`. Never reused or changed. */
export interface BsonDocuments {
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly count: number;
}

/** Where a reader resumes: the byte offset of a document and its 0-based number. */
export interface BsonPosition {
  readonly offset: number;
  readonly index: number;
}

export interface BsonChunk {
  readonly documents: BsonDocuments;
  /** Byte offset in the input of document i. */
  readonly offsets: Float64Array;
  readonly end: BsonPosition;
}

export interface ReadBsonDocumentsOptions {
  /** Documents in a chunk. Default 500. */
  readonly batchSize?: number | undefined;
  /** A chunk ends with the document that reaches this many bytes. Default 256 KiB. */
  readonly batchBytes?: number | undefined;
  /** Longest document taken. Default 16 MiB and 16 KiB, the most a server stores. */
  readonly maxDocumentBytes?: number | undefined;
  /** Where the first byte of `chunks` is in the input: the `end` of a chunk read before. Default: the beginning. */
  readonly start?: BsonPosition | undefined;
  readonly signal?: AbortSignal | undefined;
}

const MIN_DOCUMENT = 5;

/**
 * Cuts a stream of concatenated BSON documents (a `.bson` file of a dump) by their lengths. The insides are not looked
 * at: `bsonToJson` tells which documents are broken.
 *
 * Chunks are cut by what the documents are, not by how the reads were aligned: a reader started at a chunk's `end` gives
 * the same chunks from there. The given bytes are copied; a chunk's are nobody else's.
 *
 * @throws {FormatError} at a length that cannot be one (below 5 or above `maxDocumentBytes`), or when the input ends inside
 *   a document; the documents before it were given out.
 */
export async function* readBsonDocuments(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ReadBsonDocumentsOptions = {},
): AsyncGenerator<BsonChunk, void, undefined> {
  const { batchSize = 500, batchBytes = 262_144, maxDocumentBytes = 16_793_600, signal } = options;
  let { offset, index } = options.start ?? { offset: 0, index: 0 };
  const usualBytes = Math.min(batchBytes, 4_194_304) + 65_536;
  let buffer = Buffer.allocUnsafeSlow(usualBytes);
  let used = 0;
  // Of what is in the buffer: whole documents end here, and the document being read has this length (0: not known).
  let cut = 0;
  let length = 0;
  let starts: number[] = [];

  const take = (): BsonChunk => {
    // What a very long document left large goes with it.
    const goesItself = buffer.length > usualBytes * 4;
    const filled = buffer.subarray(0, cut);
    const bytes = goesItself ? filled : Buffer.from(filled);
    const ends = Uint32Array.from(starts, (_, i) => starts[i + 1] ?? cut);
    const offsets = Float64Array.from(starts, (start) => offset + start);
    const documents = { bytes, starts: Uint32Array.from(starts), ends, count: starts.length };
    offset += cut;
    index += starts.length;
    const rest = buffer.subarray(cut, used);
    if (goesItself) buffer = withRoom(Buffer.allocUnsafeSlow(usualBytes), 0, rest.length);
    rest.copy(buffer);
    used = rest.length;
    cut = 0;
    starts = [];
    return { documents, offsets, end: { offset, index } };
  };

  for await (const bytes of chunks) {
    signal?.throwIfAborted();
    let from = 0;
    while (from < bytes.length) {
      const missing = (length === 0 ? 4 : length) - (used - cut);
      const to = Math.min(bytes.length, from + missing);
      buffer = withRoom(buffer, used, to - from);
      buffer.set(bytes.subarray(from, to), used);
      used += to - from;
      from = to;
      if (used - cut < (length === 0 ? 4 : length)) continue;
      if (length === 0) {
        length = buffer.readUInt32LE(cut);
        if (length >= MIN_DOCUMENT && length <= maxDocumentBytes) {
          buffer = withRoom(buffer, used, length - 4);
          continue;
        }
        const at = offset + cut;
        if (starts.length > 0) yield take();
        throw new FormatError(
          `the document at byte ${at} says that it is ${length} bytes long, which no document here can be (${MIN_DOCUMENT} to ${maxDocumentBytes})`,
          { offset: at },
        );
      }
      starts.push(cut);
      cut = used;
      length = 0;
      if (starts.length < batchSize && cut < batchBytes) continue;
      yield take();
      signal?.throwIfAborted();
    }
  }
  const left = used - cut;
  const at = offset + cut;
  if (starts.length > 0) yield take();
  if (left > 0) {
    throw new FormatError(`the input ends at byte ${at + left}, inside the document at byte ${at}`, {
      offset: at,
      isTruncated: true,
    });
  }
}

/** Documents that a driver gave one by one, as views on their common buffer where they have one, else on a copy. */
export function gatherBsonDocuments(documents: readonly Uint8Array[]): BsonDocuments {
  const count = documents.length;
  const starts = new Uint32Array(count);
  const ends = new Uint32Array(count);
  const [first] = documents;
  const isShared = first !== undefined && documents.every(({ buffer }) => buffer === first.buffer);
  const bytes = isShared ? new Uint8Array(first.buffer) : Buffer.concat(documents);
  let at = 0;
  for (const [i, document] of documents.entries()) {
    starts[i] = isShared ? document.byteOffset : at;
    at = (starts[i] ?? 0) + document.length;
    ends[i] = at;
  }
  return { bytes, starts, ends, count };
}

function withRoom(buffer: Buffer<ArrayBuffer>, used: number, bytes: number): Buffer<ArrayBuffer> {
  if (used + bytes <= buffer.length) return buffer;
  const larger = Buffer.allocUnsafeSlow(Math.max(used + bytes, Math.ceil(buffer.length * 1.5)));
  buffer.copy(larger, 0, 0, used);
  return larger;
}
