import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { ByteWriter } from '../../src/formats/byte-writer.ts';
import { copyField, valueEncoders } from '../../src/formats/copy-binary.ts';
import { jsonEncoders } from '../../src/formats/copy-from-json.ts';

const options = { unstorable: 'replace' as const, changed: () => undefined };

/** What the encoder of values makes of a value; nothing when it refuses it. */
function fromValue(type: string, value: unknown): string | undefined {
  const writer = new ByteWriter(8);
  try {
    copyField(value, valueEncoders[type] ?? assert.fail(type), writer, options);
  } catch {
    return undefined;
  }
  return writer.take().toString('hex');
}

/** What comes straight from the JSON text; nothing when it is left to the encoder of values. */
function fromText(type: string, text: string): string | undefined {
  const writer = new ByteWriter(8);
  // Something before and behind: a record is a part of a buffer.
  const json = Buffer.from(`[7,${text},8]`);
  const isWritten = jsonEncoders[type]?.(json, 3, json.length - 3, writer) === true;
  assert.ok(isWritten || writer.length === 0, 'nothing is left of what was not written');
  return isWritten ? writer.take().toString('hex') : undefined;
}

const pad = (value: number, digits: number): string => String(value).padStart(digits, '0');
const time = fc
  .tuple(
    fc.integer({ min: 1, max: 9999 }),
    fc.integer({ min: 0, max: 13 }),
    fc.integer({ min: 0, max: 32 }),
    fc.integer({ min: 0, max: 24 }),
    fc.integer({ min: 0, max: 60 }),
    fc.constantFrom('', '.0', '.12', '.123', '.123456', '.000001', '.1234567', '.'),
    fc.constantFrom('Z', '+02:00', '', 'z'),
  )
  .map(([year, month, day, hour, minute, fraction, zone]) => {
    const date = `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
    return `${date}T${pad(hour, 2)}:${pad(minute, 2)}:${pad(minute, 2)}${fraction}${zone}`;
  });
const values: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  text: fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\t', '\0', 'é', '😀', 'u') }),
  ),
  bool: fc.oneof(fc.boolean(), fc.integer(), fc.constantFrom('true', 'f', 'no')),
  int2: fc.oneof(fc.integer({ min: -40_000, max: 40_000 }), fc.double()),
  int4: fc.oneof(fc.integer(), fc.constantFrom(2 ** 31, -(2 ** 31), '12', 1.5)),
  int8: fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.constantFrom('9223372036854775807', 1e300)),
  numeric: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger(), fc.constant('1.50')),
  timestamptz: fc.oneof(time, fc.constantFrom('infinity', 'no time', '2026-01-02'), fc.integer()),
  jsonb: fc.jsonValue(),
  json: fc.jsonValue(),
};

for (const [type, arbitrary] of Object.entries(values)) {
  test(`${type} is the same from JSON text and from the value`, () => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        if (value === null) return;
        const text = JSON.stringify(value);
        const direct = fromText(type, text);
        if (direct !== undefined) assert.equal(direct, fromValue(type, JSON.parse(text)), text);
      }),
      { numRuns: 1000 },
    );
  });
}

const usual: readonly (readonly [string, string])[] = [
  ['text', '"a\\nb\\"c\\\\"'],
  ['bool', 'true'],
  ['int4', '-123456789'],
  ['int8', '1234567890123'],
  ['numeric', '12.50'],
  ['timestamptz', '"2026-11-30T23:59:59.123Z"'],
  ['timestamptz', '"2026-01-02T03:04:05Z"'],
  ['jsonb', '{"a":[1,2.0]}'],
];

test('what is usual is not left to the encoder of values', () => {
  for (const [type, text] of usual) assert.notEqual(fromText(type, text), undefined, `${type} ${text}`);
});

test('whole numbers and decimals are taken digit by digit, where a double would round them', () => {
  assert.equal(fromText('int8', '9223372036854775807'), fromValue('int8', '9223372036854775807'));
  assert.equal(fromText('int8', '9223372036854775808'), undefined);
  const long = '12345678901234567890.12345678901234567890';
  assert.equal(fromText('numeric', long), fromValue('numeric', long));
});
