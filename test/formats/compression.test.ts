import assert from 'node:assert/strict';
import test from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { compressionOf, decompressed, gzipMember } from '../../src/formats/compression.ts';
import { FormatError } from '../../src/formats/format-error.ts';
import type { Engine } from '../../src/formats/json-chunk.ts';
import { createXxhash64 } from '../../src/formats/xxhash64.ts';
import { unzstd } from '../../src/formats/zstd.ts';

const engines: Engine[] = ['wasm', 'typescript'];

function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const edges = [...new Set([0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length])];
  return edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
}

async function collect(output: AsyncIterable<Uint8Array>) {
  const chunks: Uint8Array[] = [];
  let error: unknown;
  try {
    for await (const chunk of output) chunks.push(chunk);
  } catch (thrown) {
    error = thrown;
  }
  return { bytes: Buffer.concat(chunks), error };
}

function xxhash(bytes: Uint8Array, engine: Engine = 'typescript'): number {
  const hash = createXxhash64(engine);
  hash.update(bytes);
  return hash.digest();
}

/** A zstd frame of stored blocks, written by hand after RFC 8878; a block of one repeated byte where `repeat` says so. */
function frame(bytes: Uint8Array, { checksum = true, blockBytes = 1000, repeat = 0 } = {}): Buffer {
  const parts: Buffer[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, checksum ? 4 : 0, 0x58])];
  const header = (last: boolean, type: number, size: number) => {
    const value = (size << 3) | (type << 1) | (last ? 1 : 0);
    return Buffer.from([value & 255, (value >> 8) & 255, value >> 16]);
  };
  if (repeat > 0) parts.push(header(false, 1, repeat), Buffer.from('r'));
  for (let from = 0; from < bytes.length; from += blockBytes) {
    const block = bytes.subarray(from, from + blockBytes);
    parts.push(header(false, 0, block.length), Buffer.from(block));
  }
  parts.push(header(true, 0, 0));
  if (checksum) {
    const sum = Buffer.alloc(4);
    sum.writeUInt32LE(xxhash(Buffer.concat([Buffer.alloc(repeat, 'r'), bytes])));
    parts.push(sum);
  }
  return Buffer.concat(parts);
}

// Made by the zstd command, level 19, with a checksum.
const line = 'threadmill threadmill threadmill 😀\n';
const ZSTD = Buffer.from('KLUv/QRo1QAAgHRocmVhZG1pbGwg8J+YgAoCAFNJqdpK8QJgWwVq', 'base64');
const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9]);

const inputs: { name: string; input: Buffer; text: string }[] = [
  { name: 'nothing', input: Buffer.alloc(0), text: '' },
  { name: 'plain text', input: Buffer.from('{"a":1}\n'), text: '{"a":1}\n' },
  { name: 'a single byte', input: Buffer.from('1'), text: '1' },
  { name: 'the first byte of a gzip header and text', input: Buffer.from('\x1fx'), text: '\x1fx' },
  { name: 'gzip', input: gzipSync('one'), text: 'one' },
  { name: 'gzip of nothing', input: gzipSync(''), text: '' },
  { name: 'gzip members', input: Buffer.concat([gzipSync('one'), gzipSync(''), gzipSync('two')]), text: 'onetwo' },
  { name: 'gzip padded with zeros', input: Buffer.concat([gzipSync('one'), Buffer.alloc(20)]), text: 'one' },
  { name: 'zstd', input: ZSTD, text: line.repeat(10) },
  {
    name: 'zstd frames',
    input: Buffer.concat([ZSTD, frame(Buffer.from('two')), frame(Buffer.alloc(0)), ZSTD]),
    text: `${line.repeat(10)}two${line.repeat(10)}`,
  },
  {
    name: 'zstd without a checksum',
    input: frame(Buffer.from('x'.repeat(2500)), { checksum: false }),
    text: 'x'.repeat(2500),
  },
  {
    name: 'zstd with repeated bytes',
    input: frame(Buffer.from('end'), { repeat: 70_000 }),
    text: `${'r'.repeat(70_000)}end`,
  },
  {
    name: 'zstd behind and before skippable frames',
    input: Buffer.concat([skippable, frame(Buffer.from('one')), skippable]),
    text: 'one',
  },
];

test('decompressed gives the bytes whatever their compression and however they are cut', async (t) => {
  for (const { name, input, text } of inputs) {
    await t.test(name, async () => {
      for (const cuts of [[], [1], [2], [3, 4, 5], Array.from({ length: input.length }, (_, i) => i)]) {
        const result = await collect(decompressed(pieces(input, cuts)));
        assert.equal(result.error, undefined);
        assert.equal(result.bytes.toString(), text);
      }
    });
  }
});

test('decompressed tells that compressed data ends early, and where', async (t) => {
  const gz = Buffer.concat([gzipSync('one'), gzipSync('second')]);
  const zst = Buffer.concat([frame(Buffer.from('one')), frame(Buffer.from('second'), { blockBytes: 2 })]);
  const endsOfMembers = [0, gzipSync('one').length, gz.length];
  const endsOfFrames = [0, frame(Buffer.from('one')).length, zst.length];
  for (const [name, input, ends, from] of [
    ['gzip', gz, endsOfMembers, 3],
    ['zstd', zst, endsOfFrames, 4],
  ] as const) {
    await t.test(name, async () => {
      for (let length = from; length <= input.length; length++) {
        const result = await collect(decompressed([input.subarray(0, length)]));
        if (ends.includes(length)) {
          assert.equal(result.error, undefined);
          continue;
        }
        assert.ok(result.error instanceof FormatError, `cut at ${length}`);
        assert.match(result.error.message, new RegExp(`ends early at byte ${length}$`));
        assert.equal(result.error.offset, length);
      }
    });
  }
});

