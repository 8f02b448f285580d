import assert from 'node:assert/strict';
import { test } from 'node:test';

import { onyxRuns, undoOnyx } from '../../src/jobs/onyx-undo.ts';
import type { Conversation } from '../../src/models/conversation.ts';
import { pipeline } from '../../src/pipeline.ts';
import { onyxSink } from '../../src/sinks/onyx.ts';
import { arraySource } from '../helpers/memory.ts';
import { chatId, onyxChats } from '../helpers/onyx/conversations.ts';
import { onyxContent, onyxDatabase, onyxInvariants } from '../helpers/onyx/database.ts';
import { query } from '../helpers/postgres.ts';

const load = (connectionString: string, records: readonly Conversation[], name: string) =>
  pipeline(arraySource(records, { batchSize: 3 }), { name })
    .to(onyxSink({ connectionString, batchRecords: 6 }))
    .run();

const tables = [
  'chat_session',
  'chat_message',
  'tool_call',
  'search_doc',
  'chat_message__search_doc',
  'chat_feedback',
  'tool',
  'user_project',
];

async function counts(url: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const table of tables) found[table] = (await query(url, `select count(*)::int as n from ${table}`))[0]?.['n'];
  return found;
}

const runNamed = async (connectionString: string, name: string): Promise<string> =>
  (await onyxRuns(connectionString)).find(({ pipeline: of }) => of === name)?.run ?? assert.fail(`no run ${name}`);

test('an import is taken back without a trace, others stay, and the same command brings it in anew', async () => {
  const url = await onyxDatabase();
  const inProject = (chats: Conversation[]) => chats.map((chat) => ({ ...chat, project: { id: 'p', name: 'Plans' } }));
  await load(url, onyxChats(8), 'one');
  const before = await counts(url);
  const content = await onyxContent(url);
  const second = inProject(onyxChats(40).slice(8));
  await load(url, second, 'two');
  const run = await runNamed(url, 'two');
  assert.deepEqual(
    (await onyxRuns(url)).map(({ pipeline: name, chats }) => [name, chats]),
    [
      ['two', 32],
      ['one', 8],
    ],
  );
  const planned = await undoOnyx({ connectionString: url, run });
  assert.deepEqual([planned.applied, planned.chats, planned.kept], [false, 32, []]);
  assert.notDeepEqual(await counts(url), before, 'a dry run changes nothing');
  const done = await undoOnyx({ connectionString: url, run, apply: true });
  assert.deepEqual([done.chats, done.messages], [planned.chats, planned.messages]);
  assert.deepEqual(await counts(url), before);
  assert.deepEqual(await onyxContent(url), content);
  const indexes = await query(url, `select relname from pg_class where relname like 'etl\\_undo%'`);
  assert.deepEqual(indexes, []);
  const again = await load(url, second, 'two');
  assert.deepEqual([again.counts.written, again.counts.skipped], [32, 0]);
  assert.deepEqual(await onyxInvariants(url), []);
});

test('a chat that somebody has gone on with stays, unless it is asked for', async () => {
  const url = await onyxDatabase();
  await load(url, onyxChats(6), 'one');
  const last = `(select max(id) from chat_message where chat_session_id = '${chatId(1)}')`;
  await query(
    url,
    `insert into chat_message (chat_session_id, parent_message_id, message, message_type, token_count) values ($1, ${last}, 'and?', 'USER', 1)`,
    [chatId(1)],
  );
  const run = await runNamed(url, 'one');
  const done = await undoOnyx({ connectionString: url, run, apply: true });
  assert.deepEqual([done.chats, done.kept], [5, [chatId(1)]]);
  assert.deepEqual(await query(url, 'select id from chat_session'), [{ id: chatId(1) }]);
  const all = await undoOnyx({ connectionString: url, run, apply: true, changedToo: true });
  assert.deepEqual([all.chats, all.kept], [1, []]);
  assert.equal((await counts(url))['chat_message'], 0);
});

test('an import that had left chats out, as another brought them in, looks at them again', async () => {
  const url = await onyxDatabase();
  const records = onyxChats(6);
  await load(url, records, 'one');
  assert.deepEqual((await load(url, records, 'two')).counts.skipped, 6);
  await undoOnyx({ connectionString: url, run: await runNamed(url, 'one'), apply: true });
  assert.deepEqual((await load(url, records, 'two')).counts.written, 6);
  assert.deepEqual((await load(url, records, 'one')).counts.skipped, 6);
  assert.deepEqual(await onyxInvariants(url), []);
});

test('an undo that is broken off leaves an import that brings in what is gone, and can be repeated', async () => {
  const url = await onyxDatabase();
  const records = onyxChats(8);
  await load(url, records, 'one');
  const run = await runNamed(url, 'one');
  // The last transaction fails, as if the process had been killed before it.
  await query(
    url,
    `create function stop() returns trigger language plpgsql as $$ begin raise 'stop'; end $$;
     create trigger stop before delete on etl.onyx_load for each row execute function stop()`,
  );
  await assert.rejects(undoOnyx({ connectionString: url, run, apply: true }), /stop/);
  assert.equal((await counts(url))['chat_session'], 0);
  await query(url, 'drop trigger stop on etl.onyx_load');
  assert.equal((await load(url, records, 'one')).counts.written, 8);
  await undoOnyx({ connectionString: url, run: await runNamed(url, 'one'), apply: true });
  assert.equal((await counts(url))['chat_session'], 0);
});

test('a run that is not known, or that is going on, is refused', async () => {
  const url = await onyxDatabase();
  for (const run of ['nonsense', chatId(1)])
    await assert.rejects(undoOnyx({ connectionString: url, run }), { code: 'ETL_SOURCE_NOT_FOUND' });
  await load(url, onyxChats(3), 'one');
  const run = await runNamed(url, 'one');
  await pipeline(
    {
      role: 'source',
      name: 'slow',
      async *read() {
        yield { records: onyxChats(1) };
        await assert.rejects(undoOnyx({ connectionString: url, run, apply: true }), { code: 'ETL_RUN_LOCKED' });
      },
    },
    { name: 'one' },
  )
    .to(onyxSink({ connectionString: url }))
    .run({ newRun: true });
});
