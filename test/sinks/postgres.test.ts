import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { jsonBatch } from '../../src/batch.ts';
import { EtlError } from '../../src/errors.ts';
import { encodeJsonRecords } from '../../src/formats/json-records.ts';
import { pipeline } from '../../src/pipeline.ts';
import { reportOf } from '../../src/report.ts';
import { postgresSink, type PostgresSinkOptions } from '../../src/sinks/postgres.ts';
import type { Source } from '../../src/stage.ts';
import { arraySource } from '../helpers/memory.ts';
import { postgresForTests, query } from '../helpers/postgres.ts';

type Message = { id: number; text?: string | null; sent?: string; doc?: unknown };
const messages = (count: number): Message[] =>
  Array.from({ length: count }, (_, id) => ({
    id,
    text: `text ${id} é`,
    sent: '2026-01-02T03:04:05.000006Z',
    doc: { n: id },
  }));
const table = 'create table messages (id bigint primary key, text text not null, sent timestamptz, doc jsonb)';

async function database(sql = table): Promise<string> {
  const url = await (await postgresForTests()).database();
  await query(url, sql);
  return url;
}

async function rejectFile(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'etl-pg-'));
  t.after(() => rm(directory, { recursive: true }));
  return join(directory, 'rejects.jsonl');
}

interface LoadOptions {
  readonly to?: string;
  readonly batchSize?: number;
  readonly name?: string;
}

const load = (
  records: readonly unknown[],
  options: PostgresSinkOptions,
  { to, batchSize = 50, name = 'load' }: LoadOptions = {},
) =>
  pipeline(arraySource<unknown>(records, { batchSize }), { name, onReject: to === undefined ? 'stop' : { to } }).to(
    postgresSink(options),
  );

