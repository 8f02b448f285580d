import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { verifyOnyx } from '../../../src/jobs/onyx-verify.ts';
import type { Conversation, FileRecord } from '../../../src/models/conversation.ts';
import { pipeline } from '../../../src/pipeline.ts';
import { onyxSink, type OnyxSinkOptions } from '../../../src/sinks/onyx.ts';
import { arraySource } from '../../helpers/memory.ts';
import { chatId, shortConversation } from '../../helpers/onyx/conversations.ts';
import { onyxInvariants } from '../../helpers/onyx/database.ts';
import { onyxServerDatabase } from '../../helpers/onyx-server-database.ts';
import { onyxServer, type OnyxServer } from '../../helpers/onyx-server.ts';
import { query } from '../../helpers/postgres.ts';

const people = ['ana@example.org', 'ben@example.org'];

/** A chat of one question with these files, and its answer. */
function withFiles(number: number, email: string, files: readonly FileRecord[]): Conversation {
  const facts = { id: chatId(number), key: `files:${number}`, owner: { id: email, email }, files };
  return shortConversation('u1 a1<u1', facts, (message) =>
    message.id === 'a1'
      ? message
      : { ...message, parts: [...message.parts, ...files.map(({ id }) => ({ type: 'file', fileId: id }) as const)] },
  );
}

interface Place {
  readonly url: string;
  readonly server: OnyxServer;
  readonly root: string;
  load(
    records: readonly Conversation[],
    options?: Partial<OnyxSinkOptions>,
    name?: string,
  ): ReturnType<ReturnType<ReturnType<typeof pipeline>['to']>['run']>;
}

async function place(t: TestContext, rejects?: (name: string) => string | undefined): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'etl-onyx-files-'));
  t.after(() => rm(root, { recursive: true }));
  await writeFile(join(root, 'cat.png'), 'a cat');
  await writeFile(join(root, 'plan.pdf'), 'a plan');
  const url = await onyxServerDatabase(people);
  const server = await onyxServer(t, { database: url, ...(rejects !== undefined && { rejects }) });
  const files = { apiBase: server.url, apiKey: server.key, roots: [root] };
  return {
    url,
    server,
    root,
    load: (records, options = {}, name = 'import') =>
      pipeline(arraySource(records), { name })
        .to(onyxSink({ connectionString: url, files, ...options }))
        .run(),
  };
}

const cat: FileRecord = { id: 'f1', name: 'cat.png', mediaType: 'image/png', paths: ['cat.png'] };
const plan: FileRecord = { id: 'f2', name: 'plan.pdf', mediaType: 'application/pdf', paths: ['plan.pdf'] };
const note: FileRecord = { id: 'f3', name: 'note', text: 'only a text', unavailable: 'textOnly' };

test('files of questions are uploaded once, and each owner gets an own entry for them', async (t) => {
  const { url, server, load } = await place(t);
  const records = [
    withFiles(1, 'ana@example.org', [cat, plan]),
    withFiles(2, 'ben@example.org', [{ ...cat, id: 'other' }]),
    withFiles(3, 'ana@example.org', [cat, note]),
  ];
  await load(records);
  assert.deepEqual(server.files.map(({ name }) => name).sort(), ['cat.png', 'note.txt', 'plan.pdf']);
  const rows = await query(
    url,
    `select right(m.chat_session_id::text, 1) as chat, f ->> 'name' as name, f ->> 'type' as type, u.email,
            (select count(*)::int from file_record r where r.file_id = f ->> 'id') as stored
       from chat_message m cross join jsonb_array_elements(m.files) f
       left join user_file w on w.id = (f ->> 'user_file_id')::uuid left join "user" u on u.id = w.user_id
      where jsonb_typeof(m.files) = 'array' order by 1, 2`,
  );
  const one = (chat: string, name: string, type: string, email: string): object => ({
    chat,
    name,
    type,
    email,
    stored: 1,
  });
  assert.deepEqual(rows, [
    one('1', 'cat.png', 'image', 'ana@example.org'),
    one('1', 'plan.pdf', 'document', 'ana@example.org'),
    one('2', 'cat.png', 'image', 'ben@example.org'),
    one('3', 'cat.png', 'image', 'ana@example.org'),
    one('3', 'note.txt', 'plain_text', 'ana@example.org'),
  ]);
  assert.deepEqual(await onyxInvariants(url), []);
  assert.deepEqual((await verifyOnyx(arraySource(records), { connectionString: url })).differences.first, []);

  const wrong: readonly (readonly [change: string, chats: readonly string[]])[] = [
    [`update chat_message set files = jsonb_set(files, '{0,name}', '"dog.png"') where message = 'u1'`, ['1', '2', '3']],
    [
      `update chat_message set files = jsonb_set(files, '{0,id}', '"elsewhere"') where chat_session_id = '${chatId(2)}'`,
      ['2'],
    ],
    [
      `update chat_message set files = jsonb_set(files, '{1}', files -> 0) where chat_session_id = '${chatId(1)}'`,
      ['1'],
    ],
    [`delete from file_record where file_id in (select file_id from etl.onyx_file where name = 'note.txt')`, ['3']],
    [`update etl.onyx_file set sha256 = md5(sha256) where name = 'note.txt'`, ['3']],
  ];
  for (const [change, chats] of wrong) {
    await query(
      url,
      'create table kept_messages as table chat_message; create table kept_records as table file_record',
    );
    await query(url, 'create table kept_uploads as table etl.onyx_file');
    await query(url, change);
    const { first } = (await verifyOnyx(arraySource(records), { connectionString: url })).differences;
    assert.deepEqual(
      first.map(({ key, sourceId, fields }) => [key.slice(-1), sourceId, ...fields]),
      chats.map((chat) => [chat, 'u1', 'files']),
      change,
    );
    await query(
      url,
      `update chat_message m set files = k.files from kept_messages k where k.id = m.id;
       insert into file_record select * from kept_records on conflict do nothing;
       delete from etl.onyx_file; insert into etl.onyx_file select * from kept_uploads;
       drop table kept_messages, kept_records, kept_uploads`,
    );
  }
  assert.deepEqual((await verifyOnyx(arraySource(records), { connectionString: url })).differences.first, []);

  await load([...records, withFiles(4, 'ben@example.org', [plan])], {}, 'again');
  assert.equal(server.files.length, 3, 'what was uploaded in an earlier run is not uploaded again');
});

