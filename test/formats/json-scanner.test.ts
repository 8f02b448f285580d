import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import fc from 'fast-check';

import type { Engine } from '../../src/formats/json-chunk.ts';
import { acquireJsonScanner, releaseJsonScanner } from '../../src/formats/json-scanner.ts';

const twice = `
  const { acquireJsonScanner, releaseJsonScanner } = await import(${JSON.stringify(new URL('../../src/formats/json-scanner.ts', import.meta.url).href)});
  const first = acquireJsonScanner('lines');
  releaseJsonScanner(first);
  console.log(typeof WebAssembly, acquireJsonScanner('lines') === first);
`;

/** What a process says that runs the program with these flags of Node. */
function said(flags: readonly string[]): string {
  const given = [...flags, '--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', twice];
  return execFileSync(process.execPath, given, { encoding: 'utf8' }).trim();
}

test('a scanner that was given back is taken again', () => {
  assert.equal(said([]), 'object true');
});

test('so it is where there is no WebAssembly', () => {
  assert.equal(said(['--jitless', '--no-expose-wasm']), 'undefined true');
});

/** What an engine finds in the elements of an array: where each ends and what it is, block by block. */
function scanned(engine: Engine, text: Buffer): { readonly events: readonly number[]; readonly mayHoldMark: boolean } {
  const scanner = acquireJsonScanner('values', engine, 'point_ns');
  try {
    const events: number[] = [];
    for (let from = 0; from < text.length; from += scanner.blockBytes) {
      const count = scanner.scan(text, from, Math.min(text.length, from + scanner.blockBytes));
      events.push(...scanner.events.subarray(0, count), -1);
    }
    return { events: [...events, scanner.finish()], mayHoldMark: scanner.mayHoldMark };
  } finally {
    releaseJsonScanner(scanner);
  }
}

/** Elements as a history has them: each holds what others hold, more or less of it, and something of its own behind it. */
const histories = fc
  .record({
    items: fc.array(fc.jsonValue({ maxDepth: 3 }), { minLength: 1, maxLength: 6 }),
    counts: fc.array(fc.nat(6), { minLength: 2, maxLength: 8 }),
    marked: fc.nat(8),
    indent: fc.constantFrom(undefined, 1),
    wraps: fc.nat(3),
  })
  .map(({ items, counts, marked, indent, wraps }) =>
    counts.map((count, step) => {
      let values: unknown = items.slice(0, count);
      for (let i = 0; i < wraps; i++) values = i % 2 === 0 ? { list: values, point_ns: '' } : [values];
      const parents = { point_ns: step === marked ? 'sub' : '' };
      return JSON.stringify([{ values, next: [], step, parents }], undefined, indent);
    }),
  );

test('what repeats what came before is found as if it stood alone, whole or with any byte of it wrong', () => {
  const separators = fc.constantFrom(',', ', ', ',\n');
  fc.assert(
    fc.property(
      histories,
      separators,
      fc.nat(),
      fc.integer({ min: 0x20, max: 0x7e }),
      (all, separator, place, byte) => {
        const whole = Buffer.from(`${all.join(separator)}]`);
        const { events, mayHoldMark } = scanned('wasm', whole);
        assert.deepEqual(events, scanned('typescript', whole).events);
        assert.equal(
          mayHoldMark,
          all.some((element) => scanned('wasm', Buffer.from(`${element}]`)).mayHoldMark),
        );

        const broken = Buffer.from(whole);
        broken[place % broken.length] = byte;
        assert.deepEqual(scanned('wasm', broken).events, scanned('typescript', broken).events);
      },
    ),
    { numRuns: 1000 },
  );
});

test('elements repeat each other over the blocks of the scanner, and in more places than it notes', () => {
  const items = Array.from({ length: 6000 }, (_, i) => ({ i }));
  const long = ['x'.repeat(70_000), 'y'.repeat(40_000)];
  const elements = [
    items,
    items.slice(0, 5000),
    items.slice(0, 5000),
    long,
    long,
    items.slice(0, 3),
    items.slice(0, 4),
  ];
  const text = elements.map((values, step) => JSON.stringify({ values, step })).join(',');
  for (const end of [']', '}', ',"x":1]', '']) {
    const bytes = Buffer.from(text + end);
    assert.deepEqual(scanned('wasm', bytes).events, scanned('typescript', bytes).events, end);
  }
});
