import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { ByteWriter } from '../../src/formats/byte-writer.ts';
import { copyField, valueEncoders } from '../../src/formats/copy-binary.ts';
import { createCopyJsonEncoder, type CopyJsonEncoder, type JsonColumn } from '../../src/formats/copy-json-encoder.ts';
import type { JsonRecords } from '../../src/formats/json-records.ts';

const options = { unstorable: 'replace' as const, changed: () => undefined };
const types = ['text', 'bool', 'int2', 'int4', 'int8', 'float4', 'float8', 'uuid', 'timestamptz', 'json', 'jsonb'];

/** Records in the middle of other bytes, with some in between. */
function recordsOf(texts: readonly string[], between = '\n'): JsonRecords {
  const starts = new Uint32Array(texts.length);
  const ends = new Uint32Array(texts.length);
  const before = '{"a":"before"}';
  let at = before.length;
  for (const [place, text] of texts.entries()) {
    starts[place] = at;
    ends[place] = at += Buffer.byteLength(text);
    at += Buffer.byteLength(between);
  }
  const all = texts.map((text) => text + between).join('');
  return { bytes: Buffer.from(`${before}${all}"behind`), starts, ends, count: texts.length };
}

/** An instance of the module reserves much address space: they are few. */
const encoders = new Map<string, CopyJsonEncoder>();

function encoderOf(columns: readonly JsonColumn[]): CopyJsonEncoder {
  const name = JSON.stringify(columns);
  const encoder = encoders.get(name) ?? createCopyJsonEncoder(columns);
  if (encoder === undefined) throw new Error('the module is not built: npm run build:wasm');
  encoders.set(name, encoder);
  return encoder;
}

/** Each record's row in hex; nothing for those that are left to others. */
function rowsOf(columns: readonly JsonColumn[], json: JsonRecords): (string | undefined)[] {
  const encoder = encoderOf(columns);
  const rows: (string | undefined)[] = [];
  while (rows.length < json.count) {
    const { records, bytes, ends } = encoder.encode(json, rows.length);
    let start = 0;
    for (let record = 0; record < records; record += 1) {
      const end = ends[record] ?? 0;
      rows.push(end === start ? undefined : bytes.toString('hex', start, end));
      start = end;
    }
    if (records === 0) rows.push(undefined);
  }
  return rows;
}

/** What the encoders of values make of a record; nothing where one of them refuses. */
function fromValues(columns: readonly JsonColumn[], text: string): string | undefined {
  const record = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const writer = new ByteWriter(64);
  writer.int16(columns.length);
  try {
    for (const { member, type } of columns)
      copyField(
        member === undefined ? record : record[member],
        valueEncoders[type] ?? assert.fail(type),
        writer,
        options,
      );
  } catch {
    return undefined;
  }
  return writer.take().toString('hex');
}

const columnOf = (type: string): JsonColumn => ({ member: 'a', type });

const usual: readonly (readonly [string, string])[] = [
  ['text', '"a\\nb\\"c\\\\\\u00e9\\ud83d\\ude00\\/"'],
  ['text', `"${'no escapes for a while, é '.repeat(20)}"`],
  ['text', `"${'\\n\\t'.repeat(50)}"`],
  ['text', '""'],
  ['text', 'null'],
  ['bool', 'true'],
  ['bool', 'false'],
  ['int2', '-1234'],
  ['int4', '-123456789'],
  ['int4', '0'],
  ['int8', '-123456789012345'],
  ['float4', '1.1'],
  ['float8', '-0.1'],
  ['float8', '123456789012.345'],
  ['uuid', '"01234567-89ab-cdef-ABCD-ef0123456789"'],
  ['timestamptz', '"2026-11-30T23:59:59.123Z"'],
  ['timestamptz', '"1999-01-02T03:04:05.000001Z"'],
  ['timestamptz', '"2026-01-02T03:04:05Z"'],
  ['json', '"\\u00e9"'],
  ['jsonb', '{"a":[1,2,{"b":"]}\\"{["}],"c":"\\u00e9"}'],
];

for (const [type, text] of usual) {
  test(`${type} ${text.slice(0, 40)} is written as the encoder of values writes it`, () => {
    const record = `{"x":[{"a":1},"a"], "a" : ${text} ,"y":"\\""}`;
    const [row] = rowsOf([columnOf(type)], recordsOf([record]));
    const expected = fromValues([columnOf(type)], `{"a":${text}}`);
    // Text of jsonb stands as it was.
    if (type.startsWith('json')) assert.ok(row?.endsWith(Buffer.from(text).toString('hex')));
    else assert.equal(row, expected);
  });
}

