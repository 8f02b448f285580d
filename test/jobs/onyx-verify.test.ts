import assert from 'node:assert/strict';
import { test } from 'node:test';

import { verifyOnyx } from '../../src/jobs/onyx-verify.ts';
import type { Conversation } from '../../src/models/conversation.ts';
import { pipeline } from '../../src/pipeline.ts';
import { onyxSink, type OnyxSinkOptions } from '../../src/sinks/onyx.ts';
import { arraySource } from '../helpers/memory.ts';
import { chatId, onyxChats, shortConversation } from '../helpers/onyx/conversations.ts';
import { onyxDatabase } from '../helpers/onyx/database.ts';
import { query } from '../helpers/postgres.ts';

const load = (url: string, records: readonly Conversation[], options: Partial<OnyxSinkOptions> = {}) =>
  pipeline(arraySource(records, { batchSize: 3 }), { name: 'import' })
    .to(onyxSink({ connectionString: url, batchRecords: 6, ...options }))
    .run();

const verify = (url: string, records: readonly Conversation[]) =>
  verifyOnyx(arraySource(records, { batchSize: 3 }), { connectionString: url });

/** `kind place fields`, where the place is the message of the source or the chat's number. */
const short = ({ differences }: Awaited<ReturnType<typeof verify>>): string[] =>
  differences.first.map(({ kind, sourceId, key, fields }) =>
    [kind, sourceId ?? key.slice(-1), fields.join('+')].filter((part) => part !== '').join(' '),
  );

const message = (chat: number, source: string): string =>
  `(select message_id from etl.onyx_message where session_id = '${chatId(chat)}' and source_id = '${source}')`;

const tampered: readonly (readonly [name: string, sql: string, expected: readonly string[]])[] = [
  ['a text', `update chat_message set message = 'other' where id = ${message(0, 'a2')}`, ['message a2 text']],
  [
    'a pointer',
    `update chat_message set latest_child_message_id = null where id = ${message(0, 'u2')}`,
    ['message u2 shown child'],
  ],
  [
    'a place in the tree',
    `update chat_message set parent_message_id = ${message(1, 'u1')} where id = ${message(1, 'u2')}`,
    ['message u2 parent'],
  ],
  [
    'a time',
    `update chat_message set time_sent = time_sent + interval '1 s' where id = ${message(2, 'u1')}`,
    ['message u1 time'],
  ],
  ['a role', `update chat_message set message_type = 'USER' where id = ${message(0, 'a2')}`, ['message a2 type']],
  [
    'a thought',
    `update chat_message set reasoning_tokens = 'x' where id = ${message(0, 'u1')}`,
    ['message u1 reasoning'],
  ],
  [
    'a result of a tool',
    `update tool_call set tool_call_response = 'x' where parent_chat_message_id = ${message(1, 'a1')}`,
    ['message a1 tool calls'],
  ],
  [
    'a call of a tool',
    `delete from tool_call where parent_chat_message_id = ${message(1, 'a1')}`,
    ['message a1 tool calls'],
  ],
  [
    'a citation',
    `delete from chat_message__search_doc where chat_message_id = ${message(1, 'a1')}`,
    ['message a1 citations'],
  ],
  [
    'an opinion',
    `update chat_feedback set is_positive = false where chat_message_id = ${message(1, 'a1')}`,
    ['message a1 feedback'],
  ],
  [
    'files',
    `update chat_message set files = '[{"id": "x", "type": "image"}]' where id = ${message(0, 'u1')}`,
    ['message u1 files'],
  ],
  ['a title', `update chat_session set description = 'x' where id = '${chatId(1)}'`, ['chat 1 title']],
  [
    'the time of a chat',
    `update chat_session set time_updated = now() where id = '${chatId(1)}'`,
    ['chat 1 timeUpdated'],
  ],
  ['the owner', `update chat_session set user_id = null where id = '${chatId(1)}'`, ['chat 1 owner']],
  ['no assistant', `update chat_session set persona_id = null where id = '${chatId(1)}'`, ['chat 1 persona']],
  [
    'another assistant',
    `insert into persona select (jsonb_populate_record(persona, '{"id": 9, "name": "Other", "builtin_persona": false}')).* from persona where id = 0;
     update chat_session set persona_id = 9 where id = '${chatId(1)}'`,
    ['chat 1 persona'],
  ],
  [
    'a shared chat',
    `update chat_session set shared_status = 'PUBLIC' where id = '${chatId(2)}'`,
    ['chat 2 shared status'],
  ],
  ['a hidden chat', `update chat_session set onyxbot_flow = true where id = '${chatId(2)}'`, ['chat 2 onyxbot_flow']],
  [
    'what breaks the list of its owner',
    `update chat_session set llm_override = '"x"', temperature_override = 0 where id = '${chatId(0)}'`,
    ['chat 0 llm_override+temperature_override'],
  ],
  [
    'a citation of nothing',
    `update chat_message set citations = '{"1": 99}' where id = ${message(0, 'a2')}`,
    ['message a2 citations'],
  ],
  [
    'a citation of a document that is not linked',
    `update chat_message set citations = '{"1": 99}' where id = ${message(1, 'a1')}`,
    ['message a1 citations'],
  ],
  [
    'citations that nothing can read',
    `update chat_message set citations = '[1]' where id = ${message(1, 'a1')}`,
    ['message a1 citations'],
  ],
  [
    'no citations, though documents are there',
    `update chat_message set citations = null where id = ${message(1, 'a1')}`,
    ['message a1 citations'],
  ],
  [
    'a question back',
    `update chat_message set is_clarification = true where id = ${message(0, 'a2')}`,
    ['message a2 is_clarification'],
  ],
  [
    'a summary',
    `update chat_message set last_summarized_message_id = id where id = ${message(0, 'a2')}`,
    ['message a2 last_summarized_message_id'],
  ],
  [
    'a place of a tool call',
    `update tool_call set tab_index = 3 where parent_chat_message_id = ${message(1, 'a1')}`,
    ['message a1 tool calls'],
  ],
  ['a message gone', `delete from chat_message where id = ${message(0, 'a2')}`, ['message-missing a2']],
  [
    'a message more',
    `insert into chat_message (chat_session_id, parent_message_id, message, message_type, token_count) values ('${chatId(0)}', ${message(0, 'a2')}, 'x', 'USER', 1)`,
    ['message-added 0'],
  ],
  ['a chat gone', `delete from chat_session where id = '${chatId(2)}'`, ['deleted 2']],
  ['a chat in the bin', `update chat_session set deleted = true where id = '${chatId(2)}'`, ['deleted 2']],
];

