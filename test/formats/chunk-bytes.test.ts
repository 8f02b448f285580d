import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BatchMemory } from '../../src/formats/batch-memory.ts';
import { ChunkBytes } from '../../src/formats/chunk-bytes.ts';

const batchBytes = 100_000;
const mostBytes = 2 * 1024 * 1024;

/** What is put in comes out again. */
function fill(chunk: ChunkBytes, bytes: number): void {
  const block = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));
  for (let left = bytes; left > 0; left -= 1000) chunk.append(block, 0, Math.min(left, 1000));
  const { buffer, used } = chunk;
  assert.equal(used, bytes);
  for (let from = 0; from < bytes; from += 1000) {
    const to = Math.min(bytes, from + 1000);
    assert.ok(buffer.subarray(from, to).equals(block.subarray(0, to - from)));
  }
}

test('memory that is outgrown, or only copied from, is used again', () => {
  const memory = new BatchMemory(mostBytes);
  const chunk = new ChunkBytes(batchBytes, memory);
  const first = chunk.buffer;
  fill(chunk, 500_000);
  assert.notEqual(chunk.buffer, first);
  assert.equal(memory.find(1), first);

  const grown = chunk.buffer;
  const { bytes, takeBack } = chunk.detach();
  assert.equal(bytes.length, 500_000);
  assert.equal(memory.find(500_000), undefined);
  takeBack?.();
  assert.equal(memory.find(500_000), grown);
});

test('a large buffer with little in it is left behind for others', () => {
  const memory = new BatchMemory(mostBytes);
  const chunk = new ChunkBytes(batchBytes, memory);
  fill(chunk, 1_000_000);
  const large = chunk.buffer;
  chunk.used = 0;
  fill(chunk, 1000);
  const { bytes, takeBack } = chunk.detach();
  assert.deepEqual([bytes.length, takeBack], [1000, undefined]);
  assert.notEqual(chunk.buffer, large);
  assert.equal(memory.find(1_000_000), large);
});