async function failure(promise: Promise<unknown>): Promise<EtlError> {
  const error: unknown = await promise.then(
    () => assert.fail('did not fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof EtlError, String(error));
  return error;
}

const bad: Readonly<Record<number, Message>> = {
  7: { id: 7, text: null },
  8: { id: 8, text: 'forbidden' },
  120: { id: 5, text: 'duplicate' },
  500: { id: 500, text: 'x'.repeat(41) },
  501: { id: 501, text: 'a', sent: '2026-02-30T00:00:00Z' },
  999: { id: 999 },
};
const reasons = [/23502.*column "text"/, /23514.*constraint/, /23505/, /22001/, /no time that exists/, /23502/];

for (const connections of [1, 3]) {
  test(`loads a table by its columns' names over ${connections} connections, and a second run does nothing`, async () => {
    const connectionString = await database();
    const options = { connectionString, table: 'messages', connections, batchRecords: 100 };
    assert.equal((await load(messages(1000), options).run()).counts.written, 1000);
    const rows = await query(
      connectionString,
      `select count(*)::int as n, min(text) as text, max(sent)::text as sent, sum((doc->>'n')::int)::int as sum from messages`,
    );
    assert.deepEqual(rows, [{ n: 1000, text: 'text 0 é', sent: '2026-01-02 03:04:05.000006+00', sum: 499500 }]);
    assert.equal((await load(messages(1000), options).run()).status, 'unchanged');
  });

  test(`a bad row costs one row, whatever is wrong with it, over ${connections} connections`, async (t) => {
    const to = await rejectFile(t);
    const connectionString = await database(
      `${table}; alter table messages add check (text <> 'forbidden'), alter column text type varchar(40)`,
    );
    const records = messages(1000).map((record, index) => bad[index] ?? record);
    const report = await load(
      records,
      { connectionString, table: 'messages', connections, batchRecords: 250 },
      { to },
    ).run();
    assert.deepEqual([report.counts.written, report.counts.rejected], [994, 6]);
    const rejects = (await readFile(to, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { at: string; reason: string });
    assert.deepEqual(
      rejects.map(({ at }) => Number(at.split(':')[1])).sort((a, b) => a - b),
      Object.keys(bad).map(Number),
    );
    const byPlace = new Map(rejects.map(({ at, reason }) => [Number(at.split(':')[1]), reason]));
    for (const [order, place] of Object.keys(bad).entries())
      assert.match(byPlace.get(Number(place)) ?? '', reasons[order] ?? /never/);
    const rows = await query(
      connectionString,
      'select count(*)::int as n, (select text from messages where id = 5) as five from messages',
    );
    assert.deepEqual(rows, [{ n: 994, five: 'text 5 é' }]);
  });
}

test('an error without a line, such as a missing reference, is narrowed down', async (t) => {
  const to = await rejectFile(t);
  const connectionString = await database(
    'create table chats (id int primary key); insert into chats select generate_series(0, 10); create table messages (id bigint, chat int references chats)',
  );
  const records = Array.from({ length: 400 }, (_, id) => ({ id, chat: id === 33 || id === 399 ? 99 : id % 10 }));
  const report = await load(records, { connectionString, table: 'messages', batchRecords: 200 }, { to }).run();
  assert.deepEqual([report.counts.written, report.counts.rejected], [398, 2]);
  assert.match(await readFile(to, 'utf8'), /23503/);
});

test('without a reject policy the first bad row stops the run, nothing of its transaction stays, and a mended one goes on', async () => {
  const connectionString = await database();
  const records = messages(300);
  records[250] = { id: 250, text: null };
  const options = { connectionString, table: 'messages', batchRecords: 100 };
  const error = await failure(load(records, options).run());
  assert.equal(error.code, 'ETL_RECORD_REJECTED');
  assert.match(error.describe(), /23502/);
  assert.equal(reportOf(error)?.counts.written, 200);
  assert.deepEqual(await query(connectionString, 'select count(*)::int as n from messages'), [{ n: 200 }]);
  records[250] = { id: 250, text: 'mended' };
  assert.equal((await load(records, options).run()).counts.written, 300);
  assert.deepEqual(await query(connectionString, 'select count(*)::int as n from messages'), [{ n: 300 }]);
});

test('upsert takes the last of a key, leaves equal rows alone, and counts what it left', async () => {
  const connectionString = await database();
  await load(messages(10), { connectionString, table: 'messages' }).run();
  const before = await query(connectionString, 'select id, xmin::text from messages where id < 8 order by id');
  const changed = [...messages(8), { id: 8, text: 'first' }, { id: 8, text: 'last' }, { id: 10, text: 'new' }];
  const report = await load(
    changed,
    { connectionString, table: 'messages', mode: 'upsert', columns: { id: 'id', text: 'text' } },
    { name: 'second' },
  ).run();
  assert.deepEqual([report.counts.written, report.counts.skipped], [2, 9]);
  const rows = await query(connectionString, 'select id::int, text from messages where id >= 8 order by id');
  assert.deepEqual(rows, [
    { id: 8, text: 'last' },
    { id: 9, text: 'text 9 é' },
    { id: 10, text: 'new' },
  ]);
  assert.deepEqual(
    await query(connectionString, 'select id, xmin::text from messages where id < 8 order by id'),
    before,
  );
});

test('upsert over several connections keeps the order of each key', async () => {
  const connectionString = await database();
  const records = Array.from({ length: 3000 }, (_, index) => ({ id: index % 7, text: String(index) }));
  await load(records, { connectionString, table: 'messages', mode: 'upsert', connections: 4, batchRecords: 50 }).run();
  const rows = await query(connectionString, 'select text from messages order by text');
  assert.deepEqual(
    rows.map(({ text }) => text),
    ['2993', '2994', '2995', '2996', '2997', '2998', '2999'],
  );
});

test('skip-existing leaves what is there', async () => {
  const connectionString = await database(`${table}; insert into messages values (1, 'old')`);
  const report = await load(messages(3), { connectionString, table: 'messages', mode: 'skip-existing' }).run();
  assert.deepEqual([report.counts.written, report.counts.skipped], [2, 1]);
  assert.deepEqual(await query(connectionString, 'select text from messages where id = 1'), [{ text: 'old' }]);
});

test('replace shows the old rows until the run is finished, also when it was broken in between', async () => {
  const connectionString = await database(
    `${table}; insert into messages values (77, 'old'); create view seen as select * from messages`,
  );
  const options = { connectionString, table: 'messages', mode: 'replace' as const, batchRecords: 50 };
  const failing = arraySource<unknown>(messages(200), { batchSize: 50, failAt: 150 });
  await failure(pipeline(failing, { name: 'load' }).to(postgresSink(options)).run());
  assert.deepEqual(await query(connectionString, 'select id::int from seen'), [{ id: 77 }]);
  assert.equal((await load(messages(200), options).run()).counts.written, 200);
  assert.deepEqual(await query(connectionString, 'select count(*)::int as n, min(id)::int as first from seen'), [
    { n: 200, first: 0 },
  ]);
  assert.equal((await load(messages(200), options).run()).status, 'unchanged');
  assert.deepEqual(await query(connectionString, "select to_regclass('messages_etl_new') as beside"), [
    { beside: null },
  ]);
  await load([], options, { name: 'empty' }).run();
  assert.deepEqual(await query(connectionString, 'select count(*)::int as n from seen'), [{ n: 0 }]);
});

test('whole records go into a document column, their text untouched, and what jsonb refuses is mended', async () => {
  const connectionString = await database('create table docs (doc jsonb not null)');
  const values = [
    { id: 1, text: 'a\0b' },
    { id: 2, text: '\ud83d' },
    { id: 3, text: '\\u0000' },
    { id: 4 },
    { id: 5, text: 'é' },
  ];
  const source: Source<unknown> = {
    role: 'source',
    name: 'text',
    async *read() {
      yield jsonBatch(encodeJsonRecords(values), { cursor: 1 });
    },
  };
  const report = await pipeline(source, { name: 'docs' })
    .to(postgresSink({ connectionString, table: 'docs', document: 'doc' }))
    .run();
  assert.equal(report.counts.written, 5);
  assert.deepEqual(report.findings, { 'changed: not storable (replace)': 2 });
  const rows = await query(connectionString, `select doc from docs order by (doc->>'id')::int`);
  assert.deepEqual(
    rows.map(({ doc }) => doc),
    [
      { id: 1, text: 'a\ufffdb' },
      { id: 2, text: '\ufffd' },
      { id: 3, text: '\\u0000' },
      { id: 4 },
      { id: 5, text: 'é' },
    ],
  );
});

test('makes the table from the records when asked to', async () => {
  const connectionString = await database('select 1');
  const records = [
    { id: 1, name: 'a', at: '2026-01-01T00:00:00Z', score: 1.5, ok: true, tags: ['x'] },
    { id: 2, name: null, at: '2026-01-02T00:00:00Z', score: 2, ok: false, tags: [] },
  ];
  await load(records, { connectionString, table: 'things', createTable: true, key: ['id'] }).run();
  const columns = await query(
    connectionString,
    `select data_type as type from information_schema.columns where table_name = 'things' order by ordinal_position`,
  );
  assert.deepEqual(
    columns.map(({ type }) => type),
    ['bigint', 'text', 'timestamp with time zone', 'double precision', 'boolean', 'jsonb'],
  );
  assert.deepEqual(await query(connectionString, 'select name, tags from things order by id'), [
    { name: 'a', tags: ['x'] },
    { name: null, tags: [] },
  ]);
});

test('types without an encoder of ours are cast by the server, and what it refuses costs one row', async (t) => {
  const to = await rejectFile(t);
  const connectionString = await database(
    `create type mood as enum ('sad', 'ok'); create table t (n numeric(30, 3), m mood, i inet)`,
  );
  const records = [
    { n: '123456789012345678901234.5', m: 'ok', i: '10.0.0.1' },
    { n: 1, m: 'angry', i: null },
    { n: 'x', m: 'sad', i: null },
    { n: null, m: 'sad', i: null },
  ];
  const report = await load(records, { connectionString, table: 't' }, { to }).run();
  assert.deepEqual([report.counts.written, report.counts.rejected], [2, 2]);
  const rows = await query(connectionString, 'select n::text, m::text, i::text from t order by n');
  assert.deepEqual(rows, [
    { n: '123456789012345678901234.500', m: 'ok', i: '10.0.0.1/32' },
    { n: null, m: 'sad', i: null },
  ]);
});

test('sessions that the server ends in the middle are opened again, and nothing is written twice', async () => {
  const connectionString = await database();
  let ended = 0;
  const whole = arraySource<unknown>(messages(2000), { batchSize: 50 });
  const interrupting: Source<unknown> = {
    ...whole,
    async *read(ctx) {
      let batches = 0;
      for await (const batch of whole.read(ctx)) {
        yield batch;
        batches += 1;
        if (batches % 10 !== 0) continue;
        // Only the loading sessions: they have nothing in common with the ledger's but the name's first word.
        const sql = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'threadmill' and datname = current_database() and state <> 'active'`;
        ended += (await query(connectionString, sql)).length;
      }
    },
  };
  const report = await pipeline(interrupting, { name: 'load' })
    .to(postgresSink({ connectionString, table: 'messages', batchRecords: 100, connections: 2 }))
    .run()
    .catch((error: unknown) => error);
  assert.ok(ended > 0, 'no session was ended');
  assert.ok(!(report instanceof Error), String(report));
  assert.deepEqual(
    await query(connectionString, 'select count(*)::int as n, count(distinct id)::int as ids from messages'),
    [{ n: 2000, ids: 2000 }],
  );
});

const wrong: readonly { name: string; options: Partial<PostgresSinkOptions>; says: RegExp }[] = [
  { name: 'no such table', options: { table: 'nowhere' }, says: /createTable/ },
  { name: 'no such column', options: { columns: { nope: 'id' } }, says: /it has id, text, sent, doc/ },
  { name: 'a document column of another type', options: { document: 'text' }, says: /json or jsonb/ },
  { name: 'upsert without its key', options: { mode: 'upsert', columns: { text: 'text' } }, says: /key column id/ },
];

test('options that do not fit the table are refused with what there is', async (t) => {
  const connectionString = await database();
  for (const { name, options, says } of wrong) {
    await t.test(name, async () => {
      const error = await failure(load(messages(1), { connectionString, table: 'messages', ...options }).run());
      assert.equal(error.code, 'ETL_CONFIG_INVALID');
      assert.match(error.describe(), says);
    });
  }
});
