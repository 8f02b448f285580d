import type { BatchMemory } from '../formats/batch-memory.ts';
import type { BsonDocuments } from '../formats/bson-documents.ts';
import { freeMemory } from '../formats/free-memory.ts';
import { documentsBytes, joinDocuments, sliceDocuments } from './bson-documents.ts';

interface CutOptions {
  readonly batchSize: number;
  readonly batchBytes: number;
  /** To copy batches into, all but large ones: a page is garbage while it is young then, and costs next to nothing. */
  readonly memory: BatchMemory;
}

/** Smaller memory may be shared: with what else came in a piece of a reply, or in a slab of Node's. */
const ownBytes = 128 * 1024;

/**
 * Cuts pages into batches that depend on the documents only: a batch ends with the document that reaches `batchSize` or
 * `batchBytes`, counted from its first one, wherever the pages end. A document that `memory` does not keep is a batch by itself.
 *
 * Each batch lies in memory of its own, which may go back to `memory` when nobody looks at it any more. That of the pages is
 * freed: nobody else may look at them.
 */
export async function* cutDocuments(
  pages: AsyncIterable<BsonDocuments>,
  { batchSize, batchBytes, memory }: CutOptions,
): AsyncGenerator<BsonDocuments> {
  let parts: BsonDocuments[] = [];
  let ended: BsonDocuments[] = [];
  let count = 0;
  let size = 0;
  const cut = (): BsonDocuments => {
    const batch = joinDocuments(parts, memory.take(size));
    ended.forEach(free);
    parts = [];
    ended = [];
    count = 0;
    size = 0;
    return batch;
  };
  for await (const page of pages) {
    for (const part of apart(page, memory)) {
      if (isLarge(part, memory)) {
        if (count > 0) yield cut();
        yield part;
        continue;
      }
      let from = 0;
      for (let i = 0; i < part.count; i++) {
        count += 1;
        size += (part.ends[i] ?? 0) - (part.starts[i] ?? 0);
        if (count < batchSize && size < batchBytes) continue;
        parts.push(sliceDocuments(part, from, i + 1));
        yield cut();
        from = i + 1;
      }
      if (from < part.count) parts.push(sliceDocuments(part, from, part.count));
      ended.push(part);
    }
  }
  if (count > 0) yield cut();
}

/** Whether it is one document that is too large for `memory`. */
function isLarge(documents: BsonDocuments, memory: BatchMemory): boolean {
  return documents.count === 1 && !memory.keeps(documentsBytes(documents));
}

/** A page in which a large document stands among others: it, and what is around it, in memory of their own. */
function apart(page: BsonDocuments, memory: BatchMemory): readonly BsonDocuments[] {
  if (memory.keeps(page.bytes.length)) return [page];
  const runs: BsonDocuments[] = [];
  let from = 0;
  const end = (to: number): void => {
    if (from < to) runs.push(sliceDocuments(page, from, to));
    from = to;
  };
  for (let i = 0; i < page.count; i++) {
    if (memory.keeps((page.ends[i] ?? 0) - (page.starts[i] ?? 0))) continue;
    end(i);
    end(i + 1);
  }
  end(page.count);
  if (runs.length === 1) return [page];
  const owned = runs.map((run) => joinDocuments([run]));
  free(page);
  return owned;
}

function free({ bytes }: BsonDocuments): void {
  if (bytes.length >= ownBytes) freeMemory(bytes);
}
