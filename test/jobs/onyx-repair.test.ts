import assert from 'node:assert/strict';
import { test } from 'node:test';

import { repairOnyx, type OnyxRepairOptions } from '../../src/jobs/onyx-repair.ts';
import { pipeline } from '../../src/pipeline.ts';
import { onyxSink } from '../../src/sinks/onyx.ts';
import { arraySource } from '../helpers/memory.ts';
import { chatId, onyxChats } from '../helpers/onyx/conversations.ts';
import { onyxContent, onyxDatabase, onyxInvariants, withoutForeignKeys } from '../helpers/onyx/database.ts';
import { query } from '../helpers/postgres.ts';

async function imported(chats: number): Promise<string> {
  const url = await onyxDatabase(['ana@example.org', 'ben@example.org']);
  await pipeline(arraySource(onyxChats(chats), { batchSize: 50 }))
    .to(onyxSink({ connectionString: url }))
    .run();
  return url;
}

const repair = (url: string, options: Partial<OnyxRepairOptions> & Pick<OnyxRepairOptions, 'kind'>) =>
  repairOnyx({ connectionString: url, all: true, ...options });

test('pointers that another tool has left out, or set wrongly, come back; what is right stays', async () => {
  const url = await imported(230);
  const before = await onyxContent(url);
  await query(url, `update chat_message set latest_child_message_id = null where message in ('u1', 'a1')`);
  await query(url, `update chat_message set latest_child_message_id = id where message = 'u2'`);
  const broken = await onyxContent(url);
  const planned = await repair(url, { kind: 'latest-child' });
  assert.deepEqual([planned.applied, planned.chats, planned.problems], [false, 230, 0]);
  assert.ok(planned.repaired > 300);
  assert.deepEqual(await onyxContent(url), broken, 'a dry run changes nothing');
  const done = await repair(url, { kind: 'latest-child', apply: true });
  assert.equal(done.repaired, planned.repaired);
  assert.deepEqual(await onyxInvariants(url), []);
  assert.deepEqual(await onyxContent(url), before);
  assert.equal((await repair(url, { kind: 'latest-child', apply: true })).repaired, 0);
  const [kept] = await query(url, 'select count(*)::int as n from etl.onyx_repair');
  assert.equal(kept?.['n'], planned.repaired);
});

test('only the chats that are named are repaired', async () => {
  const url = await imported(12);
  await query(url, `update chat_session set user_id = (select id from "user" where email like 'ben%') where id = $1`, [
    chatId(1),
  ]);
  await query(url, 'update chat_message set latest_child_message_id = null');
  const left = async (): Promise<unknown> =>
    (
      await query(
        url,
        `select count(distinct chat_session_id)::int as n from chat_message m where latest_child_message_id is null
          and exists (select 1 from chat_message c where c.parent_message_id = m.id)`,
      )
    )[0]?.['n'];
  assert.equal(await left(), 9);
  await repair(url, { kind: 'latest-child', userEmail: 'Ben@example.org', apply: true });
  assert.equal(await left(), 8);
  await repair(url, { kind: 'latest-child', sessions: [chatId(0), chatId(4)], apply: true });
  assert.equal(await left(), 6);
  await assert.rejects(repair(url, { kind: 'latest-child', userEmail: 'no@example.org' }), {
    code: 'ETL_SOURCE_NOT_FOUND',
  });
  await assert.rejects(repair(url, { kind: 'latest-child', sessions: [chatId(99)] }), { code: 'ETL_SOURCE_NOT_FOUND' });
});

test('a chat that does not hang together is named', async () => {
  const url = await imported(4);
  await withoutForeignKeys(url);
  await query(url, `delete from chat_message where message_type = 'SYSTEM' and chat_session_id = $1`, [chatId(0)]);
  const problems: string[] = [];
  const report = await repair(url, {
    kind: 'latest-child',
    onProblem: ({ session, why }) => problems.push(`${session} ${why}`),
  });
  assert.equal(report.problems, 2);
  assert.ok(problems.every((problem) => problem.startsWith(chatId(0))));
});

test('citations that keep a chat from opening become what Onyx reads, and lost links come back', async () => {
  const url = await imported(4);
  const a1 = `(select id from chat_message where message = 'a1' and chat_session_id = '${chatId(0)}')`;
  await query(url, `delete from chat_message__search_doc where chat_message_id = ${a1}`);
  await query(url, `update chat_message set citations = '["x"]' where message = 'a1' and chat_session_id = $1`, [
    chatId(1),
  ]);
  await query(
    url,
    `update chat_message set citations = '{"1": 99999, "2": "x"}' where message = 'a2' and chat_session_id = $1`,
    [chatId(2)],
  );
  const report = await repair(url, { kind: 'citations', apply: true });
  assert.deepEqual(report.byReason, {
    'citations of documents that are not linked': 1,
    'citations in a form that Onyx cannot read': 1,
    'citations of documents that are not there': 1,
  });
  assert.deepEqual(await onyxInvariants(url), []);
  const rows = await query(
    url,
    'select citations is null as none from chat_message where message in ($1, $2) and chat_session_id = any($3::uuid[])',
    ['a1', 'a2', [chatId(1), chatId(2)]],
  );
  assert.ok(
    rows.some(({ none }) => none === true),
    'no citations is NULL, not the JSON null',
  );
  assert.equal((await repair(url, { kind: 'citations', apply: true })).repaired, 0);
});

test('texts that were written as JSON or with marks become plain', async () => {
  const url = await imported(2);
  const parts = JSON.stringify([
    { type: 'think', think: 'hm' },
    { type: 'text', text: 'plain' },
  ]);
  await query(url, `update chat_message set message = $1, reasoning_tokens = null where message = 'a2'`, [parts]);
  const found: string[] = [];
  await repair(url, { kind: 'message-text', apply: true, onRepair: ({ why }) => found.push(why) });
  assert.deepEqual(found, ['content parts as JSON', 'content parts as JSON']);
  const rows = await query(
    url,
    `select distinct message, reasoning_tokens as r from chat_message where message = 'plain'`,
  );
  assert.deepEqual(rows, [{ message: 'plain', r: 'hm' }]);
  const [kept] = await query(url, `select before ->> 'text' as text from etl.onyx_repair`);
  assert.equal(kept?.['text'], parts);
});
