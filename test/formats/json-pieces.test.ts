import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';

import { jsonPieces } from '../../src/formats/json-pieces.ts';
import { pipeline } from '../../src/pipeline.ts';
import { jsonArraySink } from '../../src/sinks/json-array.ts';
import { jsonlSink } from '../../src/sinks/jsonl.ts';
import type { Source } from '../../src/stage.ts';

const long = 'x"\\\n\u0001é😀\ud800y'.repeat(200_000);

test('the pieces of a value are the text that JSON.stringify gives', () => {
  const cases: readonly unknown[] = [
    long,
    { long },
    [long, 'short', long, null],
    {
      a: { b: [{ c: long }] },
      undef: undefined,
      nan: Number.NaN,
      date: new Date(0),
      f: () => 1,
      [long.slice(0, 9)]: 1,
    },
    { toJSON: () => ({ long }) },
    // A boundary of pieces inside of a pair, and half pairs there.
    `${'x'.repeat(64 * 1024 - 1)}${'😀'.repeat(600_000)}`,
    `${'x'.repeat(64 * 1024 - 1)}${'\ud83d'.repeat(1_200_000)}`,
    {},
    [],
    0,
    null,
    'short',
  ];
  for (const value of cases) {
    const pieces = [...(jsonPieces(value) ?? assert.fail())];
    assert.ok(pieces.join('') === JSON.stringify(value), JSON.stringify(value).slice(0, 50));
    assert.ok(pieces.every((piece) => piece.length < 1_000_000));
  }
});

test('any value has the same text in pieces', () => {
  fc.assert(
    fc.property(fc.anything({ withDate: true, withSparseArray: true }), fc.boolean(), (value, isLong) => {
      const given = isLong ? { value, long, more: [value, long] } : value;
      const pieces = jsonPieces(given);
      assert.ok((pieces === undefined ? undefined : [...pieces].join('')) === JSON.stringify(given));
    }),
    { numRuns: 50 },
  );
});

test('what has no JSON form has no pieces', () => {
  for (const value of [undefined, () => 1, Symbol('s')]) assert.equal(jsonPieces(value), undefined);
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  for (const value of [{ big: 1n }, cycle]) assert.throws(() => jsonPieces(value), TypeError);
});

test('files of large records have the same bytes as of small ones, and what has no JSON form is rejected', async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'etl-pieces-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  const records = [{ a: 1 }, { long }, undefined, { b: [long] }];
  const source: Source<unknown> = {
    role: 'source',
    name: 'large',
    async *read() {
      yield { records, bytes: 5_000_000 };
    },
  };
  const texts = [records[0], records[1], records[3]].map((record) => JSON.stringify(record));
  for (const [name, sink, expected] of [
    ['lines', jsonlSink, `${texts.join('\n')}\n`],
    ['array', jsonArraySink, `[\n${texts.join(',\n')}\n]\n`],
  ] as const) {
    const file = join(path, name);
    const { counts } = await pipeline(source, { name, onReject: { to: join(path, 'rejects') } })
      .to(sink({ path: file }))
      .run();
    assert.deepEqual([counts.written, counts.rejected], [3, 1]);
    assert.ok((await readFile(file, 'utf8')) === expected, name);
  }
});
