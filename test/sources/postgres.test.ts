import assert from 'node:assert/strict';
import { test } from 'node:test';

import { jsonRecordText } from '../../src/formats/json-records.ts';
import { EtlError } from '../../src/errors.ts';
import { pipeline } from '../../src/pipeline.ts';
import { postgresSink } from '../../src/sinks/postgres.ts';
import { postgresSource, type PostgresSourceOptions } from '../../src/sources/postgres.ts';
import type { Sink } from '../../src/stage.ts';
import { testSource } from '../../src/testing/index.ts';
import { readAll, recordsOf } from '../../src/testing/recorder.ts';
import { postgresForTests, query } from '../helpers/postgres.ts';

const database = (async () => {
  const url = await (await postgresForTests()).database();
  await query(
    url,
    `create table messages (id bigint primary key, text text, doc jsonb);
     insert into messages select n, repeat('é' || n, 20), jsonb_build_object('n', n) from generate_series(1, 500) n;
     create table ties (k text collate "C", n int);
     insert into ties select (n / 7)::text, n from generate_series(1, 200) n;
     create table two (a text, b int, primary key (a, b));
     insert into two select chr(97 + n % 3), n from generate_series(1, 30) n;
     create table nulls (id int unique);
     insert into nulls values (1), (null)`,
  );
  return url;
})();

const source = async (options: Omit<PostgresSourceOptions, 'connectionString'>) =>
  postgresSource<Record<string, unknown>>({ connectionString: await database, ...options });

const ways: readonly { name: string; options: Omit<PostgresSourceOptions, 'connectionString'>; records: number }[] = [
  { name: 'a table', options: { table: 'messages', batchSize: 7 }, records: 500 },
  { name: 'small pages', options: { table: 'messages', batchSize: 40, pageRecords: 64 }, records: 500 },
  { name: 'batches by bytes', options: { table: 'messages', batchBytes: 3000, pageRecords: 33 }, records: 500 },
  {
    name: 'a key that is not unique',
    options: { table: 'ties', key: ['k'], batchSize: 10, pageRecords: 20 },
    records: 200,
  },
  { name: 'a key of two columns', options: { table: 'two', batchSize: 4, pageRecords: 5 }, records: 30 },
  {
    name: 'a query with a key',
    options: { query: 'select id, text from messages where id > 300 -- some;', key: ['id'], batchSize: 20 },
    records: 200,
  },
  {
    name: 'a part',
    options: { table: 'messages', after: [100], until: ['200'], batchSize: 9, pageRecords: 10 },
    records: 100,
  },
  { name: 'a snapshot', options: { table: 'messages', snapshot: true, batchSize: 50, pageRecords: 100 }, records: 500 },
];
for (const { name, options, records } of ways)
  testSource(() => source(options), { name: `postgres, ${name}`, records });
testSource(() => source({ query: 'select * from messages', batchSize: 50 }), {
  name: 'postgres, a query without a key',
  records: 500,
  isResumable: false,
});

/** The records as the text they came in. */
async function texts(options: Omit<PostgresSourceOptions, 'connectionString'>): Promise<string[]> {
  const found: string[] = [];
  const sink: Sink<unknown> = {
    role: 'sink',
    name: 'texts',
    async *write(batches) {
      for await (const { json, cursor } of batches) {
        assert.ok(json !== undefined, 'JSON text, not objects');
        for (let index = 0; index < json.count; index += 1) found.push(jsonRecordText(json, index));
        yield { records: json.count, cursor };
      }
    },
  };
  await pipeline(await source(options), { name: 'texts' })
    .to(sink)
    .run();
  return found;
}

