import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BSON } from 'bson';
import fc from 'fast-check';

import { BatchMemory } from '../../src/formats/batch-memory.ts';
import type { BsonDocuments } from '../../src/formats/bson-documents.ts';
import { joinDocuments } from '../../src/mongodb/bson-documents.ts';
import { cutDocuments } from '../../src/mongodb/cut-documents.ts';

const mostKept = 300_000;

/** A document of about so many bytes. */
function document(n: number, size: number): Buffer {
  return Buffer.from(BSON.serialize({ n, text: String.fromCharCode(97 + (n % 26)).repeat(size) }));
}

async function* pagesOf(all: readonly Buffer[], count: number): AsyncGenerator<BsonDocuments> {
  for (let from = 0; from < all.length; from += count) {
    const some = all.slice(from, from + count);
    const parts = some.map((bytes) => ({
      bytes,
      starts: Uint32Array.of(0),
      ends: Uint32Array.of(bytes.length),
      count: 1,
    }));
    yield joinDocuments(parts);
  }
}

/** The documents of each batch. Its memory goes back before the next one is asked for. */
async function cut(pages: AsyncIterable<BsonDocuments>, batchSize: number, batchBytes: number): Promise<Buffer[][]> {
  const memory = new BatchMemory(mostKept, { step: 100 });
  const batches: Buffer[][] = [];
  for await (const { bytes, starts, ends, count } of cutDocuments(pages, { batchSize, batchBytes, memory })) {
    batches.push(Array.from({ length: count }, (_, i) => Buffer.from(bytes.subarray(starts[i], ends[i]))));
    if (memory.keeps(bytes.length)) bytes.fill(0x21);
    memory.giveBackAround(bytes);
  }
  return batches;
}

const sizes = fc.array(
  fc.oneof({ weight: 9, arbitrary: fc.nat(5000) }, fc.constantFrom(140_000, 299_000, 310_000, 900_000)),
  {
    maxLength: 40,
  },
);

test('the same batches come wherever pages end, and their memory is nobody else’s', async () => {
  await fc.assert(
    fc.asyncProperty(
      sizes,
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 10 }),
      fc.constantFrom(500, 20_000, 2_000_000),
      async (lengths, pageCount, batchSize, batchBytes) => {
        const all = lengths.map((size, n) => document(n, size));
        const batches = await cut(pagesOf(all, pageCount), batchSize, batchBytes);
        assert.deepEqual(batches.flat(), all);
        assert.deepEqual(await cut(pagesOf(all, 1), batchSize, batchBytes), batches);
        for (const [place, batch] of batches.entries()) {
          const size = batch.reduce((sum, each) => sum + each.length, 0);
          const last = batch.at(-1)?.length ?? 0;
          if (last > mostKept) assert.equal(batch.length, 1, 'a document that is not kept is a batch by itself');
          else assert.ok(batch.length === 1 || (batch.length <= batchSize && size - last < batchBytes));
          const next = batches[place + 1]?.[0]?.length ?? Infinity;
          if (next <= mostKept && last <= mostKept)
            assert.ok(batch.length === batchSize || size >= batchBytes, 'no batch ends early');
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('the memory of pages is freed when their documents have been copied', async () => {
  const all = [document(0, 200_000), document(1, 700_000), document(2, 200_000), document(3, 10)];
  const pages: BsonDocuments[] = [];
  const kept = async function* (): AsyncGenerator<BsonDocuments> {
    for await (const page of pagesOf(all, 3)) {
      pages.push(page);
      yield page;
    }
  };
  assert.deepEqual((await cut(kept(), 1, 1e6)).flat(), all);
  assert.deepEqual(
    pages.map(({ bytes }) => bytes.length),
    [0, all[3]?.length],
    'a small one may share its memory with others',
  );
});
