import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { EtlError } from '../../src/errors.ts';
import { pipeline } from '../../src/pipeline.ts';
import type { RunReport } from '../../src/report.ts';
import { postgresSink, type PostgresSinkOptions } from '../../src/sinks/postgres.ts';
import type { Source } from '../../src/stage.ts';
import { sampleSource } from '../../src/testing/index.ts';
import { postgresForTests, query } from '../helpers/postgres.ts';

async function database(sql: string): Promise<string> {
  const url = await (await postgresForTests()).database();
  await query(url, sql);
  return url;
}

interface Loaded {
  readonly report: RunReport;
  /** Ids of what was rejected, and why. */
  readonly rejected: readonly (readonly [unknown, string])[];
}

type Options = Omit<PostgresSinkOptions, 'table'> & { readonly asText?: boolean };

/** Loads into the table `t`; what does not pass goes to a file. */
async function load(
  t: TestContext,
  records: readonly unknown[],
  { asText = true, ...options }: Options,
): Promise<Loaded> {
  const directory = await mkdtemp(join(tmpdir(), 'etl-pg-'));
  t.after(() => rm(directory, { recursive: true }));
  const to = join(directory, 'rejects.jsonl');
  const report = await pipeline(sampleSource(records, { batchSize: 20, asText }), { name: 'load', onReject: { to } })
    .to(postgresSink({ table: 't', batchRecords: 100, ...options }))
    .run();
  const lines = report.counts.rejected === 0 ? [] : (await readFile(to, 'utf8')).trim().split('\n');
  const rejected = lines.map((line) => {
    const { record, reason } = JSON.parse(line) as { record: { id?: unknown }; reason: string };
    return [record?.id, reason] as const;
  });
  return { report, rejected };
}