test('decompressed never takes damaged data for good', async () => {
  const text = Buffer.from(Array.from({ length: 200 }, (_, i) => `line ${i * 7919}\n`).join(''));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(gzipSync(text), frame(text), ZSTD),
      fc.nat(),
      fc.nat(7),
      async (whole, at, bit) => {
        const damaged = Buffer.from(whole);
        // From behind the magic bytes on: without those it is not compressed data.
        const i = 4 + (at % (damaged.length - 4));
        damaged[i] = (damaged[i] ?? 0) ^ (1 << bit);
        const { bytes, error } = await collect(decompressed([damaged]));
        if (error !== undefined) assert.ok(error instanceof FormatError, String(error));
        // Not every bit of a header changes what comes out, but no other output may pass.
        else
          assert.ok(bytes.equals(whole === ZSTD ? Buffer.from(line.repeat(10)) : text) || (whole !== ZSTD && i === 4));
      },
    ),
    { numRuns: 500 },
  );
});

test('decompressed tells of a wrong checksum and of something behind the data', async () => {
  const gz = gzipSync('one');
  gz[gz.length - 8] = (gz[gz.length - 8] ?? 0) ^ 1;
  const zst = frame(Buffer.from('one'));
  zst[zst.length - 1] = (zst[zst.length - 1] ?? 0) ^ 1;
  for (const [input, message] of [
    [gz, /damaged .*incorrect data check/],
    [zst, /damaged at byte 19: the checksum does not match/],
    [Buffer.concat([gzipSync('one'), Buffer.from('more')]), /damaged/],
    [
      Buffer.concat([gzipSync('one'), Buffer.alloc(5), gzipSync('two')]),
      /other data behind the compressed data, at byte 23/,
    ],
    [Buffer.concat([frame(Buffer.from('one')), Buffer.from('more')]), /damaged at byte 23: a zstd frame was expected/],
  ] as const) {
    for (const cuts of [[], Array.from({ length: input.length }, (_, i) => i)]) {
      const { error } = await collect(decompressed(pieces(input, cuts)));
      assert.ok(error instanceof FormatError);
      assert.match(error.message, message);
    }
  }
});

test('decompressed passes on the error of what it reads', async () => {
  async function* failing(first: Uint8Array) {
    yield first;
    throw Object.assign(new Error('disk on fire'), { code: 'EIO' });
  }
  for (const input of [Buffer.from('text'), gzipSync('one').subarray(0, 15), ZSTD.subarray(0, 20)]) {
    const { error } = await collect(decompressed(failing(input)));
    assert.match(String(error), /disk on fire/);
    assert.ok(!(error instanceof FormatError));
  }
});

test('decompressed closes what it reads when the reader stops early', async () => {
  for (const input of [Buffer.from('text'), gzipSync('x'.repeat(1e6)), frame(Buffer.alloc(1e6))]) {
    let closed: () => void = () => undefined;
    const isClosed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    async function* source() {
      try {
        for (const piece of pieces(input, [1000, 2000])) yield piece;
        for (;;) yield Buffer.alloc(10);
      } finally {
        closed();
      }
    }
    for await (const chunk of decompressed(source())) if (chunk.length > 0) break;
    await isClosed;
  }
});

for (const engine of engines) {
  test(`unzstd verifies checksums (${engine})`, async () => {
    async function* whole() {
      yield ZSTD;
    }
    const { bytes, error } = await collect(unzstd(whole(), engine));
    assert.equal(error, undefined);
    assert.equal(bytes.toString(), line.repeat(10));
  });

  test(`createXxhash64 hashes pieces as it hashes the whole (${engine})`, () => {
    assert.equal(xxhash(Buffer.alloc(0), engine), 0x51d8e999);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(300)), (bytes, cuts) => {
        const hash = createXxhash64(engine);
        for (const piece of pieces(bytes, cuts)) hash.update(piece);
        assert.equal(hash.digest(), xxhash(bytes));
        hash.reset();
        hash.update(bytes);
        assert.equal(hash.digest(), xxhash(bytes));
      }),
    );
    const large = Buffer.alloc(300_000, 'abcdefg');
    assert.equal(xxhash(large, engine), xxhash(large));
  });
}

test('gzipMember gives members that join to a file and do not depend on the platform', async () => {
  const members = await Promise.all(['one', 'two', ''].map((text) => gzipMember(Buffer.from(text), 1)));
  assert.equal(gunzipSync(Buffer.concat(members)).toString(), 'onetwo');
  assert.deepEqual([...(members[0]?.subarray(0, 4) ?? []), members[0]?.[9]], [0x1f, 0x8b, 8, 0, 255]);
  assert.equal(compressionOf(members[0] ?? Buffer.alloc(0)), 'gzip');
});
