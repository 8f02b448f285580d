import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import type { Conversation } from '../../../src/models/conversation.ts';
import { pipeline } from '../../../src/pipeline.ts';
import { onyxSink, type OnyxSinkOptions } from '../../../src/sinks/onyx.ts';
import { arraySource } from '../../helpers/memory.ts';
import { chatId, shortConversation } from '../../helpers/onyx/conversations.ts';
import { onyxDatabase, onyxInvariants } from '../../helpers/onyx/database.ts';
import { query } from '../../helpers/postgres.ts';

const load = (url: string, records: readonly Conversation[], options: Partial<OnyxSinkOptions> = {}, name = 'import') =>
  pipeline(arraySource(records, { batchSize: 3 }), { name })
    .to(onyxSink({ connectionString: url, batchRecords: 6, ...options }))
    .run();

/** A conversation of three branches, the second of which is shown. */
const branchy = shortConversation('u1 a1<u1 a2<u1 u2<a1 u3<a1', { activeLeaf: 'u3', title: 'Tree' });
const titles = (url: string) =>
  query(
    url,
    `select description as title, string_agg(message, ' ' order by m.id) as messages from chat_session s
       join chat_message m on m.chat_session_id = s.id where message <> '' group by s.id, description order by 2`,
  );

test('a conversation with branches becomes a tree, a chat for each, one chat, or none', async (t) => {
  const cases = {
    tree: [{ title: 'Tree', messages: 'u1 a1 a2 u2 u3' }],
    active: [{ title: 'Tree', messages: 'u1 a1 u3' }],
    split: [
      { title: 'Tree (branch 2 of 3)', messages: 'u1 a1 u2' },
      { title: 'Tree', messages: 'u1 a1 u3' },
      { title: 'Tree (branch 1 of 3)', messages: 'u1 a2' },
    ],
    skip: [],
  } as const;
  for (const [branches, expected] of Object.entries(cases)) {
    await t.test(branches, async () => {
      const url = await onyxDatabase();
      const options = { branches: branches as keyof typeof cases };
      const { counts } = await load(url, [branchy], options);
      assert.deepEqual([counts.written, counts.skipped], branches === 'skip' ? [0, 1] : [1, 0]);
      assert.deepEqual(await titles(url), expected);
      assert.deepEqual(await onyxInvariants(url), []);
      assert.equal((await load(url, [branchy], options, 'again')).counts.written, 0);
      assert.deepEqual(await titles(url), expected);
    });
  }
});

test('a chat goes into the project of its source, of its first tag, or of archived ones', async (t) => {
  const records = [
    shortConversation('u1', {
      id: chatId(1),
      key: '1',
      title: '1',
      project: { id: 'p', name: 'Plans' },
      tags: ['work'],
    }),
    shortConversation('u1', { id: chatId(2), key: '2', title: '2', tags: ['work', 'more'] }),
    shortConversation('u1', { id: chatId(3), key: '3', title: '3', archived: true }),
  ];
  const cases: readonly (readonly [Partial<OnyxSinkOptions>, readonly string[]])[] = [
    [{}, ['1 Plans', '2 -', '3 -']],
    [{ projects: 'tag' }, ['1 Plans', '2 work', '3 -']],
    [{ projects: 'drop' }, ['1 -', '2 -', '3 -']],
    [{ archived: 'project' }, ['1 Plans', '2 -', '3 Archived']],
    [{ archived: 'skip' }, ['1 Plans', '2 -']],
  ];
  for (const [options, expected] of cases) {
    await t.test(JSON.stringify(options), async () => {
      const url = await onyxDatabase();
      await query(
        url,
        `insert into user_project (user_id, name) select id, 'work' from "user" where email like 'ana%'`,
      );
      await load(url, records, options);
      const rows = await query(
        url,
        `select s.description || ' ' || coalesce(p.name, '-') as chat from chat_session s left join user_project p on p.id = s.project_id order by 1`,
      );
      assert.deepEqual(
        rows.map(({ chat }) => chat),
        expected,
      );
      const [own] = await query(url, `select count(*)::int as n from user_project where name = 'work'`);
      assert.equal(own?.['n'], 1, "the owner's own project is taken");
    });
  }
});