const unusual: readonly (readonly [string, string])[] = [
  ['text', '{"a":"a\\u0000b"}'],
  ['text', '{"a":"a\\ud800b"}'],
  ['text', '{"a":"a\\ud800"}'],
  ['text', '{"a":"\\udc00"}'],
  ['text', '{"a":1}'],
  ['text', '{"\\u0061":"a name with an escape"}'],
  ['text', '["no object"]'],
  ['text', '"text"'],
  ['bool', '{"a":"true"}'],
  ['int2', '{"a":40000}'],
  ['int4', '{"a":1.5}'],
  ['int4', '{"a":1e3}'],
  ['int4', '{"a":"1"}'],
  ['int8', '{"a":9223372036854775808}'],
  ['float8', '{"a":1e300}'],
  ['float8', '{"a":0.12345678901234567}'],
  ['uuid', '{"a":"01234567-89ab-cdef-0123-4567890abcdeg"}'],
  ['uuid', '{"a":"0123456789abcdef0123456789abcdef"}'],
  ['timestamptz', '{"a":"2026-02-30T00:00:00Z"}'],
  ['timestamptz', '{"a":"2026-01-02T03:04:05+02:00"}'],
  ['timestamptz', '{"a":"2026-01-02 03:04:05Z"}'],
  ['jsonb', '{"a":"\\ud800"}'],
  ['jsonb', '{"a":["\\u0000"]}'],
];

for (const [type, text] of unusual) {
  test(`${type} ${text} is left to others`, () => {
    const good = '{"a":null}';
    const rows = rowsOf([columnOf(type)], recordsOf([good, text, good]));
    assert.deepEqual(rows, ['0001ffffffff', undefined, '0001ffffffff']);
  });
}

test('of several members with one name the last counts, and a member can fill several columns', () => {
  const columns = [columnOf('int4'), { member: 'b', type: 'text' }, columnOf('int8'), columnOf('jsonb')];
  const record = '{"a":"no","b":"é","a":7}';
  assert.deepEqual(rowsOf(columns, recordsOf([record])), [fromValues(columns, record)]);
});

test('a column can take the whole record', () => {
  const columns = [columnOf('int4'), { member: undefined, type: 'jsonb' }];
  const record = '{"a":7,"b":{"c":"é"}}';
  assert.deepEqual(rowsOf(columns, recordsOf([record])), [fromValues(columns, record)]);
  assert.deepEqual(rowsOf(columns, recordsOf(['{"a":7,"b":"\\ud800"}'])), [undefined]);
});

test('whole numbers are exact where a double is not', () => {
  const expected = fromValues([columnOf('int8')], '{"a":"-123456789012345678"}');
  assert.deepEqual(rowsOf([columnOf('int8')], recordsOf(['{"a":-123456789012345678}'])), [expected]);
});

test('a column of another type makes none', () => {
  assert.equal(createCopyJsonEncoder([columnOf('text'), columnOf('numeric')]), undefined);
});

test('names that share a hash or a beginning are told apart', () => {
  const names = Array.from({ length: 200 }, (_, place) => `a longer name, number ${place}`);
  const columns = names.map((member) => ({ member, type: 'int4' }));
  const record = JSON.stringify(Object.fromEntries(names.map((name, place) => [name, place])));
  assert.deepEqual(rowsOf(columns, recordsOf([record])), [fromValues(columns, record)]);
});

test('many records, long ones and records far apart are written in as many calls as it takes', () => {
  const texts = Array.from({ length: 3000 }, (_, place) => JSON.stringify({ a: 'é'.repeat((place * 7919) % 600) }));
  texts[10] = JSON.stringify({ a: 'x'.repeat(700_000) });
  texts[20] = JSON.stringify({ a: 'x'.repeat(1_500_000) });
  const expected = texts.map((text) => fromValues([columnOf('text')], text));
  // Longer than all that it looks at in one call.
  expected[20] = undefined;
  assert.deepEqual(rowsOf([columnOf('text')], recordsOf(texts)), expected);
  assert.deepEqual(rowsOf([columnOf('text')], recordsOf(texts, ' '.repeat(2000))), expected);
});

test('a row that does not fit any more is the first of the next call', () => {
  const columns = Array.from({ length: 10 }, () => columnOf('text'));
  const texts = Array.from({ length: 40 }, () => JSON.stringify({ a: 'x'.repeat(50_000) }));
  assert.deepEqual(
    rowsOf(columns, recordsOf(texts)),
    texts.map((text) => fromValues(columns, text)),
  );
});

test('whatever is written is what the encoders of values write', () => {
  const value = fc.oneof(
    fc.jsonValue(),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\0', 'é', '😀', 'u', '{', ']', '\ud800') }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.uuid(),
    fc.date({ noInvalidDate: true, min: new Date(0) }).map((time) => time.toISOString()),
  );
  fc.assert(
    fc.property(value, fc.boolean(), (a, isEscaped) => {
      const plain = JSON.stringify({ b: [a], a });
      const text = isEscaped
        ? plain.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
        : plain;
      for (const type of types) {
        const column = columnOf(type);
        const [row] = rowsOf([column], recordsOf([text]));
        if (row === undefined) continue;
        // JSON stays as it is written: its value counts.
        if (type.startsWith('json')) {
          const written = Buffer.from(row, 'hex').subarray(2 + 4 + (type === 'jsonb' ? 1 : 0));
          if (a !== null) assert.deepEqual(JSON.parse(written.toString()), JSON.parse(JSON.stringify(a)), text);
        } else if (type === 'int8' && typeof a === 'number') {
          // The digits count: as a double, 20148617641760110 would become 20148617641760112.
          const digits = text.slice(text.lastIndexOf(':') + 1, -1);
          assert.equal(row, fromValues([column], JSON.stringify({ a: digits })), text);
        } else assert.equal(row, fromValues([column], text), text);
      }
    }),
    { numRuns: 500 },
  );
});
