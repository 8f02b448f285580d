import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Json } from '../../src/json.ts';
import { idText, numberOf, timeNumber, timeOfObjectId, timeText } from '../../src/models/extended-json.ts';

const times: readonly [Json | undefined, string | undefined][] = [
  [{ $date: '2025-01-01T00:00:00Z' }, '2025-01-01T00:00:00.000Z'],
  [{ $date: '2025-01-01T00:00:00.5Z' }, '2025-01-01T00:00:00.500Z'],
  [{ $date: '2025-01-01T00:00:00.123Z' }, '2025-01-01T00:00:00.123Z'],
  [{ $date: { $numberLong: '1700000000000' } }, '2023-11-14T22:13:20.000Z'],
  [{ $date: 1_700_000_000_000 }, '2023-11-14T22:13:20.000Z'],
  [{ $date: { $numberLong: '-1' } }, '1969-12-31T23:59:59.999Z'],
  [{ $date: { $numberLong: '253402300800000' } }, '+010000-01-01T00:00:00.000Z'],
  ['2026-03-01T08:00:00.123456Z', '2026-03-01T08:00:00.123456Z'],
  ['2026-03-01T08:00:00.123456789Z', '2026-03-01T08:00:00.123456Z'],
  ['2026-03-01T09:00:00+01:00', '2026-03-01T08:00:00.000Z'],
  [1_700_000_000_000, '2023-11-14T22:13:20.000Z'],
  ['2025-02-31T99:00:00Z', undefined],
  ['yesterday', undefined],
  ['', undefined],
  [{ $date: 'x', more: 1 }, undefined],
  [null, undefined],
  [undefined, undefined],
  [1e300, undefined],
];

test('timeText reads every form of a date', () => {
  for (const [value, expected] of times) assert.equal(timeText(value), expected, JSON.stringify(value));
});

test('timeNumber keeps microseconds', () => {
  assert.equal(timeNumber('1970-01-01T00:00:01.000250Z'), 1000.25);
  assert.equal(timeNumber('1970-01-01T00:00:01.0005Z'), 1000.5);
  assert.equal(timeNumber(null), undefined);
});

test('idText reads ids of every type, and nothing that only looks like one', () => {
  const cases: readonly [Json | undefined, string | undefined][] = [
    ['a', 'a'],
    ['', ''],
    [{ $oid: '0123456789abcdef01234567' }, '0123456789abcdef01234567'],
    [{ $uuid: '01234567-89ab-4cde-8f01-23456789abcd' }, '01234567-89ab-4cde-8f01-23456789abcd'],
    [{ $numberLong: '7' }, '7'],
    [7, '7'],
    [{ $oid: 'a', more: 1 }, undefined],
    [['a'], undefined],
    [null, undefined],
    [undefined, undefined],
  ];
  for (const [value, expected] of cases) assert.equal(idText(value), expected, JSON.stringify(value));
});

test('numberOf takes only what a number holds exactly', () => {
  const cases: readonly [Json, number | undefined][] = [
    [1.5, 1.5],
    [{ $numberInt: '-3' }, -3],
    [{ $numberLong: '9007199254740991' }, 9_007_199_254_740_991],
    [{ $numberLong: '9007199254740993' }, undefined],
    [{ $numberDouble: '1e300' }, 1e300],
    [{ $numberDouble: 'NaN' }, undefined],
    [{ $numberDecimal: '1' }, undefined],
    ['1', undefined],
  ];
  for (const [value, expected] of cases) assert.equal(numberOf(value), expected, JSON.stringify(value));
});

test('an ObjectId tells the second it was made in', () => {
  assert.equal(timeOfObjectId('65538a800000000000000000'), 1_699_973_760_000);
  for (const other of [undefined, '', '65538a80', 'zzzzzzzzzzzzzzzzzzzzzzzz'])
    assert.equal(timeOfObjectId(other), undefined);
});
