// How long does an import into Onyx take, against the best that SQL alone could do with the rows ready-made?
// Command: npm run bench -- onyx-import   (ETL_BENCH_CHATS=1500: a fourth of it)
// Data:    6000 conversations of 12 messages of about 1 KB of text (bench/data.ts, seed 1), 82 MB of JSON lines; tables, indexes and
//          the generated search column as Onyx's migrations make them, with the server's default settings
// Machine: 2 cores x86-64, Node 20.20, PostgreSQL 18 on the same cores, 2026-11-21, otherwise idle, one round
//
// | variant                          | records/s | wall s | CPU s | peak MB | ratio |
// | pure-SQL recipe, ready-made rows |      4049 |  17.78 |  0.15 |     450 |  1.00 |
// | one connection                   |      4289 |  16.79 |  3.81 |     183 |  1.06 |
// | two connections                  |      7282 |   9.89 |  3.54 |     224 |  1.80 |
//
// Reading: the server's to_tsvector and its index are most of it, for everybody: 12 s of the 13.6 that it works. The rows of the next
// load are made while the server is busy with the messages of this one, and are asked for only when those flow: else making them kept
// the server waiting for a fifth of the time. Two connections are 1.70 times one (1.60 to 1.72 in three rounds before): the server's 13.6 s
// and our 3.1 s cannot take less than 8.4 s on two cores, and without us the server alone gains 1.9 times by the second one. A
// fifth of our time is Node compiling, once: of 3000 conversations two connections are 1.56 times one. Making messages and rows field
// by field and not by spreading objects, digests of plain text, and ids as one text took our part down from 4.5 s.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';

import { copyInto } from '../src/connections/postgres-copy.ts';
import { conversationToOnyx } from '../src/mappings/conversation-to-onyx.ts';
import { timeText } from '../src/mappings/conversation-to-onyx-times.ts';
import type { Conversation, Message } from '../src/models/conversation.ts';
import { pipeline } from '../src/pipeline.ts';
import { jsonlSink } from '../src/sinks/jsonl.ts';
import { onyxSink } from '../src/sinks/onyx.ts';
import { jsonlSource } from '../src/sources/jsonl.ts';
import { conversationOf } from '../test/helpers/conversation.ts';
import { messages, type BenchMessage } from './data.ts';
import { bench, type Work } from './harness.ts';
import { startPostgresServer } from './postgres-server.ts';

const chats = Number(process.env['ETL_BENCH_CHATS'] ?? 6000);
const messagesInChat = 12;
const input = join(tmpdir(), 'etl-bench-data', `v1-conversations-${chats}.jsonl`);

process.env['ETL_BENCH_POSTGRES'] ??= process.env['ETL_BENCH_VARIANT'] === undefined ? await startPostgresServer() : '';
const url = process.env['ETL_BENCH_POSTGRES'];

async function query(sql: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(sql, [...values]);
  await client.end();
  return rows;
}

function toMessage({
  messageId,
  parentMessageId,
  isCreatedByUser,
  createdAt,
  tokenCount,
  text,
}: BenchMessage): Message {
  return {
    id: messageId,
    parentId: parentMessageId,
    role: isCreatedByUser ? 'user' : 'assistant',
    createdAt,
    parts: [{ type: 'text', text }],
    tokens: tokenCount + 1,
  };
}

function* conversations(): Generator<Conversation> {
  const source = messages();
  for (let number = 0; number < chats; number += 1) {
    const own = Array.from({ length: messagesInChat }, () => toMessage(source.next().value as BenchMessage));
    const id = `0b5f9d1e-0000-4000-8000-${String(number).padStart(12, '0')}`;
    yield conversationOf(own, {
      id,
      key: `bench:${number % 50}:${id}`,
      owner: { id: String(number % 50), email: `user${number % 50}@example.org` },
      title: `Chat ${number}`,
      createdAt: own[0]?.createdAt ?? null,
      updatedAt: own.at(-1)?.createdAt ?? null,
      source: { system: 'bench' },
    });
  }
}

async function data(): Promise<void> {
  if (!existsSync(input)) {
    await pipeline({
      role: 'source',
      name: 'bench',
      read: async function* () {
        let records: Conversation[] = [];
        for (const conversation of conversations()) {
          records.push(conversation);
          if (records.length < 100) continue;
          yield { records };
          records = [];
        }
        yield { records };
      },
    })
      .to(jsonlSink({ path: input }))
      .run();
  }
  await query(await readFile(new URL('../test/helpers/onyx/tables.sql', import.meta.url), 'utf8'));
  await query(`insert into "user" (id, email, hashed_password, is_active, is_superuser, is_verified)
    select gen_random_uuid(), 'user' || n || '@example.org', 'x', true, false, true from generate_series(0, 49) n`);
}

async function empty(): Promise<void> {
  await query('truncate chat_session, chat_message, tool_call, search_doc, chat_feedback cascade');
  await query('drop schema if exists etl cascade');
  await query('checkpoint');
}

