import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { compilePatterns } from '../../src/path-patterns.ts';
import { redact, type RedactOptions } from '../../src/transforms/redact.ts';
import { run } from './run.ts';

const key = 'a key of sixteen!';

const cases: readonly { name: string; options: RedactOptions; record: unknown; expected: unknown }[] = [
  { name: 'drops a field', options: { drop: ['a'] }, record: { a: 1, b: 2 }, expected: { b: 2 } },
  {
    name: 'drops a field inside',
    options: { drop: ['a.b'] },
    record: { a: { b: 1, c: 2 } },
    expected: { a: { c: 2 } },
  },
  {
    name: 'goes through arrays',
    options: { drop: ['m.t'] },
    record: { m: [{ t: 1, u: 2 }, [{ t: 3 }], 4] },
    expected: { m: [{ u: 2 }, [{}], 4] },
  },
  { name: 'takes one element', options: { drop: ['m[1]'] }, record: { m: [1, 2, 3] }, expected: { m: [1, 3] } },
  {
    name: 'takes a field of one element',
    options: { drop: ['m[1].t'] },
    record: { m: [{ t: 1 }, { t: 2 }] },
    expected: { m: [{ t: 1 }, {}] },
  },
  {
    name: 'takes any one step',
    options: { drop: ['a.*.c'] },
    record: { a: { x: { c: 1 }, y: [{ c: 2 }], c: 3 } },
    expected: { a: { x: {}, y: [{}], c: 3 } },
  },
  { name: 'takes all elements', options: { drop: ['a.*'] }, record: { a: [1, 2] }, expected: { a: [] } },
  {
    name: 'takes any depth',
    options: { drop: ['**.ip'] },
    record: { ip: 1, a: { ip: 2, b: [{ ip: 3, c: [[{ ip: 4 }]] }] } },
    expected: { a: { b: [{ c: [[{}]] }] } },
  },
  {
    name: 'takes any depth in the middle',
    options: { drop: ['a.**.z'] },
    record: { z: 1, a: { z: 2, b: { c: { z: 3 } } } },
    expected: { z: 1, a: { b: { c: {} } } },
  },
  { name: 'takes all below', options: { drop: ['a.**'] }, record: { a: { b: 1 }, c: 2 }, expected: { c: 2 } },
  {
    name: 'takes quoted names',
    options: { drop: ['["x.y"]'] },
    record: { 'x.y': 1, x: { y: 2 } },
    expected: { x: { y: 2 } },
  },
  {
    name: 'takes __proto__ as a field',
    options: { drop: ['__proto__.a'] },
    record: JSON.parse('{"__proto__":{"a":1,"b":2}}'),
    expected: JSON.parse('{"__proto__":{"b":2}}'),
  },
  {
    name: 'masks by kind',
    options: { mask: ['a'] },
    record: { a: { s: 'x', n: 5, b: true, z: null, l: ['y', 2] } },
    expected: { a: { s: '***', n: 0, b: false, z: null, l: ['***', 0] } },
  },
  {
    name: 'drops rather than masks',
    options: { mask: ['**.a'], drop: ['b.a'] },
    record: { a: 'x', b: { a: 'y' } },
    expected: { a: '***', b: {} },
  },
  {
    name: 'keeps only what is listed',
    options: { keep: ['id', 'm.role'] },
    record: { id: 1, x: 2, m: [{ role: 'user', text: 't' }, 'loose', { text: 'u' }], o: { id: 3 } },
    expected: { id: 1, m: [{ role: 'user' }, {}] },
  },
  {
    name: 'keeps and masks',
    options: { keep: ['a'], mask: ['a.b'] },
    record: { a: { b: 'x', c: 'y' }, d: 1 },
    expected: { a: { b: '***', c: 'y' } },
  },
  {
    name: 'leaves other records alone',
    options: { drop: ['nothing.here'] },
    record: { a: [1, { b: null }] },
    expected: { a: [1, { b: null }] },
  },
  { name: 'leaves values that are no objects alone', options: { drop: ['a'] }, record: 'text', expected: 'text' },
];

test('redact', async (t) => {
  for (const { name, options, record, expected } of cases) {
    await t.test(name, async () => {
      const before = JSON.stringify(record);
      const { records } = await run([record], [redact(options)]);
      assert.equal(JSON.stringify(records[0]), JSON.stringify(expected));
      assert.equal(JSON.stringify(record), before, 'the record was changed in place');
    });
  }
});