test('verifyOnyx finds nothing after an import, and names exactly the rows that were tampered with:', async (t) => {
  const url = await onyxDatabase();
  const records = onyxChats(9);
  await load(url, records);
  const clean = await verify(url, records);
  assert.deepEqual(short(clean), []);
  assert.deepEqual([clean.ok, clean.checked.conversations, clean.checked.chats], [true, 9, 9]);
  for (const [name, sql, expected] of tampered) {
    await t.test(name, async () => {
      const copy = await onyxDatabase();
      await load(copy, records);
      await query(copy, 'alter table chat_message drop constraint fk_chat_message_latest_child_message_id');
      await query(copy, sql);
      const report = await verify(copy, records);
      assert.deepEqual(short(report).sort(), [...expected].sort());
      assert.deepEqual([report.ok, report.differences.total], [false, expected.length]);
    });
  }
});

test('verifyOnyx finds what is not there, and knows what was left out on purpose', async () => {
  const url = await onyxDatabase();
  const records = onyxChats(6);
  const nobody = shortConversation('u1', { key: 'nobody', owner: { id: 'x', email: 'nobody@example.org' } });
  await load(url, [...records, nobody], { users: 'skip' });
  const more = shortConversation('u1', { key: 'more' });
  const report = await verify(url, [...records, nobody, more]);
  assert.deepEqual(short(report), ['missing e']);
  assert.equal(report.leftOut, 1);
});

test('verifyOnyx takes conversations as the import did', async (t) => {
  const branchy = [
    shortConversation('u1 a1<u1 a2<u1 u2<a1', { key: 'one', tags: ['work'], archived: true }),
    shortConversation('u1 a1<u1', { id: chatId(7), key: 'two', project: { id: 'p', name: 'Plans' } }),
  ];
  const cases: readonly Partial<OnyxSinkOptions>[] = [
    { branches: 'split' },
    { branches: 'active' },
    { branches: 'skip' },
    { projects: 'tag' },
    { archived: 'project' },
    { archived: 'skip' },
    { projects: 'drop' },
  ];
  for (const options of cases) {
    await t.test(JSON.stringify(options), async () => {
      const url = await onyxDatabase();
      await load(url, branchy, options);
      const report = await verify(url, branchy);
      assert.deepEqual(short(report), []);
      const [rows] = await query(url, 'select count(*)::int as n from chat_session');
      assert.equal(report.checked.chats, rows?.['n']);
    });
  }
});

test('verifyOnyx knows the assistant of each conversation from the import', async () => {
  const url = await onyxDatabase();
  await query(
    url,
    `insert into persona select (jsonb_populate_record(persona, '{"id": 9, "name": "Coder", "builtin_persona": false}')).* from persona where id = 0`,
  );
  const one = shortConversation('u1 a1<u1', { id: chatId(1), key: 'test:1', settings: { model: 'coder-1' } });
  const two = shortConversation('u1 a1<u1', { id: chatId(2), key: 'test:2' });
  await load(url, [one, two], { persona: { default: 0, map: { models: { 'coder-1': 'Coder' } } } });
  assert.deepEqual(short(await verify(url, [one, two])), []);
  await query(url, 'update chat_session set persona_id = 9 - persona_id');
  assert.deepEqual(short(await verify(url, [one, two])), ['chat 1 persona', 'chat 2 persona']);
  // An import of an earlier release says nothing about assistants.
  await query(url, "update etl.onyx_load set options = options - 'personas'");
  assert.deepEqual(short(await verify(url, [one, two])), []);
  await query(url, 'update chat_session set persona_id = null');
  assert.deepEqual(short(await verify(url, [one, two])), ['chat 1 persona', 'chat 2 persona']);
});

test('verifyOnyx says so when nothing was ever imported', async () => {
  const url = await onyxDatabase();
  await assert.rejects(verify(url, onyxChats(1)), { code: 'ETL_SOURCE_NOT_FOUND' });
});
