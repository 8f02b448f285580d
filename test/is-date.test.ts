import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isDate } from '../src/is-date.ts';

const cases: readonly (readonly [string, boolean])[] = [
  ['2026-01-31', true],
  ['2024-02-29', true],
  ['2026-01-31T08:00:00Z', true],
  ['2026-01-31T23:30:00-11:00', true],
  ['2026', true],
  ['2026-02', true],
  ['1 Jan 2026', true],
  ['2026-02-30', false],
  ['2026-02-29', false],
  ['2026-04-31T08:00:00Z', false],
  ['2026-13-01', false],
  ['yesterday', false],
  ['', false],
];

for (const [text, expected] of cases) {
  test(`"${text}" is ${expected ? '' : 'not '}a date`, () => assert.equal(isDate(text), expected));
}