async function failure(promise: Promise<unknown>): Promise<EtlError> {
  const error: unknown = await promise.then(
    () => assert.fail('did not fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof EtlError, String(error));
  return error;
}

const count = async (url: string): Promise<unknown> => (await query(url, 'select count(*)::int as n from t'))[0]?.['n'];
const rows = (number: number): { id: number; text: string | null }[] =>
  Array.from({ length: number }, (_, id) => ({ id, text: `text ${id}` }));

/** Rules that only the server knows, and what it says when one in fifty rows breaks them. */
const rules: readonly { name: string; sql: string; state: RegExp }[] = [
  { name: 'not null', sql: `create table t (id int, text text not null)`, state: /23502.*column "text"/ },
  {
    name: 'a check',
    sql: `create table t (id int, text text check (text is not null))`,
    state: /23514.*constraint "t_text_check"/,
  },
  { name: 'a length', sql: `create table t (id int, text text, short varchar(3))`, state: /22001/ },
  {
    name: 'a domain',
    sql: `create domain named as text check (value is not null); create table t (id int, text named)`,
    state: /23514/,
  },
  {
    name: 'a trigger',
    sql: `create table t (id int, text text);
      create function refuse() returns trigger language plpgsql as $$ begin if new.text is null then raise exception 'no text'; end if; return new; end $$;
      create trigger refuse before insert on t for each row execute function refuse()`,
    state: /no text \[P0001\]/,
  },
  {
    name: 'a reference',
    sql: `create table parent (id int primary key); insert into parent select n from generate_series(0, 999) n where n % 50 <> 49;
      create table t (id int references parent, text text)`,
    state: /23503.*constraint "t_id_fkey"/,
  },
  {
    name: 'a reference that is checked at COMMIT',
    sql: `create table parent (id int primary key); insert into parent select n from generate_series(0, 999) n where n % 50 <> 49;
      create table t (id int references parent deferrable initially deferred, text text)`,
    state: /23503/,
  },
  {
    name: 'a key that is there',
    sql: `create table t (id int primary key, text text); insert into t select n from generate_series(49, 999, 50) n`,
    state: /23505.*constraint "t_pkey"/,
  },
  {
    name: 'an exclusion',
    sql: `create table t (id int, text text, exclude using btree (id with =)); insert into t select n from generate_series(49, 999, 50) n`,
    state: /23P01/,
  },
  {
    name: 'a label that there is none of',
    sql: `create type label as enum ('good'); create table t (id int, text text, label label)`,
    state: /22P02|22P03/,
  },
  {
    name: 'text for a type without a binary form',
    sql: `create table t (id int, text text, address inet)`,
    state: /22P02/,
  },
];

for (const connections of [1, 3]) {
  for (const { name, sql, state } of rules) {
    test(`one in fifty rows breaks ${name}: those rows are rejected, over ${connections} connections`, async (t) => {
      const connectionString = await database(sql);
      const before = Number(await count(connectionString));
      const records = rows(1000).map((row) =>
        row.id % 50 === 49
          ? { id: row.id, text: null, short: 'long', label: 'bad', address: 'nowhere' }
          : { ...row, short: 'abc', label: 'good', address: '10.0.0.1' },
      );
      const { report, rejected } = await load(t, records, { connectionString, connections });
      assert.deepEqual([report.counts.written, report.counts.rejected], [980, 20]);
      assert.deepEqual(
        rejected.map(([id]) => id),
        Array.from({ length: 20 }, (_, index) => index * 50 + 49),
      );
      for (const [, reason] of rejected) assert.match(reason, state);
      assert.equal(await count(connectionString), 980 + before);
    });
  }
}

test('a row that refers to a later one of the same load passes, also beside bad rows', async (t) => {
  const connectionString = await database(
    'create table t (id int primary key, parent int references t, text text not null)',
  );
  // Each refers to the next, in pairs; one has no text, and one refers to what there is not.
  const records = rows(400).map((row) => ({ ...row, parent: row.id % 2 === 0 ? row.id + 1 : null }));
  const broken = records.map((row) =>
    row.id === 51 ? { ...row, text: null } : row.id === 150 ? { ...row, parent: -1 } : row,
  );
  const { report, rejected } = await load(t, broken, { connectionString });
  // 50 refers to 51.
  assert.deepEqual(
    rejected.map(([id]) => id),
    [50, 51, 150],
  );
  assert.equal(report.counts.written, 397);
});

test('of rows with one key beside each other over several connections the first is kept, and the others are rejected', async (t) => {
  const connectionString = await database('create table t (id int primary key, text text)');
  // The same keys again and again, in another order: loads beside each other wait for one another's rows.
  const records = Array.from({ length: 2000 }, (_, place) => ({ id: (place * 7) % 400, text: String(place) }));
  const first = new Map<number, string>();
  for (const { id, text } of records) if (!first.has(id)) first.set(id, text);
  const { report } = await load(t, records, { connectionString, connections: 4 });
  assert.deepEqual([report.counts.written, report.counts.rejected], [400, 1600]);
  const stored = await query(connectionString, 'select id, text from t order by id');
  assert.deepEqual(
    stored,
    [...first].sort(([a], [b]) => a - b).map(([id, text]) => ({ id, text })),
  );
});

/** A trigger that does something in the middle of the third load's COPY, once: a sequence counts through rollbacks. */
const once = (what: string): string => `create table t (id int primary key, text text); create sequence rows_seen;
  create function act() returns trigger language plpgsql as $$
  begin if nextval('rows_seen') = 250 then ${what}; end if; return new; end $$;
  create trigger act before insert on t for each row execute function act()`;
const interruptions: readonly { name: string; sql: string }[] = [
  { name: 'its session is ended', sql: once('perform pg_terminate_backend(pg_backend_pid())') },
  { name: 'a deadlock is broken', sql: once(`raise exception 'deadlock' using errcode = '40P01'`) },
  { name: 'the transaction cannot be serialized', sql: once(`raise exception 'serialize' using errcode = '40001'`) },
];

for (const connections of [1, 3]) {
  for (const { name, sql } of interruptions) {
    test(`in the middle of a COPY ${name}: the load is repeated and every row is there once, over ${connections} connections`, async (t) => {
      const connectionString = await database(sql);
      const { report } = await load(t, rows(600), { connectionString, connections });
      assert.deepEqual([report.counts.written, report.counts.rejected], [600, 0]);
      assert.equal(await count(connectionString), 600);
      const [seen] = await query(connectionString, 'select last_value::int as n from rows_seen');
      assert.ok(Number(seen?.['n']) > 600, 'rows were sent again');
    });
  }
}

test('two transactions that really lock one another: the run goes on', async (t) => {
  const connectionString = await database(
    `create table t (id int primary key, text text); insert into t values (5, 'old'), (305, 'old')`,
  );
  const { Client } = (await import('pg')).default;
  const other = new Client({ connectionString });
  await other.connect();
  await other.query('begin; update t set text = $$other$$ where id = 305');
  let answer: Promise<unknown> = Promise.resolve();
  const sample = sampleSource(rows(400), { batchSize: 400 });
  const source: Source<unknown> = {
    ...sample,
    async *read(ctx) {
      yield* sample.read(ctx);
      // By now the load has row 5 or waits for it; this waits for the load, and the load for row 305.
      answer = other.query('update t set text = $$other$$ where id = 5; commit');
    },
  };
  const report = await pipeline(source, { name: 'load' })
    .to(postgresSink({ connectionString, table: 't', mode: 'upsert' }))
    .run();
  await answer.catch(() => other.query('rollback'));
  await other.end();
  assert.equal(report.counts.written + report.counts.skipped, 400);
  t.diagnostic(`${report.warnings.length} tries again`);
  assert.equal(await count(connectionString), 400);
});

test('a run that lost its place to another cannot write any more', async () => {
  const connectionString = await database('create table t (id int primary key, text text)');
  const sink = () => postgresSink({ connectionString, table: 't', batchRecords: 20 });
  const sample = sampleSource(rows(200), { batchSize: 20 });
  let second: RunReport | undefined;
  const overtaken: Source<unknown> = {
    ...sample,
    async *read(ctx) {
      let batches = 0;
      for await (const batch of sample.read(ctx)) {
        batches += 1;
        if (batches === 5) {
          // A second run while the first one lives is refused; its lock goes with its session.
          const locked = await failure(pipeline(sample, { name: 'load' }).to(sink()).run());
          assert.equal(locked.code, 'ETL_RUN_LOCKED');
          await query(
            connectionString,
            `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'threadmill: load'`,
          );
          second = await pipeline(sample, { name: 'load' }).to(sink()).run();
        }
        yield batch;
      }
    },
  };
  const error = await failure(pipeline(overtaken, { name: 'load' }).to(sink()).run());
  assert.equal(error.code, 'ETL_RUN_LOCKED');
  assert.equal(second?.status, 'finished');
  assert.equal(await count(connectionString), 200);
});

test('a role without the right to write, or to keep progress, is told so, and nothing is there', async () => {
  const role = `reader_${process.pid}`;
  const connectionString = await database(`create table t (id int, text text); create role ${role} login password 'p'`);
  const limited = Object.assign(new URL(connectionString), { username: role, password: 'p' }).href;
  const running = () =>
    pipeline(sampleSource(rows(10)), { name: 'load' })
      .to(postgresSink({ connectionString: limited, table: 't' }))
      .run();
  const noSchema = await failure(running());
  assert.equal(noSchema.code, 'ETL_AUTH_FAILED');
  assert.match(noSchema.describe(), /create schema etl authorization/);
  await query(connectionString, `create schema etl authorization ${role}`);
  const noTable = await failure(running());
  assert.equal(noTable.code, 'ETL_AUTH_FAILED');
  assert.match(noTable.describe(), /permission denied for table t.*42501/);
  await query(connectionString, `grant insert on t to ${role}`);
  assert.equal((await running()).counts.written, 10);
  await query(connectionString, `drop owned by ${role}; drop role ${role}`);
});

test('a disk that is full stops the run; with room again it goes on and every row is there once', async (t) => {
  const disk = await mkdtemp(join(tmpdir(), 'etl-disk-'));
  t.after(() => rm(disk, { recursive: true, force: true }));
  const owner = spawnSync('id', ['-u', 'postgres'], { encoding: 'utf8' }).stdout.trim();
  const size = `size=6m,uid=${owner},mode=0700`;
  const isOurs = process.env['POSTGRES_URL'] === undefined;
  if (!isOurs || spawnSync('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', disk]).status !== 0) {
    t.skip('needs the right to mount a small file system, and the server of the tests');
    return;
  }
  const connectionString = await database('select 1');
  try {
    await query(connectionString, `create tablespace tiny_${process.pid} location '${disk}'`);
    await query(
      connectionString,
      `create table t (id int primary key, text text) tablespace tiny_${process.pid}; alter table t alter text set storage plain`,
    );
    const records = rows(3000).map((row) => ({ ...row, text: `${row.id} ${'x'.repeat(4000)}` }));
    const running = () =>
      pipeline(sampleSource(records, { batchSize: 50 }), { name: 'load' })
        .to(postgresSink({ connectionString, table: 't', batchRecords: 100 }))
        .run();
    const error = await failure(running());
    assert.equal(error.code, 'ETL_SINK_FAILED');
    assert.match(error.describe(), /53100/);
    execFileSync('mount', ['-o', 'remount,size=64m', disk]);
    assert.equal((await running()).counts.written, 3000);
    assert.equal(await count(connectionString), 3000);
  } finally {
    await query(connectionString, `drop table if exists t`);
    await query(connectionString, `drop tablespace if exists tiny_${process.pid}`);
    execFileSync('umount', [disk]);
  }
});

const unstorable = [
  { id: 1, text: 'a\0b', doc: { 'k\0': '\ud83d' } },
  { id: 2, text: 'fine', doc: { text: '\\u0000 stays' } },
];
const policies: readonly { policy: PostgresSinkOptions['unstorable']; first: unknown; changes: number }[] = [
  { policy: 'replace', first: { id: 1, text: 'a\ufffdb', doc: { 'k\ufffd': '\ufffd' } }, changes: 3 },
  { policy: 'strip', first: { id: 1, text: 'ab', doc: { k: '' } }, changes: 3 },
  { policy: 'reject', first: undefined, changes: 0 },
];

for (const asText of [true, false]) {
  test(`what cannot be stored is replaced, stripped or rejected, and counted, from ${asText ? 'JSON text' : 'objects'}`, async (t) => {
    for (const { policy, first, changes } of policies) {
      const connectionString = await database('create table t (id int, text text, doc jsonb)');
      const { report } = await load(t, unstorable, { connectionString, unstorable: policy, asText });
      const stored = await query(connectionString, 'select * from t order by id');
      assert.deepEqual(stored, [...(first === undefined ? [] : [first]), unstorable[1]], policy);
      assert.equal(report.counts.rejected, first === undefined ? 1 : 0);
      assert.deepEqual(report.findings, changes === 0 ? {} : { [`changed: not storable (${policy})`]: changes });
    }
    const connectionString = await database('create table t (id int, text text, doc jsonb)');
    const error = await failure(load(t, unstorable, { connectionString, unstorable: 'fail', asText }));
    assert.equal(error.code, 'ETL_RECORD_INVALID');
    assert.match(error.describe(), /NUL character/);
    assert.equal(await count(connectionString), 0);
  });
}

const far: readonly { at: unknown; late: boolean }[] = [
  { at: '+275760-09-13T00:00:00Z', late: true },
  { at: '999999-01-01T00:00:00Z', late: true },
  { at: 8_640_000_000_000_000, late: true },
  { at: '-099999-01-01T00:00:00Z', late: false },
  { at: -8_640_000_000_000_000, late: false },
];

test('times out of range are moved to infinity, left out, or rejected, and counted', async (t) => {
  const records = [...far.map(({ at }, id) => ({ id, at, day: at })), { id: 9, at: '2026-01-01T00:00:00Z', day: null }];
  const table = 'create table t (id int, at timestamptz, day date)';
  const select = 'select at::text, day::text from t where id < 9 order by id';
  for (const asText of [true, false]) {
    const replaced = await database(table);
    const { report } = await load(t, records, { connectionString: replaced, asText });
    assert.deepEqual(
      await query(replaced, select),
      far.map(({ late }) => ({ at: late ? 'infinity' : '-infinity', day: late ? 'infinity' : '-infinity' })),
    );
    assert.deepEqual(report.findings, { 'changed: not storable (replace)': 2 * far.length });

    const stripped = await database(table);
    const left = await load(t, records, { connectionString: stripped, unstorable: 'strip', asText });
    assert.deepEqual(
      await query(stripped, select),
      far.map(() => ({ at: null, day: null })),
    );
    assert.deepEqual(left.report.findings, { 'changed: not storable (strip)': 2 * far.length });

    const kept = await database(table);
    const rejecting = await load(t, records, { connectionString: kept, unstorable: 'reject', asText });
    assert.equal(rejecting.report.counts.rejected, far.length);
    assert.match(rejecting.report.rejects.reasons[0]?.reason ?? '', /out of range for a time \(column "at"\)/);

    const error = await failure(
      load(t, records, { connectionString: await database(table), unstorable: 'fail', asText }),
    );
    assert.match(error.describe(), /out of range for a time/);
  }
});

test('NaN and infinity in a document are never made null in silence', async (t) => {
  const records = [{ id: 1, doc: { a: [Number.NaN, null], b: Number.NEGATIVE_INFINITY } }];
  const connectionString = await database('create table t (id int, doc jsonb)');
  const { report } = await load(t, records, { connectionString, asText: false });
  assert.deepEqual(await query(connectionString, 'select doc from t'), [{ doc: { a: ['NaN', null], b: '-Infinity' } }]);
  assert.equal(report.findings['changed: not storable (replace)'], 2);
});

test('fields inside others, the last of several members with one name, and missing ones, from JSON text as from objects', async (t) => {
  const records = [
    { id: 1, author: { name: 'Ada', tags: ['x'] } },
    { id: 2, author: null },
    { id: 3 },
    { id: 4, author: 'text' },
  ];
  const columns = { id: 'id', name: 'author.name', tag: 'author.tags[0]', author: 'author' };
  const found: unknown[] = [];
  for (const asText of [true, false]) {
    const connectionString = await database('create table t (id int, name text, tag text, author jsonb)');
    await load(t, records, { connectionString, columns, asText });
    found.push(await query(connectionString, 'select * from t order by id'));
  }
  assert.deepEqual(found[0], found[1]);
  assert.deepEqual((found[0] as unknown[])[0], { id: 1, name: 'Ada', tag: 'x', author: { name: 'Ada', tags: ['x'] } });
});

test('unusual values among usual ones are written in their places, from JSON text as from objects', async (t) => {
  const records = rows(200).map((row) => {
    if (row.id % 7 === 3) return { ...row, text: row.id };
    if (row.id % 11 === 5) return { ...row, text: 'half a \ud800 pair' };
    return row.id % 13 === 6 ? { ...row, id: 'no number' } : row;
  });
  const found: unknown[] = [];
  for (const asText of [true, false]) {
    const connectionString = await database(
      'create table t (line int generated always as identity, id int, text text)',
    );
    const { rejected } = await load(t, records, { connectionString, columns: { id: 'id', text: 'text' }, asText });
    found.push([rejected, await query(connectionString, 'select id, text from t order by line')]);
  }
  assert.deepEqual(found[0], found[1]);
});

test('no more connections are opened than were asked for, also when loads were done before the next one came', async () => {
  const connectionString = await database(`create table t (id int, text text); create table session (pid int);
    create function note() returns trigger language plpgsql as $$
      begin insert into session values (pg_backend_pid()); return null; end $$;
    create trigger note after insert on t for each statement execute function note()`);
  const source: Source<unknown> = {
    role: 'source',
    name: 'in two parts',
    async *read() {
      yield { records: rows(5000), cursor: 1 };
      yield { records: rows(5000), cursor: 2 };
      while ((await count(connectionString)) !== 10_000);
      for (const cursor of [3, 4, 5, 6]) yield { records: rows(5000), cursor };
    },
  };
  await pipeline(source, { name: 'load' })
    .to(postgresSink({ connectionString, table: 't', batchRecords: 5000, connections: 2 }))
    .run();
  assert.equal(await count(connectionString), 30_000);
  const [found] = await query(connectionString, 'select count(distinct pid)::int as n from session');
  assert.equal(found?.['n'], 2);
});
