import assert from 'node:assert/strict';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';

import fc from 'fast-check';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

import { ByteWriter } from '../../src/formats/byte-writer.ts';
import { copyField, copyHeader, copyTrailer, valueEncoders } from '../../src/formats/copy-binary.ts';
import {
  storableJsonText,
  storableText,
  UnstorableValue,
  type UnstorablePolicy,
} from '../../src/formats/postgres-text.ts';
import { postgresForTests } from '../helpers/postgres.ts';

const strict = { unstorable: 'fail' as const, changed: () => undefined };

/** Sends values of one column through a real server and gives what it stored, as text. */
async function stored(type: string, values: readonly unknown[], shown = 'v::text'): Promise<(string | null)[]> {
  const client = new pg.Client(await (await postgresForTests()).database());
  await client.connect();
  try {
    await client.query(`set timezone = 'UTC'; create temp table t (n serial, v ${type})`);
    const writer = new ByteWriter(16);
    writer.bytes(copyHeader);
    const { rows: types } = await client.query<{ name: string }>(
      'select typname as name from pg_type where oid = $1::regtype',
      [type],
    );
    const encode = valueEncoders[types[0]?.name ?? ''] ?? assert.fail(`no encoder for ${type}`);
    for (const value of values) {
      writer.int16(1);
      copyField(value, encode, writer, strict);
    }
    writer.bytes(copyTrailer);
    await pipeline([writer.take()], client.query(copyFrom('copy t (v) from stdin (format binary)')));
    const { rows } = await client.query<{ v: string | null }>(`select ${shown} as v from t order by n`);
    return rows.map(({ v }) => v);
  } finally {
    await client.end();
  }
}

