import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import fc from 'fast-check';

import { EtlError } from '../../src/errors.ts';
import { decodeKey, encodeKey } from '../../src/spill/key-bytes.ts';
import { compareKeys, digestKey, keyBytes, keyWords, sortKeys } from '../../src/spill/key-digest.ts';
import { KeyFilter } from '../../src/spill/key-filter.ts';
import { openKeyLog } from '../../src/spill/key-log.ts';
import { KeyTable } from '../../src/spill/key-table.ts';
import { SpilledKeys } from '../../src/spill/spilled-keys.ts';

const word = fc.oneof(fc.constantFrom(0, 1, 0xffffffff), fc.integer({ min: 0, max: 0xffffffff }));
const keys = fc.array(fc.tuple(word, word, word, word), { maxLength: 200 });

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'etl-test-'));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function digestOf(key: string): Uint32Array {
  const words = new Uint32Array(keyWords);
  digestKey(key, words, 0);
  return words;
}

const scalar = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -0,
    1,
    -1,
    1e308,
    -1e308,
    5e-324,
    '',
    '\0',
    '\0\0',
    '\0\x01',
    'a',
    'a\0',
    '\ud800',
    '\ufffd',
    '😀',
    '\uffff',
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: 'binary' }),
  fc.jsonValue(),
);

test('key bytes give back the key and keep the order of keys', () => {
  fc.assert(
    fc.property(fc.array(scalar, { minLength: 1, maxLength: 3 }), (values) => {
      const plain = JSON.parse(JSON.stringify(values)) as unknown;
      assert.deepEqual(decodeKey(encodeKey(values)), plain);
    }),
    { numRuns: 1000 },
  );
  const numbers = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      assert.equal(
        Math.sign(Buffer.compare(encodeKey([a]), encodeKey([b]))),
        Math.sign(a === b ? 0 : a - b || (a > b ? 1 : -1)),
      );
    }),
  );
  fc.assert(
    fc.property(scalar, scalar, scalar, (a, b, c) => {
      // The first value decides before the second is looked at.
      const order = Buffer.compare(encodeKey([a]), encodeKey([b]));
      if (order !== 0) assert.equal(Buffer.compare(encodeKey([a, c]), encodeKey([b, null])), order);
    }),
    { numRuns: 1000 },
  );
});

test('keys of all kinds have one order, and different keys different bytes', () => {
  const ordered = [
    null,
    false,
    true,
    -1e308,
    -1,
    0,
    5e-324,
    1,
    '',
    '\0',
    '\0\0',
    '\x01',
    '1',
    'a',
    'a\0',
    'ab',
    'b',
    'é',
    '\uffff',
    '😀',
    '\ud800',
    [],
    { a: 1 },
    {},
  ];
  const bytes = ordered.map((value) => encodeKey([value]));
  for (let i = 1; i < bytes.length; i += 1) {
    assert.ok(
      Buffer.compare(bytes[i - 1] as Buffer, bytes[i] as Buffer) < 0,
      `${JSON.stringify(ordered[i - 1])} < ${JSON.stringify(ordered[i])}`,
    );
  }
  const same: readonly [unknown, unknown][] = [
    [0, -0],
    [null, undefined],
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
  ];
  for (const [left, right] of same) assert.deepEqual(encodeKey([left]), encodeKey([right]));
  assert.notDeepEqual(encodeKey(['a', 'b']), encodeKey(['ab', '']));
});

test('a key table is a set', () => {
  fc.assert(
    fc.property(keys, (all) => {
      const table = new KeyTable();
      const set = new Set<string>();
      for (const key of all) {
        const words = Uint32Array.from(key.some((part) => part !== 0) ? key : [0, 0, 0, 1]);
        const name = words.join();
        assert.equal(table.has(words), set.has(name));
        assert.equal(table.add(words), !set.has(name));
        set.add(name);
        assert.equal(table.size, set.size);
      }
      const words = table.toWords();
      const found = new Set<string>();
      for (let at = 0; at < words.length; at += keyWords) found.add(words.subarray(at, at + keyWords).join());
      assert.deepEqual(found, set);
    }),
  );
});

