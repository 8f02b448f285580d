import assert from 'node:assert/strict';
import test from 'node:test';
import { deserialize, serialize } from 'bson';
import fc from 'fast-check';
import {
  type BsonChunk,
  gatherBsonDocuments,
  readBsonDocuments,
  type ReadBsonDocumentsOptions,
} from '../../src/formats/bson-documents.ts';
import { FormatError } from '../../src/formats/format-error.ts';

function pieces(bytes: Uint8Array, cuts: readonly number[], from = 0): Uint8Array[] {
  const edges = [
    ...new Set([from, ...cuts.filter((cut) => cut > from && cut < bytes.length).sort((a, b) => a - b), bytes.length]),
  ];
  return edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
}

async function read(input: Iterable<Uint8Array>, options: ReadBsonDocumentsOptions = {}) {
  const chunks: BsonChunk[] = [];
  let error: unknown;
  try {
    for await (const chunk of readBsonDocuments(input, options)) chunks.push(chunk);
  } catch (thrown) {
    error = thrown;
  }
  return { chunks: chunks.map(plain), error };
}

function plain({ documents, offsets, end }: BsonChunk) {
  const { bytes, starts, ends, count } = documents;
  return {
    values: Array.from({ length: count }, (_, i) => deserialize(bytes.subarray(starts[i], ends[i]))),
    offsets: [...offsets],
    end,
  };
}

const a = serialize({ a: 1 });
const b = serialize({ b: 'two' });

test('readBsonDocuments cuts a stream into documents with their offsets', async () => {
  const { chunks, error } = await read([Buffer.concat([a, b, a])], { batchSize: 2 });
  assert.equal(error, undefined);
  assert.deepEqual(chunks, [
    { values: [{ a: 1 }, { b: 'two' }], offsets: [0, a.length], end: { offset: a.length + b.length, index: 2 } },
    { values: [{ a: 1 }], offsets: [a.length + b.length], end: { offset: 2 * a.length + b.length, index: 3 } },
  ]);
  assert.deepEqual(await read([]), { chunks: [], error: undefined });
});

test('readBsonDocuments gives the good documents, then tells where the input is broken', async (t) => {
  const n = a.length;
  const cases = [
    {
      name: 'an input that ends inside a document',
      input: b.subarray(0, 9),
      message: new RegExp(`ends at byte ${n + 9}, inside the document at byte ${n}`),
    },
    {
      name: 'an input that ends inside a length',
      input: Buffer.from([1, 2]),
      message: new RegExp(`ends at byte ${n + 2}`),
    },
    { name: 'a length of zero', input: Buffer.alloc(20), message: /says that it is 0 bytes long/ },
    {
      name: 'a length beyond the limit',
      input: Buffer.from([0, 0, 0, 2, 0]),
      message: /says that it is 33554432 bytes long.*5 to 16793600/,
    },
    { name: 'text', input: Buffer.from('{"a":1}'), message: /no document here can be/ },
  ];
  for (const { name, input, message } of cases) {
    await t.test(name, async () => {
      const { chunks, error } = await read(pieces(Buffer.concat([a, input]), [3, n + 1]));
      assert.deepEqual(
        chunks.map(({ values }) => values),
        [[{ a: 1 }]],
      );
      assert.ok(error instanceof FormatError);
      assert.match(error.message, message);
      assert.equal(error.offset, n);
    });
  }
});

test('readBsonDocuments gives the same chunks however the reads are aligned, and from any end on', async () => {
  const limits = fc.record({ batchSize: fc.integer({ min: 1, max: 5 }), batchBytes: fc.integer({ min: 1, max: 100 }) });
  const files = fc
    .array(fc.record({ k: fc.string({ maxLength: 30 }) }), { maxLength: 12 })
    .map((values) => Buffer.concat(values.map((value) => serialize(value))));
  await fc.assert(
    fc.asyncProperty(files, limits, fc.array(fc.nat(500)), async (bytes, options, cuts) => {
      const whole = await read([bytes], options);
      assert.equal(whole.error, undefined);
      assert.deepEqual(await read(pieces(bytes, cuts), options), whole);
      for (const [i, { end }] of whole.chunks.entries()) {
        const rest = await read(pieces(bytes, cuts, end.offset), { ...options, start: end });
        assert.deepEqual(rest.chunks, whole.chunks.slice(i + 1));
      }
    }),
    { numRuns: 300 },
  );
});

test('gatherBsonDocuments makes views on a common buffer and copies from others', () => {
  const common = Buffer.concat([a, b]);
  const shared = gatherBsonDocuments([common.subarray(a.length), common.subarray(0, a.length)]);
  assert.equal(shared.bytes.buffer, common.buffer);
  for (const documents of [shared, gatherBsonDocuments([Uint8Array.from(b), Uint8Array.from(a)])]) {
    assert.deepEqual(plain({ documents, offsets: new Float64Array(), end: { offset: 0, index: 0 } }).values, [
      { b: 'two' },
      { a: 1 },
    ]);
  }
  assert.equal(gatherBsonDocuments([]).count, 0);
});
