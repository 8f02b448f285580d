import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';

import fc from 'fast-check';

import { createFastGzip, type FastGzip } from '../../src/formats/fast-gzip.ts';

const gzip: FastGzip = createFastGzip() ?? assert.fail('wasm/deflate.wasm is not there: npm run build');
const { maxBytes } = gzip;

/** Bytes that nothing can make shorter, the same each time. */
function noise(length: number, seed = 1): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
    createHash('sha256').update(`${seed} ${i}`).digest(),
  );
  return Buffer.concat(blocks, length);
}

/** Text out of few words: many short matches. */
function words(length: number): Buffer {
  const random = noise(length);
  const vocabulary = ['the', 'of', 'water', 'Привет', '"text":', '你好', 'naïve', 'number', 'because', '\\n', '😀'];
  let text = '';
  for (let i = 0; text.length < length; i++) text += `${vocabulary[(random[i] ?? 0) % vocabulary.length]} `;
  return Buffer.from(text).subarray(0, length);
}

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

const cases: readonly { readonly name: string; readonly bytes: Buffer }[] = [
  { name: 'nothing', bytes: Buffer.alloc(0) },
  ...[1, 2, 3, 4, 5, 15, 16, 17, 257, 258, 259, 260, 300].flatMap((length) => [
    { name: `${length} equal bytes`, bytes: Buffer.alloc(length, 'a') },
    { name: `${length} bytes of noise`, bytes: noise(length) },
  ]),
  { name: 'every byte once', bytes: everyByte },
  { name: 'every byte, many times', bytes: Buffer.concat(Array<Buffer>(2000).fill(everyByte)) },
  { name: 'as many zeros as fit', bytes: Buffer.alloc(maxBytes) },
  { name: 'as much noise as fits', bytes: noise(maxBytes) },
  { name: 'as many words as fit', bytes: words(maxBytes) },
  { name: 'words, one byte less', bytes: words(maxBytes - 1) },
  { name: 'words, just not in four parts', bytes: words(65_535) },
  { name: 'words, just in four parts', bytes: words(65_536) },
  { name: 'words with a length that four does not divide', bytes: words(65_543) },
  { name: 'noise between words', bytes: Buffer.concat([words(100_000), noise(70_000), words(100_000)]) },
  { name: 'more literals than a stored block holds', bytes: noise(70_000) },
  // Long runs of one byte: the code of these blocks' headers is cut to the greatest length there is.
  ...[32_767, 32_768, 32_769, 65_535, 65_536, 65_537].map((distance) => ({
    name: `the same again ${distance} bytes later`,
    bytes: Buffer.concat([noise(300), Buffer.alloc(distance - 300, 'x'), noise(300)]),
  })),
  { name: 'the same again and again at the greatest distance', bytes: repeated(noise(32_768), maxBytes) },
  { name: 'the same again and again, just too far', bytes: repeated(noise(32_769), maxBytes) },
  { name: 'short periods', bytes: Buffer.concat([1, 2, 3, 4, 5, 7, 15, 16, 17].map((n) => repeated(noise(n), 5000))) },
];

function repeated(part: Buffer, length: number): Buffer {
  return Buffer.concat(Array<Buffer>(Math.ceil(length / part.length)).fill(part), length);
}

test('zlib gives back what was compressed', async (t) => {
  for (const { name, bytes } of cases) {
    await t.test(name, () => {
      const member = gzip.compress(bytes);
      assert.ok(gunzipSync(member).equals(bytes));
      // Stored, a block takes 5 bytes for each 32768 bytes or more; there are at most a few blocks that are not full.
      assert.ok(member.length <= bytes.length + 18 + 5 * (bytes.length / 32_768 + 8), `${member.length} bytes`);
    });
  }
});

test('gzip takes the members one after the other', () => {
  const all = Buffer.concat(cases.map(({ bytes }) => gzip.compress(bytes).slice()));
  execFileSync('gzip', ['-t'], { input: all });
  assert.ok(gunzipSync(all).equals(Buffer.concat(cases.map(({ bytes }) => bytes))));
});

test('the same bytes give the same member, whatever was compressed before', () => {
  const fresh = (bytes: Uint8Array): Uint8Array => createFastGzip()?.compress(bytes) ?? assert.fail();
  for (const { name, bytes } of cases.slice(-16)) {
    const first = Buffer.from(gzip.compress(bytes));
    gzip.compress(noise(maxBytes, 2));
    assert.ok(first.equals(gzip.compress(bytes)), name);
    assert.ok(first.equals(fresh(bytes)), name);
  }
});

test('bytes put together of repeated pieces come back', () => {
  const piece = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    fc.integer({ min: 1, max: 300 }).map((length) => new Uint8Array(length)),
    fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => Buffer.from(text)),
  );
  const bytes = fc
    .tuple(fc.array(piece, { minLength: 1, maxLength: 12 }), fc.array(fc.nat(), { maxLength: 4000 }))
    .map(([pieces, order]) => Buffer.concat(order.map((n) => pieces[n % pieces.length] ?? new Uint8Array())));
  fc.assert(
    fc.property(bytes, (all) => {
      const some = all.subarray(0, maxBytes);
      assert.ok(gunzipSync(gzip.compress(some)).equals(some));
    }),
  );
});

test('text of words takes at most a sixth more than with zlib at level 1', () => {
  const text = words(maxBytes);
  const ours = gzip.compress(text).length;
  const theirs = gzipSync(text, { level: 1 }).length;
  assert.ok(ours <= theirs * 1.16, `${ours} bytes, ${theirs} by zlib`);
});

test('more than fits is refused', () => {
  assert.throws(() => gzip.compress(Buffer.alloc(maxBytes + 1)), RangeError);
});
