import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { EtlError } from '../../src/errors.ts';
import type { Conversation } from '../../src/models/conversation.ts';
import { pipeline } from '../../src/pipeline.ts';
import { onyxSink, type OnyxSinkOptions } from '../../src/sinks/onyx.ts';
import { librechatSource } from '../../src/sources/librechat.ts';
import { arraySource } from '../helpers/memory.ts';
import { chatId as uuid, onyxChats as chats, shortConversation } from '../helpers/onyx/conversations.ts';
import { onyxContent, onyxDatabase, onyxInvariants } from '../helpers/onyx/database.ts';
import { query } from '../helpers/postgres.ts';

const load = (
  records: readonly unknown[],
  connectionString: string,
  options: Partial<OnyxSinkOptions> = {},
  name = 'import',
) =>
  pipeline(arraySource(records as readonly Conversation[], { batchSize: 3 }), { name })
    .to(onyxSink({ connectionString, batchRecords: 6, ...options }))
    .run();

async function failure(promise: Promise<unknown>): Promise<EtlError> {
  const error: unknown = await promise.then(
    () => assert.fail('did not fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof EtlError, String(error));
  return error;
}

test('the sample of LibreChat is imported whole, keeps every rule, and a second import changes nothing', async () => {
  const conversations: Conversation[] = [];
  await pipeline(librechatSource({ from: 'samples/librechat/dump' }))
    .to(async (records: AsyncIterable<Conversation>) => {
      for await (const record of records) conversations.push(record);
    })
    .run();
  const emails = new Set(conversations.map(({ owner }) => owner.email?.toLowerCase() ?? ''));
  emails.delete('');
  const url = await onyxDatabase([...emails]);
  const run = (name: string) =>
    pipeline(librechatSource({ from: 'samples/librechat/dump' }), { name })
      .to(onyxSink({ connectionString: url, users: 'skip' }))
      .run();
  const { counts } = await run('first');
  const owned = conversations.filter(({ owner }) => owner.email !== undefined).length;
  assert.ok(owned > 30);
  assert.deepEqual([counts.written, counts.skipped], [owned, conversations.length - owned]);
  assert.deepEqual(await onyxInvariants(url), []);
  const before = await onyxContent(url);
  const texts = conversations.filter(({ owner }) => owner.email !== undefined).flatMap(({ messages }) => messages);
  assert.ok(before.length >= texts.length, 'a message for each of the source');
  const again = await run('second');
  assert.deepEqual([again.counts.written, again.counts.skipped], [0, conversations.length]);
  assert.deepEqual(await onyxContent(url), before);
  assert.equal((await run('second')).status, 'unchanged');
});

test('what a person changed or deleted in Onyx stays as it is', async () => {
  const url = await onyxDatabase();
  await load(chats(8), url);
  await query(url, 'update chat_session set description = $1 where id = $2', ['mine', uuid(1)]);
  await query(url, 'delete from chat_session where id = $1', [uuid(4)]);
  const changed = chats(8).map((chat) => ({ ...chat, title: 'changed in the source' }));
  const { counts } = await load(changed, url, {}, 'again');
  assert.deepEqual([counts.written, counts.skipped], [0, 8]);
  const rows = await query(url, 'select description from chat_session where id = any($1::uuid[]) order by id', [
    [uuid(1), uuid(4)],
  ]);
  assert.deepEqual(rows, [{ description: 'mine' }]);
});

test('owners without an account stop the run or are left out, by choice', async () => {
  const url = await onyxDatabase();
  const [one, two] = chats(2) as [Conversation, Conversation];
  const nobody = [
    one,
    { ...two, owner: { id: 'x', email: 'nobody@example.org' } },
    { ...two, owner: { id: 'y' }, key: 'k' },
    { ...two, owner: { id: 'z', email: 'Nemo@example.org' }, key: 'l' },
  ];
  const error = await failure(load(nobody, url));
  assert.equal(error.code, 'ETL_SINK_FAILED');
  assert.match(
    error.message,
    /no account for nobody@example\.org, nemo@example\.org, and for an owner without an e-mail address/,
  );
  assert.match(error.hint, /etl onyx create-users.*--users skip.*--user-email/);
  assert.deepEqual(await query(url, 'select count(*)::int as n from chat_message'), [{ n: 0 }]);
  const { counts } = await load(nobody, url, { users: 'skip' }, 'skip');
  assert.deepEqual([counts.written, counts.skipped], [1, 3]);
});

test('the same id of another owner gets an id of its own; a chat that others brought in is left alone', async () => {
  const url = await onyxDatabase(['ana@example.org', 'ben@example.org']);
  const [one, two] = chats(2) as [Conversation, Conversation];
  await query(
    url,
    `insert into chat_session (id, deleted, shared_status, onyxbot_flow, persona_id, user_id) select $1, false, 'PRIVATE', false, 0, id from "user" where email like 'ana%'`,
    [two.id],
  );
  const copy = { ...one, key: 'test:ben:same', owner: { id: 'ben', email: 'Ben@Example.org' } };
  const { counts } = await load([one, copy, two], url);
  assert.deepEqual([counts.written, counts.skipped], [2, 1]);
  const rows = await query(
    url,
    'select email, count(*)::int as n from "user" u join chat_session s on s.user_id = u.id group by 1 order by 1',
  );
  assert.deepEqual(rows, [
    { email: 'ana@example.org', n: 2 },
    { email: 'ben@example.org', n: 1 },
  ]);
});

test('text that PostgreSQL cannot hold is mended, and a record that it refuses costs itself only', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'etl-onyx-'));
  t.after(() => rm(directory, { recursive: true }));
  const url = await onyxDatabase();
  await query(url, `alter table chat_message add check (message <> 'forbidden')`);
  const records: unknown[] = chats(7).map((chat) => ({ ...chat, title: 'a\0b\ud800' }));
  records[3] = shortConversation('u1', { id: uuid(3), key: 'bad' }, (message) => ({
    ...message,
    parts: [{ type: 'text', text: 'forbidden' }],
  }));
  records.push({ no: 'conversation' }, shortConversation('u1', { key: 'a\0b' }));
  const to = join(directory, 'rejects.jsonl');
  const { counts } = await pipeline(arraySource(records as Conversation[], { batchSize: 3 }), { onReject: { to } })
    .to(onyxSink({ connectionString: url }))
    .run();
  assert.deepEqual([counts.written, counts.rejected], [6, 3]);
  const rejects = (await readFile(to, 'utf8')).trim().split('\n').sort();
  for (const reason of [/23514/, /expected a conversation/, /holds what PostgreSQL cannot/])
    assert.ok(
      rejects.some((line) => reason.test(line)),
      String(reason),
    );
  assert.deepEqual(await query(url, 'select distinct description from chat_session'), [{ description: 'ab' }]);
  assert.deepEqual(await onyxInvariants(url), []);
});