test('sorts digests', () => {
  fc.assert(
    fc.property(keys, (all) => {
      const words = Uint32Array.from(all.flat());
      const sorted = sortKeys(words);
      for (let at = keyWords; at < sorted.length; at += keyWords)
        assert.ok(compareKeys(sorted, at - keyWords, sorted, at) <= 0);
      const names = (from: Uint32Array): string[] =>
        all.map((_, i) => from.subarray(i * keyWords, (i + 1) * keyWords).join()).sort();
      assert.deepEqual(names(sorted), names(words));
    }),
  );
});

test('a filter never says no to a key it has, and rarely yes to one it has not', () => {
  const filter = new KeyFilter(8 * 10_000);
  for (let i = 0; i < 10_000; i += 1) filter.add(digestOf(`in ${i}`), 0);
  let wrong = 0;
  for (let i = 0; i < 10_000; i += 1) {
    assert.ok(filter.mayHave(digestOf(`in ${i}`), 0));
    if (filter.mayHave(digestOf(`out ${i}`), 0)) wrong += 1;
  }
  assert.ok(wrong < 350, `${wrong} of 10000`);
});

test('spilled keys are a set, with any memory and over many merges', async () => {
  await inDirectory(async (directory) => {
    for (const memoryBytes of [56, 1000, 20_000]) {
      const spilled = new SpilledKeys(join(directory, `${memoryBytes}`), memoryBytes);
      const set = new Set<number>();
      let random = 12345;
      for (let i = 0; i < 6000; i += 1) {
        random = (random * 1103515245 + 12345) % 2 ** 31;
        const key = random % 3000;
        assert.equal(spilled.add(digestOf(`key ${key}`)), !set.has(key), `key ${key} with ${memoryBytes} bytes`);
        set.add(key);
        if (i % 50 === 0) await spilled.settle();
      }
      assert.equal(spilled.size, set.size);
      await spilled.close();
      await assert.rejects(stat(join(directory, `${memoryBytes}`)));
    }
  });
});

test('spilled keys find keys whose first words are the same', async () => {
  await inDirectory(async (directory) => {
    const spilled = new SpilledKeys(join(directory, 'runs'), 56);
    const key = (i: number): Uint32Array => Uint32Array.from([7, 7, Math.floor(i / 3), i]);
    for (let i = 0; i < 2000; i += 1) {
      assert.ok(spilled.add(key(i)));
      if (i % 600 === 0) await spilled.settle();
    }
    await spilled.settle();
    for (let i = 0; i < 2000; i += 1) assert.ok(!spilled.add(key(i)), `${i}`);
    assert.ok(spilled.add(key(2000)));
    await spilled.close();
  });
});

test('a key log is cut back to the length it is opened with', async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, 'keys');
    const log = await openKeyLog(path, 0);
    for (let i = 0; i < 10; i += 1) await log.append(digestOf(`${i}`));
    await log.append(new Uint32Array(0));
    assert.equal(log.count, 10);
    await log.close();
    await log.sync();
    const again = await openKeyLog(path, 4);
    assert.equal(again.count, 4);
    const read: string[] = [];
    for await (const words of again.keys()) {
      for (let at = 0; at < words.length; at += keyWords) read.push(words.subarray(at, at + keyWords).join());
    }
    assert.deepEqual(
      read,
      [0, 1, 2, 3].map((i) => digestOf(`${i}`).join()),
    );
    await again.close();
    assert.equal((await stat(path)).size, 4 * keyBytes);
  });
});

test('a key log that is gone or too short is an error', async () => {
  await inDirectory(async (directory) => {
    const isLost = (error: unknown): boolean => error instanceof EtlError && error.code === 'ETL_LEDGER_INVALID';
    await assert.rejects(openKeyLog(join(directory, 'none'), 1), isLost);
    await writeFile(join(directory, 'short'), Buffer.alloc(20));
    await assert.rejects(openKeyLog(join(directory, 'short'), 2), isLost);
  });
});
