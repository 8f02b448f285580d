import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';

import { JsonRecordsWriter } from '../../src/formats/json-records-writer.ts';
import { encodeJsonRecords } from '../../src/formats/json-records.ts';

const values = fc.array(fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.string({ unit: 'binary', maxLength: 400 })), {
  maxLength: 40,
});

test('JsonRecordsWriter writes what encodeJsonRecords does, however little memory it is given', () => {
  fc.assert(
    fc.property(values, fc.nat(20), fc.option(fc.nat(3000), { nil: undefined }), (all, more, bytes) => {
      const memory = bytes === undefined ? undefined : Buffer.alloc(bytes, 0x21);
      const writer = new JsonRecordsWriter(all.length + more, memory);
      for (const [i, value] of all.entries()) {
        const text = JSON.stringify(value);
        if (i % 2 === 0) writer.add(text);
        else writer.addPieces(text.match(/.{1,7}/gsu) ?? []);
      }
      const written = writer.records();
      const expected = encodeJsonRecords(all);
      assert.deepEqual(Buffer.from(written.bytes), Buffer.from(expected.bytes));
      assert.deepEqual([...written.starts], [...expected.starts]);
      assert.deepEqual([...written.ends], [...expected.ends]);
      assert.equal(written.count, all.length);
      if (memory !== undefined && memory.length >= written.bytes.length)
        assert.equal(written.bytes.buffer, memory.buffer, 'what has room is written into the memory');
    }),
  );
});

test('a long record among many short ones takes no more memory than it needs twice', () => {
  for (const place of [0, 1, 499]) {
    const all = Array.from({ length: 500 }, (_, n) => (n === place ? 'x'.repeat(17_000_000) : { n }));
    const { bytes, count } = encodeJsonRecords(all);
    assert.equal(count, 500);
    assert.ok(bytes.buffer.byteLength < 36_000_000);
  }
});
