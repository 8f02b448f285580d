import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EtlError } from '../../../src/errors.ts';
import { databaseAccounts } from '../../../src/jobs/onyx-accounts.ts';
import { repairOnyx } from '../../../src/jobs/onyx-repair.ts';
import { onyxRuns, undoOnyx } from '../../../src/jobs/onyx-undo.ts';
import { verifyOnyx } from '../../../src/jobs/onyx-verify.ts';
import type { Conversation } from '../../../src/models/conversation.ts';
import { pipeline } from '../../../src/pipeline.ts';
import { onyxSink } from '../../../src/sinks/onyx.ts';
import { arraySource } from '../../helpers/memory.ts';
import { onyxChats, shortConversation } from '../../helpers/onyx/conversations.ts';
import { olderOnyxDatabase, onyxDatabase, onyxInvariants } from '../../helpers/onyx/database.ts';
import { query } from '../../helpers/postgres.ts';

const load = (connectionString: string, records: readonly Conversation[], name = 'import') =>
  pipeline(arraySource(records, { batchSize: 3 }), { name })
    .to(onyxSink({ connectionString, batchRecords: 6, connections: 2, users: 'create' }))
    .run();

const toolTable = `create table tool (id serial primary key, name varchar not null, description text, in_code_tool_id varchar, display_name varchar)`;

/** Rules of the older tables that have no foreign keys to hold them. */
const broken = `
  with m as (select * from chat_message),
  children as (select distinct parent_message as id from m where parent_message is not null)
  select 'roots' as rule from m where parent_message is null group by chat_session_id having count(*) <> 1
  union all select 'parent' from m left join m p on p.id = m.parent_message
    where m.parent_message is not null and (p.chat_session_id is distinct from m.chat_session_id or p.id >= m.id or p.time_sent >= m.time_sent)
  union all select 'no shown child' from m join children using (id) where latest_child_message is null
  union all select 'shown child' from m left join m c on c.id = m.latest_child_message
    where m.latest_child_message is not null and c.parent_message is distinct from m.id`;

test('tables of older releases are filled as far as they go, and what they cannot hold is counted:', async (t) => {
  for (const generation of ['A', 'B'] as const) {
    await t.test(`generation ${generation}`, async () => {
      const url = await olderOnyxDatabase(generation);
      await query(url, toolTable);
      const records = [
        ...onyxChats(11),
        shortConversation('u1 a1<u1', {
          id: '0b5f9d1e-0000-4000-8000-000000000099',
          key: 'in-a-project',
          project: { id: 'p', name: 'Plans' },
          owner: { id: 'new', email: 'New@example.org', name: 'New' },
        }),
      ];
      const report = await load(url, records);
      assert.equal(report.counts.written, 12);
      assert.deepEqual(await query(url, broken), []);
      const [calls] = await query(url, 'select count(*)::int as n, min(tool_result::text) as result from tool_call');
      assert.deepEqual(calls, { n: 9, result: '"seen"' });
      const [models] = await query(
        url,
        'select count(*)::int as n from chat_message where overridden_model is not null',
      );
      assert.equal(models?.['n'], 6, 'of answers side by side one is named');
      const found = JSON.stringify(report.findings);
      assert.match(found, /thought \(Onyx before v2.6\)/);
      assert.equal(found.includes('project (Onyx before v1.10)'), generation === 'A');
      const made = await query(url, `select role, personal_name from "user" where email = 'new@example.org'`);
      assert.deepEqual(made, [{ role: 'BASIC', personal_name: 'New' }]);

      assert.deepEqual((await load(url, records, 'again')).counts.written, 0);
      const verified = await verifyOnyx(arraySource(records), { connectionString: url });
      assert.deepEqual(verified.differences.first, []);
      for (const [column, value] of Object.entries({
        tool_name: `'other'`,
        tool_arguments: `'{"at": 2}'`,
        tool_result: `'"other"'`,
        tool_id: '0',
      })) {
        const [before] = await query(url, 'select * from tool_call order by id limit 1');
        await query(url, `update tool_call set ${column} = ${value} where id = $1`, [before?.['id']]);
        const { differences } = await verifyOnyx(arraySource(records), { connectionString: url });
        assert.deepEqual(
          differences.first.map(({ kind, sourceId, fields }) => [kind, sourceId, fields]),
          [['message', 'a1', ['tool calls']]],
          column,
        );
        const put =
          column.startsWith('tool_a') || column === 'tool_result' ? JSON.stringify(before?.[column]) : before?.[column];
        await query(url, `update tool_call set ${column} = $2 where id = $1`, [before?.['id'], put]);
      }
      await query(url, `update chat_message set latest_child_message = null where message = 'u1'`);
      const repaired = await repairOnyx({ connectionString: url, kind: 'latest-child', all: true, apply: true });
      assert.equal(repaired.repaired, 10);
      assert.deepEqual(await query(url, broken), []);
      const [run] = await onyxRuns(url);
      await undoOnyx({ connectionString: url, run: run?.run ?? '', apply: true });
      const [left] = await query(
        url,
        'select (select count(*) from chat_message)::int + (select count(*) from tool_call)::int as n',
      );
      assert.equal(left?.['n'], 0);
      assert.equal((await load(url, records)).counts.written, 12, 'the same import brings them in anew');
    });
  }
});