test('an assistant is found by agent, model and endpoint, in a file or in the options', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'etl-onyx-'));
  t.after(() => rm(directory, { recursive: true }));
  const map = { agents: { agent_1: 'Writer' }, models: { 'gpt-4o': 7 }, endpoints: { azure: 7 } };
  const file = join(directory, 'personas.yaml');
  await writeFile(file, 'agents: { agent_1: Writer }\nmodels: { gpt-4o: 7 }\nendpoints:\n  azure: 7\n');
  const json = join(directory, 'personas.json');
  await writeFile(json, JSON.stringify(map));
  const settings: readonly Conversation['settings'][] = [
    { agentId: 'agent_1', model: 'gpt-4o' },
    { model: 'gpt-4o' },
    { endpoint: 'azure', model: 'other' },
    { model: 'other' },
  ];
  const records = settings.map((each, place) =>
    shortConversation('u1', { id: chatId(place), key: String(place), settings: each }),
  );
  const database = async (): Promise<string> => {
    const url = await onyxDatabase();
    await query(
      url,
      `insert into persona (id, name, deleted, description, is_listed, is_public, builtin_persona) values
         (5, 'Writer', false, '', true, true, false), (7, 'Coder', false, '', true, true, false), (8, 'Gone', true, '', true, true, false)`,
    );
    return url;
  };
  for (const given of [map, file, json]) {
    const url = await database();
    await load(url, records, { persona: { map: given } });
    const rows = await query(url, 'select persona_id as id from chat_session order by chat_session.id');
    assert.deepEqual(
      rows.map(({ id }) => id),
      [5, 7, 7, 0],
    );
  }
  const url = await database();
  await assert.rejects(load(url, records, { persona: { map, unmapped: 'fail' } }), (error: Error) => {
    assert.match(error.message, /no assistant is mapped.*other|other/);
    return true;
  });
  await writeFile(file, 'agents: [1]');
  const wrong: readonly (readonly [OnyxSinkOptions['persona'], string, RegExp])[] = [
    [99, 'ETL_CONFIG_INVALID', /no persona 99/],
    [{ default: 'Gone' }, 'ETL_CONFIG_INVALID', /no persona "Gone"/],
    [{ map: { agents: { x: 'Nobody' } } }, 'ETL_CONFIG_INVALID', /no persona "Nobody"/],
    [{ map: join(directory, 'none.yaml') }, 'ETL_CONFIG_NOT_FOUND', /cannot be read/],
    [{ map: file }, 'ETL_CONFIG_INVALID', /not as it should be.*agents/],
  ];
  for (const [persona, code, said] of wrong) {
    await assert.rejects(load(url, records, { persona }), (error: Error & { readonly code?: string }) => {
      assert.equal(error.code, code, error.message);
      assert.match(error.message, said);
      return true;
    });
  }
  assert.deepEqual(await query(url, 'select count(*)::int as n from chat_session'), [{ n: 0 }]);
});

test('accounts are made for owners who have none, each once and with a password that nobody knows', async () => {
  const url = await onyxDatabase();
  const of = (place: number, email: string | undefined): Conversation =>
    shortConversation('u1', {
      id: chatId(place),
      key: String(place),
      owner: { id: String(place), name: 'Somebody', ...(email !== undefined && { email }) },
    });
  const records = [of(1, 'New@Example.org'), of(2, 'new@example.org'), of(3, 'Ana@example.org'), of(4, undefined)];
  const report = await load(url, records, { users: 'create' });
  assert.deepEqual([report.counts.written, report.counts.skipped], [3, 1]);
  const rows = await query(
    url,
    `select email, personal_name as name, hashed_password ~ '^[$]2b[$]12[$][./A-Za-z0-9]{53}$' as hashed, effective_permissions as rights
       from "user" where email like 'new%'`,
  );
  assert.deepEqual(rows, [{ email: 'new@example.org', name: 'Somebody', hashed: true, rights: ['basic'] }]);
});

test('the first account of an empty Onyx is made alone, and it is said that it becomes the administrator', async () => {
  const url = await onyxDatabase([]);
  // What Onyx's own trigger does with the first account, in short.
  await query(
    url,
    `create function first_user() returns trigger language plpgsql as $$ begin
       if (select count(*) from "user" where id::text > '00000000-0000-0000-0000-000000000002') > 1 then raise 'more than one'; end if;
       update "user" set role = 'ADMIN' where id = new.id;
       delete from "user" where id = '00000000-0000-0000-0000-000000000001';
       drop trigger first_user on "user"; return null; end $$;
     create trigger first_user after insert on "user" for each row execute function first_user()`,
  );
  const records = ['a', 'b', 'c'].map((name, place) =>
    shortConversation('u1', { id: chatId(place), key: name, owner: { id: name, email: `${name}@example.org` } }),
  );
  const report = await load(url, records, { users: 'create' });
  assert.equal(report.counts.written, 3);
  assert.match(JSON.stringify(report), /first one made is a@example.org/);
  assert.deepEqual(await query(url, `select email from "user" where role = 'ADMIN'`), [{ email: 'a@example.org' }]);
});

test('a record of several chats is rejected as a whole', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'etl-onyx-'));
  t.after(() => rm(directory, { recursive: true }));
  const url = await onyxDatabase();
  await query(url, `alter table chat_message add check (message <> 'u2')`);
  const good = shortConversation('u1 a1<u1 a2<u1', { id: chatId(9), key: 'good' });
  const { counts } = await pipeline(arraySource([good, branchy]), {
    onReject: { to: join(directory, 'rejects.jsonl') },
  })
    .to(onyxSink({ connectionString: url, branches: 'split' }))
    .run();
  assert.deepEqual([counts.written, counts.rejected], [1, 1]);
  assert.equal((await titles(url)).length, 2);
});

test('to cut texts needs somewhere to upload the whole', () => {
  assert.throws(() => onyxSink({ connectionString: 'postgresql://x/y', longText: 'cut' }), /files/);
});