/** What was written, whatever its ids are. */
async function content(): Promise<string> {
  // Of tables that nobody has analysed yet the server would join each message with all others.
  await query('analyze chat_message');
  const [row] =
    await query(`select count(*)::text || ' ' || sum(hashtextextended(concat_ws(' ', m.chat_session_id, p.message, l.message, m.message_type,
      m.message, m.time_sent, m.token_count), 0))::text as sum
    from chat_message m left join chat_message p on p.id = m.parent_message_id left join chat_message l on l.id = m.latest_child_message_id`);
  return String(row?.['sum']);
}

async function imported(connections: number): Promise<Work> {
  const { bytesRead } = await pipeline(jsonlSource<Conversation>({ path: input }), { name: 'bench' })
    .to(onyxSink({ connectionString: url, connections }))
    .run();
  return { records: chats * messagesInChat, bytes: bytesRead, output: content };
}

let staged: { readonly sessions: Buffer; readonly messages: Buffer; readonly bytes: number };

/** Rows for the recipe's staging tables, ready before the clock starts. */
async function stage(): Promise<void> {
  await empty();
  const line = (...fields: readonly (string | number | null)[]): string =>
    `${fields.map((field) => (field === null ? '\\N' : String(field).replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t').replaceAll('\r', '\\r'))).join('\t')}\n`;
  const sessions: string[] = [];
  const rows: string[] = [];
  for (const conversation of conversations()) {
    const { chat } = conversationToOnyx(conversation);
    const nameAt = (place: number | null): string | null =>
      place === null ? null : (chat.messages[place]?.sourceId ?? null);
    sessions.push(
      line(
        conversation.key,
        chat.sessionId,
        conversation.owner.email ?? null,
        chat.title,
        timeText(chat.timeCreated),
        timeText(chat.timeUpdated),
      ),
    );
    for (const [place, message] of chat.messages.entries())
      rows.push(
        line(
          conversation.key,
          place,
          message.sourceId,
          nameAt(message.parent),
          nameAt(message.latestChild),
          message.type,
          message.text,
          message.tokens,
          timeText(message.timeSent),
        ),
      );
  }
  staged = { sessions: Buffer.from(sessions.join('')), messages: Buffer.from(rows.join('')), bytes: 0 };
}

/** Staging tables, ids into a map, and one INSERT with both pointers resolved: nothing is parsed or mapped. */
async function recipe(): Promise<Work> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { signal } = new AbortController();
  await client.query(`create schema etl;
    create table etl.conv_map (src_id text primary key, session_id uuid not null);
    create table etl.msg_map (src_conv text, src_id text, id int not null, primary key (src_conv, src_id));
    create unlogged table etl.s (src_id text, id uuid, email text, title text, created timestamptz, updated timestamptz);
    create unlogged table etl.m (src_conv text, ord int, src_id text, parent text, latest text, type text, message text, tokens int, sent timestamptz)`);
  await client.query('begin; set local synchronous_commit = off');
  await copyInto(client, 'copy etl.s from stdin', [staged.sessions], signal);
  await copyInto(client, 'copy etl.m from stdin', [staged.messages], signal);
  await client.query('analyze etl.s; analyze etl.m');
  await client.query('insert into etl.conv_map select src_id, id from etl.s on conflict do nothing');
  await client.query(`insert into etl.msg_map select src_conv, src_id, nextval('chat_message_id_seq')
    from (select src_conv, src_id from etl.m order by src_conv, ord) q on conflict do nothing`);
  await client.query('analyze etl.msg_map');
  await client.query(`insert into chat_session (id, user_id, description, deleted, shared_status, time_created, time_updated, persona_id, onyxbot_flow)
    select s.id, u.id, title, false, 'PRIVATE', created, updated, 0, false from etl.s join "user" u using (email)`);
  await client.query(`insert into chat_message (id, chat_session_id, parent_message_id, latest_child_message_id, message_type, message, token_count, time_sent, files)
    select i.id, c.session_id, p.id, l.id, m.type, m.message, m.tokens, m.sent, case when m.type = 'USER' then '[]'::jsonb end
      from etl.m join etl.conv_map c on c.src_id = m.src_conv join etl.msg_map i on i.src_conv = m.src_conv and i.src_id = m.src_id
      left join etl.msg_map p on p.src_conv = m.src_conv and p.src_id = m.parent
      left join etl.msg_map l on l.src_conv = m.src_conv and l.src_id = m.latest`);
  await client.query('commit');
  await client.end();
  return { records: chats * messagesInChat, output: content };
}

await bench({
  question: `${chats} conversations of ${messagesInChat} messages into Onyx's tables (PostgreSQL's default settings)`,
  base: 'pure-SQL recipe, ready-made rows',
  rounds: 3,
  data,
  variants: [
    { name: 'pure-SQL recipe, ready-made rows', prepare: stage, run: recipe },
    { name: 'one connection', prepare: empty, run: () => imported(1), target: { ratio: 0.83, peakMegabytes: 250 } },
    { name: 'two connections', prepare: empty, run: () => imported(2), target: { ratio: 1.6, peakMegabytes: 250 } },
  ],
});