test('files that are missing, lead out of the folders, or are refused by Onyx are left out and counted', async (t) => {
  const { url, load } = await place(t, (name) => (name === 'plan.pdf' ? 'too large' : undefined));
  const bad: FileRecord[] = [
    plan,
    { id: 'f4', name: 'gone.txt', paths: ['gone.txt'] },
    { id: 'f5', name: 'passwd', paths: ['../../etc/passwd'] },
    { id: 'f6', name: 'never', unavailable: 'neverExported' },
  ];
  const records = [withFiles(1, 'ana@example.org', [cat, ...bad])];
  const report = await load(records);
  assert.equal(report.counts.written, 1);
  const findings = report.findings ?? {};
  for (const kind of ['file (missing)', 'file (refused)', 'file (refused by Onyx)', 'file in messages.parts'])
    assert.equal(findings[`left behind: ${kind}`], 1, `${kind} in ${JSON.stringify(findings)}`);
  assert.match(JSON.stringify(report), /Onyx refused plan.pdf: .*too large/);
  const [row] = await query(url, `select jsonb_array_length(files) as n from chat_message where message = 'u1'`);
  assert.equal(row?.['n'], 1);
  assert.deepEqual((await verifyOnyx(arraySource(records), { connectionString: url })).differences.first, []);
});

test('a text of too many words is cut, and the whole of it attached to the question', async (t) => {
  const { url, server, load } = await place(t);
  const endless = Array.from({ length: 160_000 }, (_, number) => `word${number.toString(36)}x`).join(' ');
  const records = [
    shortConversation('u1 a1<u1 u2<a1', {}, (message) =>
      message.id === 'u2' ? message : { ...message, parts: [{ type: 'text', text: endless }] },
    ),
    shortConversation('a1', { id: chatId(9), key: 'answer first' }, (message) => ({
      ...message,
      parts: [{ type: 'text', text: endless }],
    })),
  ];
  const report = await load(records, { longText: 'cut' });
  assert.equal(report.counts.written, 2);
  assert.deepEqual(
    [report.findings?.['mended: long text cut'], report.findings?.['mended: long text split']],
    [2, 1],
    'below the root there is nothing to attach it to',
  );
  assert.deepEqual(
    server.files.map(({ bytes }) => bytes.toString() === endless),
    [true],
  );
  const rows = await query(
    url,
    `select length(message) < 310000 and message like '%[The text goes on in the attached file %' as cut, jsonb_array_length(m.files) as files
       from chat_message m join etl.onyx_message o on o.message_id = m.id where chat_session_id = $1 and o.source_id in ('u1', 'a1') order by m.id`,
    [records[0]?.id],
  );
  assert.deepEqual(rows, [
    { cut: true, files: 2 },
    { cut: true, files: null },
  ]);
  assert.deepEqual(await onyxInvariants(url), []);
  assert.deepEqual((await verifyOnyx(arraySource(records), { connectionString: url })).differences.first, []);
});
