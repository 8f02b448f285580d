import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import fc from 'fast-check';

import { decodeJsonRecords } from '../../src/formats/json-records.ts';
import { externalGroup, type ExternalGroup } from '../../src/spill/external-group.ts';
import { groupsToJson } from '../../src/spill/group-json.ts';
import { decodeKey, encodeKey } from '../../src/spill/key-bytes.ts';

const { signal } = new AbortController();

interface Added {
  readonly key: unknown;
  readonly tag: number;
  readonly text: string;
}

async function inDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'etl-test-'));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function addAll(grouping: ExternalGroup, entries: readonly Added[]): Promise<void> {
  for (const { key, tag, text } of entries) {
    if (grouping.add(encodeKey([key]), Buffer.from(text), tag)) await grouping.spill();
  }
}

/** Groups as plain values: key, then tag and text of each member. */
async function groupsOf(entries: readonly Added[], memoryBytes: number): Promise<unknown[]> {
  return inDirectory(async (parent) => {
    const grouping = externalGroup({ directory: join(parent, 'runs'), memoryBytes, signal });
    const groups: unknown[] = [];
    try {
      await addAll(grouping, entries);
      const found = [];
      for await (const group of grouping.groups()) found.push(group);
      // Only now, so that a view on a buffer that is used again would show.
      for (const { key, members } of found) {
        groups.push([key.toString('hex'), members.map(({ tag, text }) => [tag, text.toString()])]);
      }
    } finally {
      await grouping.close();
    }
    assert.deepEqual(await readdir(parent), []);
    return groups;
  });
}

/** The oracle: a Map, its keys sorted. */
function expected(entries: readonly Added[]): unknown[] {
  const groups = new Map<string, [number, string][]>();
  for (const { key, tag, text } of entries) {
    const name = encodeKey([key]).toString('hex');
    groups.set(name, [...(groups.get(name) ?? []), [tag, text]]);
  }
  return [...groups].sort(([left], [right]) => (left < right ? -1 : 1));
}

const entry = fc.record({
  key: fc.oneof(fc.nat(5), fc.constantFrom('', 'a', 'aaaaaaaaaa', 'aaaaaaaaab', '😀', null, true)),
  tag: fc.constantFrom(0, 1, 255),
  text: fc.oneof(
    fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
    fc.constant(''),
  ),
});

test('groups like a Map, in memory and with files', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { maxLength: 60 }),
      fc.constantFrom(1, 200_000_000, 1_100_000),
      async (entries, memoryBytes) => {
        assert.deepEqual(await groupsOf(entries, memoryBytes), expected(entries));
      },
    ),
    { numRuns: 60 },
  );
});

test('merges more files than it opens at a time', async () => {
  const entries = Array.from({ length: 300 }, (_, i): Added => ({ key: (i * 7) % 40, tag: i % 3, text: `${i}` }));
  assert.deepEqual(await groupsOf(entries, 1), expected(entries));
});

test('takes records larger than its buffers', async () => {
  const large = (length: number, letter: string): string => letter.repeat(length);
  const entries: Added[] = [
    { key: 'b', tag: 0, text: large(3_000_000, 'x') },
    { key: 'a', tag: 0, text: large(300_000, 'y') },
    { key: 'b', tag: 1, text: 'small' },
    { key: 'a', tag: 1, text: large(262_144 - 13, 'z') },
    { key: large(400_000, 'k'), tag: 0, text: '1' },
    { key: large(400_000, 'k'), tag: 1, text: '2' },
  ];
  for (const memoryBytes of [1, 2_000_000, 100_000_000]) {
    // Compared before deepEqual, whose message would hold megabytes.
    assert.ok(
      JSON.stringify(await groupsOf(entries, memoryBytes)) === JSON.stringify(expected(entries)),
      `${memoryBytes}`,
    );
  }
});

test('keeps few files, however much comes and however little memory there is', async () => {
  await inDirectory(async (parent) => {
    const directory = join(parent, 'runs');
    const grouping = externalGroup({ directory, memoryBytes: 1, signal });
    const entries = Array.from({ length: 5000 }, (_, at) => ({ key: at % 700, tag: at % 3, text: `{"at":${at}}` }));
    let most = 0;
    const groups: unknown[] = [];
    try {
      for (const [at, entry] of entries.entries()) {
        await addAll(grouping, [entry]);
        if (at % 50 === 49) most = Math.max(most, (await readdir(directory)).length);
      }
      for await (const { key, members } of grouping.groups()) {
        groups.push([key.toString('hex'), members.map(({ tag, text }) => [tag, text.toString()])]);
      }
    } finally {
      await grouping.close();
    }
    assert.ok(most > 63 && most <= 3 * 63, `${most} files`);
    assert.deepEqual(groups, expected(entries));
  });
});

test('memory is used before anything is spilled, also when it is little', async () => {
  await inDirectory(async (parent) => {
    for (const memoryBytes of [100_000, 1_000_000, 2_000_000]) {
      const grouping = externalGroup({ directory: join(parent, 'runs'), memoryBytes, signal });
      const text = Buffer.alloc(80, 'x');
      let added = 1;
      while (!grouping.add(encodeKey([added]), text)) added += 1;
      assert.ok(added * text.length > memoryBytes / 2, `${added} records in ${memoryBytes} bytes`);
      await grouping.close();
    }
  });
});

test('a file that cannot be written is told with its folder', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'etl-test-'));
  try {
    const file = join(directory, 'in the way');
    await writeFile(file, '');
    const { signal } = new AbortController();
    const grouped = externalGroup({ directory: join(file, 'below'), memoryBytes: 1, signal });
    grouped.add(encodeKey(['a']), Buffer.from('{}'));
    await assert.rejects(grouped.spill(), { code: 'ETL_SINK_FAILED', message: /in the way.below/ });
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('gives nothing for nothing', async () => {
  assert.deepEqual(await groupsOf([], 1), []);
});

test('removes its files when the reader stops early, and stops when it is told to', async () => {
  await inDirectory(async (parent) => {
    const stop = new AbortController();
    const grouping = externalGroup({ directory: join(parent, 'runs'), memoryBytes: 1, signal: stop.signal });
    await addAll(
      grouping,
      [1, 2, 3].map((key) => ({ key, tag: 0, text: '{}' })),
    );
    for await (const { key } of grouping.groups()) {
      assert.deepEqual(decodeKey(key), [1]);
      break;
    }
    stop.abort();
    await assert.rejects(async () => {
      for await (const group of grouping.groups()) assert.fail(`gave ${group.key.toString('hex')}`);
    }, /abort/i);
    await grouping.close();
    assert.deepEqual(await readdir(parent), []);
  });
});

test('groups of several inputs become records with a list for each', () => {
  const member = (tag: number, text: string) => ({ tag, text: Buffer.from(text) });
  const groups = [
    { key: encodeKey(['u', 1]), members: [member(1, '{"m":1}'), member(0, '{"c":1}'), member(1, '{"m":2}')] },
    { key: encodeKey(['ü"', null]), members: [member(0, 'null')] },
    { key: encodeKey([0, true]), members: [] },
  ];
  const json = groupsToJson(groups, decodeKey, ['conversations', 'messages']);
  assert.deepEqual(decodeJsonRecords(json), [
    { key: ['u', 1], conversations: [{ c: 1 }], messages: [{ m: 1 }, { m: 2 }] },
    { key: ['ü"', null], conversations: [null], messages: [] },
    { key: [0, true], conversations: [], messages: [] },
  ]);
  assert.equal(Buffer.from(json.bytes).toString().split('\n').length, 4);
});