test('where there is no table of tools, calls are left behind and counted', async () => {
  const url = await olderOnyxDatabase('B');
  const report = await load(url, onyxChats(3));
  assert.equal(report.counts.written, 3);
  assert.match(JSON.stringify(report.findings), /tool call \(Onyx before v2.6\)/);
  const [run] = await onyxRuns(url);
  await undoOnyx({ connectionString: url, run: run?.run ?? '', apply: true });
  assert.deepEqual(await query(url, 'select count(*)::int as n from chat_session'), [{ n: 0 }]);
  assert.equal((await load(url, onyxChats(3))).counts.written, 3);
});

test('columns that only newer releases have are filled where they are', async () => {
  const newer = [
    'processing_duration_seconds',
    'last_summarized_message_id',
    'preferred_response_id',
    'request_params',
    'model_display_name',
  ];
  const url = await onyxDatabase();
  for (const column of newer) await query(url, `alter table chat_message drop column ${column}`);
  await query(url, 'alter table chat_session drop column reasoning_effort_override, drop column incognito_record_mode');
  const records = onyxChats(9);
  assert.equal((await load(url, records)).counts.written, 9);
  assert.deepEqual((await verifyOnyx(arraySource(records), { connectionString: url })).differences.first, []);
  const [run] = await onyxRuns(url);
  await undoOnyx({ connectionString: url, run: run?.run ?? '', apply: true });
  assert.deepEqual(await query(url, 'select count(*)::int as n from chat_message'), [{ n: 0 }]);
});

test('a right that is missing stops the import before anything is written, and names it', async () => {
  const changes: readonly (readonly [sql: string, said: RegExp])[] = [
    [
      'revoke insert on chat_message from writer',
      /lacks rights: INSERT on public\.chat_message[^]*GRANT INSERT ON public\.chat_message TO writer/,
    ],
    [
      'revoke usage on sequence chat_message_id_seq from writer',
      /may not take ids from public.chat_message_id_seq[^]*TO writer/,
    ],
    ['revoke create on database %D from writer', /may not make the schema "etl"/],
  ];
  for (const [sql, said] of changes) {
    const url = await onyxDatabase();
    const database = new URL(url).pathname.slice(1);
    await query(
      url,
      `do $$ begin create role writer login password 'x'; exception when duplicate_object then null; end $$;
       grant select, insert on all tables in schema public to writer; grant usage on all sequences in schema public to writer;
       grant create on database ${database} to writer`,
    );
    await query(url, sql.replace('%D', database));
    const writer = Object.assign(new URL(url), { username: 'writer', password: 'x' }).href;
    await assert.rejects(load(writer, onyxChats(2)), (error: unknown) => {
      assert.ok(error instanceof EtlError);
      assert.equal(error.code, 'ETL_AUTH_FAILED', error.message);
      assert.match(error.describe(), said);
      return true;
    });
    const [own] = await query(url, "select to_regnamespace('etl') is null as none");
    assert.equal(own?.['none'], true, 'nothing of ours is there');
    assert.deepEqual(await query(url, 'select count(*)::int as n from chat_session'), [{ n: 0 }]);
    await query(url, sql.replace('%D', database).replace('revoke', 'grant').replace('from', 'to'));
    assert.equal((await load(writer, onyxChats(2))).counts.written, 2, 'with these rights, and no others, it works');
  }
});