/** More different words than fit into a search column. */
const endless = Array.from({ length: 160_000 }, (_, number) => `word${number.toString(36)}x`).join(' ');

test('a text of too many words is spread over messages, or rejected, by choice', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'etl-onyx-'));
  t.after(() => rm(directory, { recursive: true }));
  const url = await onyxDatabase();
  const long = shortConversation('u1 a1<u1 u2<a1', {}, (message) =>
    message.id === 'u2' ? message : { ...message, parts: [{ type: 'text', text: endless }] },
  );
  const to = join(directory, 'rejects.jsonl');
  const rejecting = await pipeline(arraySource([long]), { name: 'reject', onReject: { to } })
    .to(onyxSink({ connectionString: url, longText: 'reject' }))
    .run();
  assert.equal(rejecting.counts.rejected, 1);
  assert.match(await readFile(to, 'utf8'), /54000/);
  assert.equal((await load([long], url)).counts.written, 1);
  assert.deepEqual(await onyxInvariants(url), []);
  const rows = await query(
    url,
    `select message_type as type, string_agg(message, '' order by id) as text from chat_message where message <> 'u2' group by 1 order by 1`,
  );
  assert.deepEqual(
    rows.map(({ type, text }) => [type, text === endless]),
    [
      ['ASSISTANT', true],
      ['SYSTEM', false],
      ['USER', true],
    ],
  );
});

