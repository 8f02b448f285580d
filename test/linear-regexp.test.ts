import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { EtlError } from '../src/errors.ts';
import { LinearRegExp } from '../src/linear-regexp.ts';

interface Found {
  readonly index: number;
  readonly groups: readonly (string | undefined)[];
}

/** All matches, each from the end of the one before, as JSONata looks for them. */
function matches(pattern: { lastIndex: number; exec(text: string): RegExpExecArray | unknown }, text: string): Found[] {
  const found: Found[] = [];
  pattern.lastIndex = 0;
  for (;;) {
    const match = pattern.exec(text) as RegExpExecArray | null;
    if (match === null) return found;
    found.push({ index: match.index, groups: [...match] });
    if (match[0] === '') return found;
  }
}

const same = (pattern: RegExp, text: string): void =>
  assert.deepEqual(
    matches(new LinearRegExp(pattern), text),
    matches(pattern, text),
    `${pattern} on ${JSON.stringify(text)}`,
  );

test('finds what a RegExp finds', () => {
  const text = 'Chat 12: "é🙂" \u00a0\ufeffsaid\u2028Bob.\r\nk[K]K a]b-c/d\\e $5^2 {x} abcabc \u{1f600}\t\v end';
  const patterns = [
    /a/g,
    /(?:)/g,
    /\s+/g,
    /\S+/g,
    /[\s,]+/g,
    /[^\s]+/g,
    /[\S]+/g,
    /[^\S]+/g,
    /.+/g,
    /[.]+/g,
    /^.+$/g,
    /[^]+/g,
    /[]/g,
    /(a)|(b)/g,
    /(?<first>a)(?<second>b)?/g,
    /CHAT|bob/gi,
    /\bsaid\b/g,
    /\d+/g,
    /\D+/g,
    /[\w-]+/g,
    /[[\]]/g,
    /[a[]+/g,
    /[\]\\/]/g,
    /\//g,
    /\u00e9/g,
    /\x41|\t|\cI|\v|\0/g,
    /\$\d\^/g,
    /{x}/g,
    /(?<=said.)Bob/g,
    /(?<!abc)abc/g,
    /a.*?c/g,
    /(?:ab?c?){2,3}/g,
    /🙂/g,
    /nothing/g,
  ];
  for (const pattern of patterns) same(pattern, text);
  same(/^\w+$/gm, 'one\ntwo\n three\nfour');
});

test('finds what a RegExp finds, for any pattern of these parts on any text of these characters', () => {
  const atom = fc.constantFrom(
    'a',
    'b',
    '.',
    '\\s',
    '\\S',
    '\\w',
    '\\d',
    '\\b',
    '[ab]',
    '[^a]',
    '[\\s.]',
    '[^\\S]',
    '\\.',
    '^',
    '$',
  );
  const quantifier = fc.constantFrom('', '', '*', '+', '?', '*?', '{1,2}');
  const piece = fc.tuple(atom, quantifier).map(([what, times]) => (/^(\\b|\^|\$)$/.test(what) ? what : what + times));
  const sequence = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''));
  const pattern = fc
    .tuple(sequence, sequence, sequence)
    .chain(([a, b, c]) => fc.constantFrom(a, `(${a})${b}`, `${a}|${b}`, `(${a}|${b})${c}`, `(?:a${a})+${b}`));
  const text = fc.string({
    unit: fc.constantFrom('a', 'b', ' ', '.', '1', '\n', '\u00a0', '\u2028', 'é'),
    maxLength: 12,
  });
  fc.assert(
    fc.property(pattern, fc.constantFrom('g', 'gi'), text, (source, flags, value) =>
      same(new RegExp(source, flags), value),
    ),
    { numRuns: 500 },
  );
});

test('takes whole characters, where a RegExp takes halves', () => {
  assert.deepEqual(matches(new LinearRegExp(/^.$/g), '🙂'), [{ index: 0, groups: ['🙂'] }]);
  assert.deepEqual(matches(new LinearRegExp(/[🙂]/g), 'a🙂b'), [{ index: 1, groups: ['🙂'] }]);
});

test('a pattern that a RegExp would try for ever on is told at once', () => {
  const text = `${'a'.repeat(100_000)}b`;
  for (const pattern of [/(a+)+$/g, /^(a|a)*$/g, /(a*)*c/g, /(.*)*c/g, /(a|aa)+$/gi])
    assert.equal(new LinearRegExp(pattern).exec(text), null);
});

test('refuses what cannot be matched in linear time, and says what to do', () => {
  for (const [pattern, says] of [
    [/a(?=b)/g, /the pattern \/a\(\?=b\)\/ cannot be matched: .*\(\?=/],
    [/a(?!b)/g, /\(\?!/],
    [/(a)\1/g, /\\1/],
    [/(?<x>a)\k<x>/g, /\\k/],
    [/a{1001}/g, /repeat count/],
  ] as const) {
    assert.throws(
      () => new LinearRegExp(pattern),
      (error) =>
        error instanceof EtlError &&
        error.code === 'ETL_EXPRESSION_INVALID' &&
        says.test(error.message) &&
        /without look-ahead/.test(error.hint),
    );
  }
});
