import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { parseLargeJson } from '../../src/formats/parse-large-json.ts';

/** What it gives for JSON text that stands between other bytes, which it does not touch. */
function parsed(text: string, inPlace = true): unknown {
  const [before, after] = ['"before\\', '"after'];
  const bytes = Buffer.from(`${before}${text}${after}`);
  const end = bytes.length - after.length;
  const value = parseLargeJson(bytes, before.length, end, { inPlace });
  assert.equal(bytes.toString('utf8', 0, before.length), before);
  assert.equal(bytes.toString('utf8', end), after);
  if (!inPlace) assert.ok(bytes.equals(Buffer.from(`${before}${text}${after}`)));
  return value;
}

const pieces = ['x', 'é', '😀', '\n', '"', '\\', '\u0001', 'ab\\\\"', '\ud83d', '\ude00', ' ', '{"a":', 'plain text. '];
const longText = fc
  .array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 12 })
  .chain((some) =>
    fc.integer({ min: 1, max: 300_000 }).map((times) => some.join('').repeat(Math.ceil(times / some.length))),
  );
const longValue = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    longText,
    fc.constantFrom(1, null, true, 'short', ''),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', '', '1', '0', '__proto__', '\\"'), tie('value'), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
  ),
})).value;

/** The same with characters beyond ASCII as escapes, as many programs write it. */
function escaped(text: string): string {
  return text.replace(/[^ -~\s]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

test('a value is what JSON.parse gives, however long its strings are', () => {
  fc.assert(
    fc.property(
      longValue,
      fc.constantFrom(undefined, 1),
      fc.boolean(),
      fc.boolean(),
      (value, indent, isEscaped, inPlace) => {
        const plain = JSON.stringify(value, undefined, indent);
        const text = isEscaped ? escaped(plain) : plain;
        assert.ok(isSame(parsed(text, inPlace), JSON.parse(text)));
      },
    ),
    { numRuns: 60 },
  );
});

/** A message with texts of a megabyte would help nobody. */
function isSame(a: unknown, b: unknown): boolean {
  try {
    assert.deepStrictEqual(a, b);
    return JSON.stringify(a) === JSON.stringify(b);
  } catch {
    return false;
  }
}

test('odd places of long strings', () => {
  const long = 'long "text"\n'.repeat(40_000);
  const key = 'k'.repeat(300_000);
  const cases: readonly string[] = [
    JSON.stringify(long),
    `[${JSON.stringify(long)},${JSON.stringify(long)}]`,
    `{${JSON.stringify(key)} : ${JSON.stringify(long)}}`,
    // The last of two fields of a name counts.
    `{"a":${JSON.stringify(long)},"a":1}`,
    `{"a":1,"a":${JSON.stringify(long)}}`,
    `{"__proto__":${JSON.stringify(long)}}`,
    `{"b":${JSON.stringify(long)},"1":${JSON.stringify(`${long}!`)}}`,
    // Cut inside of an escape and of a character, wherever pieces end.
    ...Array.from({ length: 14 }, (_, shift) => `"${'y'.repeat(shift)}${'\\u00e9é\\\\\\n😀'.repeat(30_000)}"`),
    `"${'\\\\'.repeat(200_000)}"`,
    `"${'\\ud83d\\ude00'.repeat(50_000)}"`,
    `"${'x'.repeat(300_000)}\\ud83d${'x'.repeat(300_000)}"`,
  ];
  for (const text of cases) {
    const value = parsed(text);
    assert.ok(isSame(value, JSON.parse(text)), text.slice(0, 60));
    assert.ok(isSame(parsed(text, false), value));
    if (text.startsWith('{"__proto__"')) assert.ok(Object.hasOwn(value as object, '__proto__'));
  }
});

test('a value that is deeper than the stack', () => {
  const depth = 100_000;
  const text = `${'['.repeat(depth)}${JSON.stringify('z'.repeat(300_000))}${']'.repeat(depth)}`;
  let inner = parsed(text);
  while (Array.isArray(inner)) inner = inner[0] as unknown;
  assert.equal((inner as string).length, 300_000);
});