const types: readonly (readonly [string, string])[] = [
  [`1::int2`, '1'],
  [`9223372036854775807`, '9223372036854775807'],
  [`1.500::numeric`, '1.500'],
  [`'NaN'::numeric`, '"NaN"'],
  [`'NaN'::float8`, '"NaN"'],
  [`'-Infinity'::float4`, '"-Infinity"'],
  [`0.1::float8`, '0.1'],
  [`true`, 'true'],
  [`e'a\\tb\\\\"é😀'`, '"a\\tb\\\\\\"é😀"'],
  [`'2026-01-02 03:04:05.000006+02'::timestamptz`, '"2026-01-02T01:04:05.000006+00:00"'],
  [`'infinity'::timestamptz`, '"infinity"'],
  [`'0044-03-15 BC'::date`, '"0044-03-15 BC"'],
  [`'2026-01-02 03:04:05'::timestamp`, '"2026-01-02T03:04:05"'],
  [`'1 day 2 hours'::interval`, '"P1DT2H"'],
  [`'\\x00ff'::bytea`, '"\\\\x00ff"'],
  [`array[1, null, 3]`, '[1,null,3]'],
  [`array['a', 'b,c']`, '["a","b,c"]'],
  [`array[[1], [2]]`, '[[1],[2]]'],
  [`e'{"b":\\n1,  "a": "\\\\u0000"}'::json`, '{"b":1,  "a": "\\u0000"}'],
  [`'{"b":1,"a":1e3}'::jsonb`, '{"a": 1000, "b": 1}'],
  [`'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid`, '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"'],
  [`null::text`, 'null'],
  [`int4range(1, 5)`, '"[1,5)"'],
];

test('every type comes as JSON with all it holds', async () => {
  for (const [sql, json] of types)
    assert.deepEqual(await texts({ query: `select ${sql} as v` }), [`{"v":${json}}`], sql);
});

test('long numbers come as strings when asked to, other columns stay', async () => {
  const select = `select 9223372036854775807 as a, 1.50::numeric as b, 5 as c, array[1.0, 2.5] as d`;
  assert.deepEqual(await texts({ query: select, numbers: 'string' }), [
    '{"a":"9223372036854775807","b":"1.50","c":5,"d":["1.0","2.5"]}',
  ]);
});

test('only the columns asked for, or the document of one', async () => {
  assert.deepEqual(await texts({ table: 'messages', columns: ['doc'], until: [2] }), [
    '{"doc":{"n": 1}}',
    '{"doc":{"n": 2}}',
  ]);
  assert.deepEqual(await texts({ table: 'messages', document: 'doc', where: 'id = 3 -- three' }), ['{"n": 3}']);
  assert.deepEqual(await texts({ query: `select null::jsonb as doc`, document: 'doc' }), ['null']);
});

test('a table comes back from another as it was, with its microseconds, digits, bytes and arrays', async () => {
  const url = await database;
  const columns = `id int primary key, big bigint, exact numeric(40, 20), at timestamptz, day date, raw bytea, tags text[], doc jsonb, f float8, ok boolean`;
  await query(
    url,
    `create table old (${columns}); create table new (${columns});
     insert into old values
       (1, 9223372036854775807, 12345678901234567890.12345678901234567890, '2026-01-02 03:04:05.123456Z', '0044-03-15 BC', '\\x00ff', '{a,"b\\"c",null}', '{"n": 12345678901234567890.5}', 'NaN', true),
       (2, null, 'NaN', '-infinity', 'infinity', '', '{}', 'null', '-Infinity', null),
       (3, -1, -0.5, '0044-03-15 12:00:00Z BC', '1969-12-31', null, null, null, 0.1, false)`,
  );
  await pipeline(await source({ table: 'old' }), { name: 'copy' })
    .to(postgresSink({ connectionString: url, table: 'new' }))
    .run();
  const [old, copied] = [
    await query(url, 'select old::text from old order by id'),
    await query(url, 'select new::text as old from new order by id'),
  ];
  // JSON null and SQL null are one in a record.
  assert.deepEqual(
    copied,
    old.map((row) => ({ old: String(row['old']).replace(',null,', ',,') })),
  );
});

