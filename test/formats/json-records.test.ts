import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { jsonLines, jsonLinesByteLength, writeJsonLines } from '../../src/formats/json-lines-out.ts';
import {
  decodeJsonRecords,
  encodeJsonRecords,
  jsonRecordsByteLength,
  jsonRecordText,
  noJsonRecords,
  pickJsonRecords,
  sliceJsonRecords,
} from '../../src/formats/json-records.ts';

const values = fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 20 });

test('encodeJsonRecords and decodeJsonRecords give the values back', () => {
  fc.assert(
    fc.property(values, (input) => {
      const json = encodeJsonRecords(input);
      const texts = input.map((value) => JSON.stringify(value));
      assert.deepEqual(
        texts,
        input.map((_, i) => jsonRecordText(json, i)),
      );
      assert.deepEqual(
        decodeJsonRecords(json),
        texts.map((text) => JSON.parse(text) as unknown),
      );
      assert.equal(jsonRecordsByteLength(json), Buffer.byteLength(texts.join('')));
      assert.equal(Buffer.from(jsonLines(json)).toString(), texts.map((text) => `${text}\n`).join(''));
    }),
  );
});

test('encodeJsonRecords grows past its first guess', () => {
  const input = [...Array.from({ length: 5 }, (_, i) => '😀'.repeat(10_000 * i)), 'end'];
  assert.deepEqual(decodeJsonRecords(encodeJsonRecords(input)), input);
});

test('encodeJsonRecords keeps lone surrogates as escapes', () => {
  assert.equal(jsonRecordText(encodeJsonRecords(['\ud83d']), 0), '"\\ud83d"');
});

test('encodeJsonRecords refuses what has no JSON form and names the record', () => {
  assert.throws(() => encodeJsonRecords([1, undefined]), /record 1 has no JSON form: undefined/);
  assert.throws(() => encodeJsonRecords([() => 1]), /record 0 has no JSON form: function/);
});

test('sliceJsonRecords and pickJsonRecords choose records on the same buffer', () => {
  const json = encodeJsonRecords(['a', 'b', 'c', 'd']);
  assert.deepEqual(decodeJsonRecords(sliceJsonRecords(json, 1, 3)), ['b', 'c']);
  assert.deepEqual(decodeJsonRecords(sliceJsonRecords(json, 3)), ['d']);
  assert.deepEqual(decodeJsonRecords(sliceJsonRecords(json, 4)), []);
  const picked = pickJsonRecords(json, [3, 0, 0]);
  assert.deepEqual(decodeJsonRecords(picked), ['d', 'a', 'a']);
  assert.equal(picked.bytes, json.bytes);
  assert.throws(() => pickJsonRecords(json, [4]), /no record 4 among 4/);
  assert.throws(() => jsonRecordText(noJsonRecords, 0), /no record 0 among 0/);
});

test('jsonLines is a view for records that lie as lines and a copy for others', () => {
  const json = encodeJsonRecords([1, 2, 3, 4]);
  assert.equal(jsonLines(json).buffer, json.bytes.buffer);
  assert.equal(jsonLines(sliceJsonRecords(json, 1, 3)).buffer, json.bytes.buffer);
  const picked = pickJsonRecords(json, [0, 1, 3]);
  assert.equal(Buffer.from(jsonLines(picked)).toString(), '1\n2\n4\n');
  assert.notEqual(jsonLines(picked).buffer, json.bytes.buffer);
  assert.equal(jsonLines(noJsonRecords).length, 0);
});

test('jsonLines copies when no line feed follows the last record', () => {
  const bytes = Buffer.from('1\n2');
  const json = { bytes, starts: Uint32Array.of(0, 2), ends: Uint32Array.of(1, 3), count: 2 };
  assert.equal(Buffer.from(jsonLines(json)).toString(), '1\n2\n');
});

test('writeJsonLines fills buffers of any size with whole records', () => {
  fc.assert(
    fc.property(
      values,
      fc.array(fc.nat(30)),
      fc.integer({ min: 1, max: 200 }),
      fc.nat(5),
      (input, dropped, size, offset) => {
        const all = encodeJsonRecords(input);
        const json = pickJsonRecords(
          all,
          input.map((_, i) => i).filter((i) => !dropped.includes(i)),
        );
        let out = '';
        let next = 0;
        while (next < json.count) {
          const target = Buffer.alloc(size + offset);
          const written = writeJsonLines(json, next, target, offset);
          if (written.next === next) {
            const text = jsonRecordText(json, next);
            assert.ok(Buffer.byteLength(text) + 1 > size);
            out += `${text}\n`;
            next++;
            continue;
          }
          out += target.toString('utf8', offset, written.offset);
          next = written.next;
        }
        assert.equal(out, Buffer.from(jsonLines(json)).toString());
        assert.equal(Buffer.byteLength(out), jsonLinesByteLength(json));
      },
    ),
  );
});
