import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { jsonTime } from '../../src/formats/json-time.ts';

const timeOf = (text: string): number | undefined => {
  const bytes = Buffer.from(`,${text},`);
  return jsonTime(bytes, 1, bytes.length - 1);
};

test('jsonTime reads what is written as times are, as Date.parse does', () => {
  const times = fc.date({
    min: new Date('0100-01-01T00:00:00Z'),
    max: new Date('9999-12-28T23:59:59Z'),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(times, fc.boolean(), (date, hasFraction) => {
      const text = hasFraction ? date.toISOString() : date.toISOString().replace(/\.\d+Z$/, 'Z');
      const time = timeOf(JSON.stringify({ $date: text }));
      if (date.getUTCDate() <= 28) assert.equal(time, Date.parse(text));
      else assert.ok(time === undefined || time === Date.parse(text));
    }),
  );
});

test('jsonTime leaves anything else to others', () => {
  for (const text of [
    '{"$date":"2025-02-30T00:00:00Z"}',
    '{"$date":"2025-13-01T00:00:00Z"}',
    '{"$date":"2025-01-01T24:00:00Z"}',
    '{"$date":"2025-01-01T00:60:00Z"}',
    '{"$date":"2025-01-01T00:00:61Z"}',
    '{"$date":"2025-01-00T00:00:00Z"}',
    '{"$date":"0025-01-01T00:00:00Z"}',
    '{"$date":"2025-01-01 00:00:00Z"}',
    '{"$date":"2025-01-01T00:00:00+"}',
    '{"$date":"2025-01-01T00:00:00.12Z"}',
    '{"$date":"2025-01-01T00:00:00.1x3Z"}',
    '{"$late":"2025-01-01T00:00:00Z"}',
    '{"$date": "2025-01-01T00:00:00Z"}',
    '{"$date":{"$numberLong":"17357256"}}',
    'null',
    '',
  ])
    assert.equal(timeOf(text), undefined, text);
});