test('digests are the same for equal values, and for them only', async () => {
  const records = [
    { id: 'a' },
    { id: 'a' },
    { id: 'b' },
    { id: 1 },
    { id: '1' },
    { id: { x: 1, y: 2 } },
    { id: { y: 2, x: 1 } },
    { id: null },
  ];
  const digests = async (secret: string): Promise<unknown[]> => {
    const result = await run(records, [redact({ hmac: ['id'], key: secret })]);
    return result.records.map((record) => (record as { id: unknown }).id);
  };
  const ids = await digests(key);
  assert.match(String(ids[0]), /^[0-9a-f]{64}$/);
  assert.equal(ids[0], ids[1]);
  assert.equal(ids[5], ids[6]);
  assert.equal(ids[7], null);
  assert.equal(new Set(ids).size, 6);
  assert.deepEqual(await digests(key), ids);
  assert.notEqual((await digests('another key of sixteen'))[0], ids[0]);
});

test('the configuration of a run does not hold the key, but tells keys apart', () => {
  const config = (secret: string): string => JSON.stringify(redact({ hmac: ['id'], key: secret }).config);
  assert.ok(!config(key).includes(key));
  assert.notEqual(config(key), config(`${key}x`));
});

test('refuses options that cannot mean anything', () => {
  const wrong: readonly RedactOptions[] = [
    {},
    { hmac: ['a'] },
    { hmac: ['a'], key: 'short' },
    { drop: [] },
    { drop: ['**'] },
    { drop: ['a..b'] },
    { drop: [''] },
  ];
  for (const options of wrong) assert.throws(() => redact(options), JSON.stringify(options));
});

test('a record that is no object has nothing to keep', async () => {
  await assert.rejects(run(['text'], [redact({ keep: ['a'] })]), /nothing of it is in "keep"/);
});

/** All paths to values in a record, as steps. */
function pathsOf(value: unknown, steps: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (value === null || typeof value !== 'object') return [steps];
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [steps, ...entries.flatMap(([step, inner]) => pathsOf(inner, [...steps, step]))];
}

/** Whether a pattern matches a path, by trying all ways. */
function matches(pattern: readonly string[], path: readonly (string | number)[]): boolean {
  const [wanted, ...rest] = pattern;
  const [step, ...further] = path;
  if (wanted === undefined) return step === undefined;
  if (wanted === '**') return matches(rest, path) || (step !== undefined && matches(pattern, further));
  if (step === undefined) return false;
  if (wanted === '*') return matches(rest, further);
  if (typeof step === 'number') return matches(pattern, further);
  return step === wanted && matches(rest, further);
}

const step = fc.constantFrom('a', 'b', 'c', '*', '**');
const pattern = fc.array(step, { minLength: 1, maxLength: 4 }).filter((steps) => steps.some((name) => name !== '**'));
const record = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<unknown>(1, 'x', true, null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
}));

test('never leaves a path that a pattern takes, and takes no other', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(pattern, { minLength: 1, maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), record.value, { noNullPrototype: true }),
      async (patterns, input) => {
        const texts = patterns.map((steps) => steps.join('.'));
        const { records } = await run([input], [redact({ drop: texts })]);
        const place = compilePatterns([texts]);
        assert.equal(JSON.stringify(records[0]), JSON.stringify(without(input, patterns, [])));
        assert.equal(place.group, undefined);
        for (const path of pathsOf(input)) {
          const at = path.reduce(
            (inner, name) => (typeof name === 'number' ? inner.element(name) : inner.field(name)),
            place,
          );
          assert.equal(
            at.group !== undefined,
            patterns.some((steps) => matches(steps, path)),
            JSON.stringify(path),
          );
        }
      },
    ),
    { numRuns: 300 },
  );
});

/** The oracle: leaves out whatever a pattern matches, from its own path. */
function without(
  value: unknown,
  patterns: readonly (readonly string[])[],
  path: readonly (string | number)[],
): unknown {
  if (value === null || typeof value !== 'object') return value;
  const isTaken = (name: string | number): boolean => patterns.some((steps) => matches(steps, [...path, name]));
  if (Array.isArray(value))
    return value.flatMap((item, index) => (isTaken(index) ? [] : [without(item, patterns, [...path, index])]));
  const left = Object.entries(value).filter(([name]) => !isTaken(name));
  return Object.fromEntries(left.map(([name, inner]) => [name, without(inner, patterns, [...path, name])]));
}