test('each work asks for the rights that it needs, and says how to grant them', async () => {
  const url = await onyxDatabase(['ana@example.org', 'ben@example.org']);
  const records = onyxChats(3);
  await load(url, records);
  const limited = Object.assign(new URL(url), { username: 'worker', password: 'x' }).href;
  await query(
    url,
    `do $$ begin create role worker login password 'x'; exception when duplicate_object then null; end $$;
     grant select on all tables in schema public to worker`,
  );
  const [run] = await onyxRuns(url);
  const signal = AbortSignal.timeout(60_000);
  const works: readonly (readonly [name: string, work: () => Promise<unknown>, said: RegExp, rights: string])[] = [
    [
      'verify',
      () => verifyOnyx(arraySource(records), { connectionString: limited }),
      /may not use the schema "etl"[^]*GRANT USAGE ON SCHEMA etl TO worker; GRANT SELECT ON ALL TABLES/,
      'grant usage on schema etl to worker; grant select on all tables in schema etl to worker',
    ],
    ['undo, only said', () => undoOnyx({ connectionString: limited, run: run?.run ?? '' }), /^$/, ''],
    [
      'repair',
      () => repairOnyx({ connectionString: limited, kind: 'latest-child', all: true, apply: true }),
      /may not use the schema "etl"[^]*GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA etl TO worker/,
      `grant create on schema etl to worker; grant select, insert, update, delete on all tables in schema etl to worker;
       grant update on chat_message to worker; grant insert on chat_message__search_doc to worker`,
    ],
    [
      'accounts',
      () => databaseAccounts(limited, 'public', signal).then((accounts) => accounts.close()),
      /INSERT.* on public\."user"[^]*GRANT INSERT.* ON public\."user" TO worker/,
      'grant insert, update, delete on "user" to worker',
    ],
    [
      'import',
      () => load(limited, records, 'again'),
      /INSERT on public\.chat_message;[^]*GRANT INSERT ON public\.chat_session TO worker/,
      `grant insert on chat_session, chat_message, tool_call, search_doc, chat_feedback, tool, user_project to worker;
       grant usage on all sequences in schema public to worker`,
    ],
    [
      'undo',
      () => undoOnyx({ connectionString: limited, run: run?.run ?? '', apply: true }),
      /DELETE on public\.chat_message__search_doc[^]*GRANT DELETE ON public\.chat_feedback TO worker/,
      'grant delete on all tables in schema public to worker',
    ],
  ];
  for (const [name, work, said, rights] of works) {
    if (rights !== '') {
      await assert.rejects(work(), (error: unknown) => {
        assert.ok(error instanceof EtlError, name);
        assert.equal(error.code, 'ETL_AUTH_FAILED', `${name}: ${error.message}`);
        assert.match(error.describe(), said);
        return true;
      });
      await query(url, rights);
    }
    await work();
  }
  assert.deepEqual(await query(url, 'select count(*)::int as n from chat_session'), [{ n: 0 }]);
});

test('what a load leaves behind in the tables keeps every rule', async () => {
  const url = await onyxDatabase();
  await load(url, onyxChats(40));
  assert.deepEqual(await onyxInvariants(url), []);
});