const cases = [
  {
    type: 'text',
    values: ['', 'a', 'é😀', '\\N', 'tab\tnewline\n', null, undefined, 5, true, { a: 1 }],
    expected: ['', 'a', 'é😀', '\\N', 'tab\tnewline\n', null, null, '5', 'true', '{"a":1}'],
  },
  { type: 'varchar(5)', values: ['12345'], expected: ['12345'] },
  {
    type: 'jsonb',
    values: [{ b: 1, a: [null, 'é"\\'] }, 'text', 0, false, []],
    expected: ['{"a": [null, "é\\"\\\\"], "b": 1}', '"text"', '0', 'false', '[]'],
  },
  { type: 'json', values: [{ b: 1, a: 2 }], expected: ['{"b":1,"a":2}'] },
  {
    type: 'bool',
    values: [true, false, 'true', 'f', 1, 0],
    expected: ['true', 'false', 'true', 'false', 'true', 'false'],
  },
  { type: 'int2', values: [32767, -32768, '7'], expected: ['32767', '-32768', '7'] },
  { type: 'int4', values: [2147483647, -2147483648, ' 12 '], expected: ['2147483647', '-2147483648', '12'] },
  {
    type: 'int8',
    values: ['9223372036854775807', -9223372036854775808n, 2 ** 53],
    expected: ['9223372036854775807', '-9223372036854775808', '9007199254740992'],
  },
  {
    type: 'float8',
    values: [0.1, Number.NaN, Number.NEGATIVE_INFINITY, '1e5', 'NaN', '-Infinity'],
    expected: ['0.1', 'NaN', '-Infinity', '100000', 'NaN', '-Infinity'],
  },
  {
    type: 'numeric',
    values: [
      '0',
      '-0.00',
      1,
      '12345678901234567890.000100',
      '1e20',
      '2.5e-7',
      '-9999.9999',
      '.5',
      'NaN',
      10n ** 40n,
      '1E3',
    ],
    expected: [
      '0',
      '0.00',
      '1',
      '12345678901234567890.000100',
      '100000000000000000000',
      '0.00000025',
      '-9999.9999',
      '0.5',
      'NaN',
      `1${'0'.repeat(40)}`,
      '1000',
    ],
  },
  { type: 'numeric[]', values: [['1.10', null, -2]], expected: ['{1.10,NULL,-2}'] },
  { type: 'boolean[]', values: [[true, false]], expected: ['{t,f}'] },
  { type: 'jsonb[]', values: [[{ a: 1 }]], expected: ['{"{\\"a\\": 1}"}'] },
  { type: 'timestamptz', values: ['0044-03-15T00:00:00Z BC'], expected: ['0044-03-15 00:00:00+00 BC'] },
  { type: 'float4', values: [0.5], expected: ['0.5'] },
  {
    type: 'uuid',
    values: ['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '{a0eebc999c0b4ef8bb6d6bb9bd380a11}'],
    expected: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  },
  { type: 'bytea', values: [Buffer.from([0, 255]), '\\x00ff', 'AP8='], expected: ['\\x00ff', '\\x00ff', '\\x00ff'] },
  {
    type: 'timestamptz',
    values: [
      '2026-01-02T03:04:05.123456Z',
      '2026-01-02T03:04:05+02:00',
      '2026-01-02 03:04:05.1-0330',
      '1969-12-31T23:59:59.999999Z',
      '0001-01-01T00:00:00Z',
      '-000001-06-01T00:00:00Z',
      '+010000-01-01T00:00:00Z',
      new Date(1.5),
      1_700_000_000_000,
      'infinity',
      '-infinity',
      '2026-01-02T24:00:00Z',
    ],
    expected: [
      '2026-01-02 03:04:05.123456+00',
      '2026-01-02 01:04:05+00',
      '2026-01-02 06:34:05.1+00',
      '1969-12-31 23:59:59.999999+00',
      '0001-01-01 00:00:00+00',
      '0002-06-01 00:00:00+00 BC',
      '10000-01-01 00:00:00+00',
      '1970-01-01 00:00:00.001+00',
      '2023-11-14 22:13:20+00',
      'infinity',
      '-infinity',
      '2026-01-03 00:00:00+00',
    ],
  },
  { type: 'timestamp', values: ['2026-01-02T03:04:05Z'], expected: ['2026-01-02 03:04:05'] },
  {
    type: 'date',
    values: ['2026-01-02', '1999-12-31T23:59:59Z', '2000-01-01', 'infinity', '-Infinity', '0044-03-15 BC'],
    expected: ['2026-01-02', '1999-12-31', '2000-01-01', 'infinity', '-infinity', '0044-03-15 BC'],
  },
  { type: 'text[]', values: [[], ['a', null, 'é,"'], ['{}']], expected: ['{}', '{a,NULL,"é,\\""}', '{"{}"}'] },
  { type: 'int4[]', values: [[1, null, 3]], expected: ['{1,NULL,3}'] },
  { type: 'int8[]', values: [['9223372036854775807']], expected: ['{9223372036854775807}'] },
  {
    type: 'uuid[]',
    values: [['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']],
    expected: ['{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'],
  },
];

test('a real server stores what was meant', async (t) => {
  for (const { type, values, expected } of cases) {
    await t.test(type, async () => assert.deepEqual(await stored(type, values), expected));
  }
});

test('any text, JSON value, number and time comes back as it went', async () => {
  const text = fc
    .string({ unit: 'binary', maxLength: 20 })
    .filter((value) => !value.includes('\0') && value.isWellFormed());
  const texts = fc.sample(text, { numRuns: 300, seed: 1 });
  assert.deepEqual(await stored('text', texts), texts);
  const json = fc
    .sample(fc.jsonValue({ noUnicodeString: false }), { numRuns: 300, seed: 2 })
    .map((value) => JSON.parse(storableJsonText(value, 'replace', () => undefined)) as unknown);
  assert.deepEqual(
    (await stored('jsonb', json)).map((value) => JSON.parse(value ?? 'null') as unknown),
    JSON.parse(JSON.stringify(json)),
  );
  const doubles = fc.sample(fc.double({ noNaN: true }), { numRuns: 300, seed: 3 });
  assert.deepEqual((await stored('float8', doubles)).map(Number), doubles);
  const times = fc.sample(
    fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }),
    { numRuns: 300, seed: 4 },
  );
  const shown = `to_char(v at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  assert.deepEqual(
    await stored(
      'timestamptz',
      times.map((time) => time.toISOString()),
      shown,
    ),
    times.map((time) => time.toISOString()),
  );
});

const misfits = [
  { type: 'bool', values: ['yes?', 2, {}] },
  { type: 'int2', values: [32768, 1.5, 'x', '', true] },
  { type: 'int4', values: [2 ** 31, '99999999999'] },
  { type: 'int8', values: ['9223372036854775808', 0.5, '1e3'] },
  { type: 'float8', values: ['', 'abc', null] },
  { type: 'uuid', values: ['', 'a0eebc99', 5] },
  {
    type: 'timestamptz',
    values: [
      'not a date',
      '2026-02-30T00:00:00Z',
      '2026-01-01T25:00:00Z',
      '2026-01-01T00:61:00Z',
      '+275760-09-13T00:00:01Z',
      '-009999-01-01T00:00:00Z',
      Number.NaN,
      new Date(Number.NaN),
      {},
    ],
  },
  { type: '_text', values: ['not an array'] },
  { type: 'jsonb', values: [() => 1] },
];

test('a value that does not fit is refused before the server sees it', () => {
  for (const { type, values } of misfits) {
    const encode = valueEncoders[type] ?? assert.fail(type);
    for (const value of values)
      assert.throws(() => encode(value, new ByteWriter(), strict), UnstorableValue, `${type} ${String(value)}`);
  }
});

const lone = '\ud83d';
const unstorable: { name: string; text: string; replaced: string; stripped: string }[] = [
  { name: 'NUL', text: 'a\0b', replaced: 'a\ufffdb', stripped: 'ab' },
  { name: 'half a pair', text: `a${lone}b`, replaced: 'a\ufffdb', stripped: 'ab' },
  { name: 'both, beside a whole pair', text: `\0😀${lone}`, replaced: '\ufffd😀\ufffd', stripped: '😀' },
];

test('text that PostgreSQL cannot hold is replaced, stripped or refused, and counted', () => {
  for (const { name, text, replaced, stripped } of unstorable) {
    let changes = 0;
    const count = (): void => void (changes += 1);
    assert.equal(storableText(text, 'replace', count), replaced, name);
    assert.equal(storableText(text, 'strip', count), stripped, name);
    assert.equal(
      storableJsonText({ [text]: [text] }, 'replace', count),
      JSON.stringify({ [replaced]: [replaced] }),
      name,
    );
    assert.equal(changes, 4);
    for (const policy of ['reject', 'fail'] satisfies UnstorablePolicy[])
      assert.throws(() => storableText(text, policy, count), UnstorableValue);
  }
});

test('text that only looks like an escape stays as it is', () => {
  const never = (): never => assert.fail('changed');
  for (const text of ['\\u0000', '\\\\u0000', '\\ud83d', 'é😀']) {
    assert.equal(storableText(text, 'replace', never), text);
    assert.equal(JSON.parse(storableJsonText({ text }, 'replace', never)).text, text);
  }
});