test('reading goes on where it was when the server ends its session', async () => {
  const url = await database;
  let ended = 0;
  const given: number[] = [];
  const sink: Sink<Record<string, unknown>> = {
    role: 'sink',
    name: 'ending',
    async *write(batches) {
      for await (const batch of batches) {
        given.push(...batch.records.map(({ id }) => Number(id)));
        if (ended < 3) {
          const sql = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'threadmill' and datname = current_database()`;
          ended += (await query(url, sql)).length;
        }
        yield { records: batch.records.length, cursor: batch.cursor };
      }
    },
  };
  const report = await pipeline(await source({ table: 'messages', batchSize: 5, pageRecords: 10 }), { name: 'ended' })
    .to(sink)
    .run();
  assert.ok(ended > 0, 'no session was ended');
  assert.ok(report.warnings.some(({ message }) => message.startsWith('reading went on')));
  assert.deepEqual(
    given,
    Array.from({ length: 500 }, (_, index) => index + 1),
  );
});

const wrong: readonly {
  name: string;
  options: Omit<PostgresSourceOptions, 'connectionString'>;
  code: string;
  says: RegExp;
}[] = [
  { name: 'no such table', options: { table: 'mesages' }, code: 'ETL_SOURCE_NOT_FOUND', says: /"messages"/ },
  {
    name: 'no such column',
    options: { table: 'messages', columns: ['txt'] },
    code: 'ETL_CONFIG_INVALID',
    says: /it has id, text, doc/,
  },
  {
    name: 'a query with a mistake',
    options: { query: 'selec 1' },
    code: 'ETL_CONFIG_INVALID',
    says: /syntax error.*42601/,
  },
  {
    name: 'a condition with a mistake',
    options: { table: 'messages', where: 'nope = 1' },
    code: 'ETL_CONFIG_INVALID',
    says: /nope.*42703/,
  },
  {
    name: 'a query that writes',
    options: { query: `select nextval('counting')` },
    code: 'ETL_CONFIG_INVALID',
    says: /25006/,
  },
  { name: 'null in the key', options: { table: 'nulls' }, code: 'ETL_SOURCE_INVALID', says: /null in its key \(id\)/ },
  {
    name: 'a statement that takes too long',
    options: { query: 'select pg_sleep(5)', statementTimeoutMs: 20 },
    code: 'ETL_SOURCE_FAILED',
    says: /57014/,
  },
  {
    name: 'a key value of another type',
    options: { table: 'messages', after: ['x'] },
    code: 'ETL_SOURCE_FAILED',
    says: /22P02/,
  },
];

test('what cannot be read is refused with what is wrong', async (t) => {
  await query(await database, 'create sequence counting');
  for (const { name, options, code, says } of wrong) {
    await t.test(name, async () => {
      const error: unknown = await readAll(await source(options)).catch((reason: unknown) => reason);
      assert.ok(error instanceof EtlError, String(error));
      assert.equal(error.code, code);
      assert.match(error.describe(), says);
    });
  }
});

test('options that do not go together are refused', () => {
  const connectionString = 'postgresql://localhost/db';
  const bad: readonly Omit<PostgresSourceOptions, 'connectionString'>[] = [
    {},
    { table: 't', query: 'select 1' },
    { query: 'select 1', where: 'true' },
    { query: 'select 1', after: [1] },
    { table: 't', key: ['a', 'b'], until: [1] },
  ];
  for (const options of bad)
    assert.throws(() => postgresSource({ connectionString, ...options }), JSON.stringify(options));
});

test('tells how many rows there are about, and what it would read', async () => {
  await query(await database, 'analyze messages');
  const { signal } = new AbortController();
  const table = await source({ table: 'messages' });
  assert.equal((await table.estimate?.(signal))?.records, 500);
  assert.match((await table.check?.(signal)) ?? '', /table messages, 3 columns, key id$/);
  const { batches } = await readAll(await source({ query: 'select 1 as one' }));
  assert.deepEqual(recordsOf(batches), ['{"one":1}']);
});
