import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { jsonBatch, pickRecords, recordCount, sliceRecords, withCursor } from '../src/batch.ts';
import { encodeJsonRecords, jsonRecordText } from '../src/formats/json-records.ts';
import type { Batch } from '../src/stage.ts';

const texts = (batch: Batch<unknown>): string[] =>
  Array.from({ length: batch.json?.count ?? 0 }, (_, index) => jsonRecordText(batch.json ?? assert.fail(), index));
const at = (index: number): string => `in.jsonl:${index + 1}`;

test('a batch of JSON text decodes its records once, and only when asked', () => {
  const batch = jsonBatch(encodeJsonRecords([{ id: 1 }, { id: 'é' }]), { cursor: 5 });
  assert.equal(recordCount(batch), 2);
  assert.deepEqual(batch.records, [{ id: 1 }, { id: 'é' }]);
  assert.equal(batch.records, batch.records);
  assert.equal(batch.bytes, 19);
});

test('another cursor leaves records, text and places as they are', () => {
  for (const batch of [
    jsonBatch(encodeJsonRecords([1, 2]), { at, cursor: 1 }),
    { records: [1, 2], at, cursor: 1, bytes: 4 },
  ]) {
    const moved = withCursor(batch, 9);
    assert.equal(moved.cursor, 9);
    assert.deepEqual(moved.records, [1, 2]);
    assert.deepEqual(texts(moved), texts(batch));
    assert.equal(moved.at?.(1), 'in.jsonl:2');
    assert.equal(withCursor(moved, 9), moved);
  }
});

test('picking and slicing agree with the plain array, for text and for objects, decoded or not', () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue(), { maxLength: 12 }),
      fc.boolean(),
      fc.boolean(),
      fc.nat(12),
      fc.nat(12),
      (values, asText, decodeFirst, from, to) => {
        // What JSON makes of a value is what a reader of the text would get.
        const records = JSON.parse(JSON.stringify(values)) as unknown[];
        const batch: Batch<unknown> = asText ? jsonBatch(encodeJsonRecords(records), { at }) : { records, at };
        if (decodeFirst) assert.deepEqual(batch.records, records);
        const sliced = sliceRecords(batch, from, to);
        const expected = records.slice(from, Math.max(from, to));
        assert.equal(recordCount(sliced), expected.length);
        assert.deepEqual(sliced.records, expected);
        if (expected.length > 0) assert.equal(sliced.at?.(0), at(from));
        const odd = records.map((_, index) => index).filter((index) => index % 2 === 1);
        const picked = pickRecords(batch, odd);
        assert.deepEqual(
          picked.records,
          odd.map((index) => records[index]),
        );
        if (asText)
          assert.deepEqual(
            texts(picked),
            odd.map((index) => JSON.stringify(records[index])),
          );
        if (odd.length > 0) assert.equal(picked.at?.(0), at(1));
      },
    ),
  );
});