test('chats of one owner never share the time that Onyx pages by', async () => {
  const url = await onyxDatabase();
  await load(chats(20), url);
  await load(
    chats(30).map((chat) => ({ ...chat, updatedAt: null })),
    url,
    {},
    'more',
  );
  assert.deepEqual(await onyxInvariants(url), []);
});

test('tables of an unknown generation are refused with the difference, and nothing is written', async () => {
  const changes: readonly (readonly [string, RegExp, RegExp?])[] = [
    [
      'alter table chat_message rename parent_message_id to parent_message',
      /nearest is that of v2\.6 or newer, but missing: chat_message\.parent_message_id$/,
      /upgrade of this Onyx complete/,
    ],
    ['alter table chat_session add column mood text not null', /required and not known: chat_session.mood/],
    [
      'alter table chat_message rename parent_message_id to parent_msg; alter table chat_message alter parent_msg set not null',
      /v2\.6 or newer, but missing: chat_message\.parent_message_id; required and not known: chat_message\.parent_msg$/,
    ],
    ['drop table tool_call cascade', /v2\.6 or newer, but missing: the table tool_call$/],
    ['drop table chat_message cascade', /holds no Onyx tables/, /--db-name and --schema/],
    ['alter sequence chat_message_id_seq owned by none', /come from no sequence/],
    ['delete from persona', /no persona 0/],
  ];
  for (const [change, difference, hint] of changes) {
    const url = await onyxDatabase();
    await query(url, change);
    const error = await failure(load(chats(2), url));
    assert.equal(error.code, 'ETL_CONFIG_INVALID', error.message);
    assert.match(error.message, difference);
    if (hint !== undefined) assert.match(error.describe(), hint);
    assert.deepEqual(
      await query(url, "select (select count(*) from chat_session)::int as n, to_regnamespace('etl')::text as own"),
      [{ n: 0, own: change.includes('persona') ? 'etl' : null }],
    );
  }
});

test('a release without the optional column takes everything else', async () => {
  const url = await onyxDatabase();
  await query(url, 'alter table chat_message drop column model_display_name');
  assert.equal((await load(chats(4), url)).counts.written, 4);
});

test('an Onyx that deletes old chats is warned about', async () => {
  const url = await onyxDatabase();
  await query(
    url,
    `insert into key_value_store (key, value) values ('onyx_settings', '{"maximum_chat_retention_days": 30}'), ('x', '[1]')`,
  );
  const report = await load(chats(1), url);
  assert.match(JSON.stringify(report), /deletes chats 30 days after/);
  assert.match(
    (await onyxSink({ connectionString: url }).check?.(AbortSignal.timeout(60_000))) ?? '',
    /deleted after 30 days/,
  );
});

test('the check of the rows finds what is broken', async () => {
  const damage: readonly (readonly [string, RegExp])[] = [
    ["delete from chat_message where message_type = 'SYSTEM' and latest_child_message_id is null", /not one root/],
    ["update chat_message set latest_child_message_id = null where message = 'u1'", /no shown child/],
    ["update chat_message set latest_child_message_id = id where message = 'a2'", /a shown child that is none/],
    ["update chat_message set message_type = 'ASSISTANT' where message = 'u2'", /an answer under an answer/],
    ["update chat_message set time_sent = '2000-01-01' where message = 'a1'", /a time not after the parent/],
    ['update chat_session set time_updated = now()', /with one time/],
    ['update chat_message set parent_message_id = (select max(id) from chat_message)', /a parent in another chat/],
    [`update chat_message set citations = '{"1": 5}' where message = 'a1'`, /not linked/],
  ];
  const url = await onyxDatabase();
  await load(chats(8), url);
  assert.deepEqual(await onyxInvariants(url), []);
  for (const [sql, expected] of damage) {
    const copy = await onyxDatabase();
    await load(chats(8), copy);
    await query(copy, sql);
    const found = await onyxInvariants(copy);
    assert.ok(
      found.some((line) => expected.test(line)),
      `${sql}: ${found.join(', ')}`,
    );
  }
});
