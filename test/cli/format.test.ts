import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import {
  displayWidth,
  fitWidth,
  formatBytes,
  formatCount,
  formatDuration,
  formatRecords,
  formatShare,
  formatShort,
  printable,
} from '../../src/cli/format.ts';

test('figures read well', () => {
  const cases: readonly (readonly [string, string])[] = [
    [formatCount(0), '0'],
    [formatCount(999), '999'],
    [formatCount(1_234_567), '1,234,567'],
    [formatShort(999.4), '999'],
    [formatShort(1000), '1.00k'],
    [formatShort(12_345), '12.3k'],
    [formatShort(123_456), '123k'],
    [formatShort(999_600), '1.00M'],
    [formatShort(4_560_000_000), '4.56G'],
    [formatBytes(0), '0 B'],
    [formatBytes(999), '999 B'],
    [formatBytes(1_234), '1.23 kB'],
    [formatBytes(5_000_000_000), '5.00 GB'],
    [formatDuration(0), '0 ms'],
    [formatDuration(28.4), '28 ms'],
    [formatDuration(95), '0.1 s'],
    [formatDuration(3_240), '3.2 s'],
    [formatDuration(59_960), '1 min 00 s'],
    [formatDuration(245_000), '4 min 05 s'],
    [formatDuration(7_620_000), '2 h 07 min'],
    [formatRecords(1), '1 record'],
    [formatRecords(2000), '2,000 records'],
    [formatShare(0.999), '99 %'],
    [formatShare(7), '100 %'],
    [formatShare(-1), '0 %'],
  ];
  for (const [actual, expected] of cases) assert.equal(actual, expected);
});

test('wide letters count twice, combined ones once', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['', 0],
    ['abc', 3],
    ['é', 1],
    ['e\u0301', 1],
    ['読書', 4],
    ['한국', 4],
    ['👩‍💻', 2],
    ['🇩🇪', 2],
    ['→', 1],
    ['ｆｕｌｌ', 8],
  ];
  for (const [text, width] of cases) assert.equal(displayWidth(text), width, text);
});

test('a text cut to a width is never wider, and whole when it fits', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, columns) => {
      const fitted = fitWidth(text, columns);
      return displayWidth(fitted) <= columns && (displayWidth(text) > columns || fitted === text);
    }),
  );
});

test('no control character reaches the terminal', () => {
  assert.equal(printable('a\u001B[31mb\r\n\tc\u0000\u009B\u202E\u2066'), 'a␛[31mb␍\n\tc␀\\u009b\\u202e\\u2066');
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      (text) => !/[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E]/.test(printable(text)),
    ),
  );
});
