import { readFile } from 'node:fs/promises';

import { postgresForTests, query } from '../postgres.ts';

/** Makes a database with Onyx's tables and an account for each address; gives its connection string. */
export async function onyxDatabase(emails: readonly string[] = ['ana@example.org']): Promise<string> {
  const url = await (await postgresForTests()).database();
  await query(url, await readFile(new URL('./tables.sql', import.meta.url), 'utf8'));
  const sql = `insert into "user" (id, email, hashed_password, is_active, is_superuser, is_verified)
    select gen_random_uuid(), email, 'x', true, false, true from unnest($1::text[]) email`;
  await query(url, sql, [emails]);
  return url;
}

/** The same with the tables of an older release: v2.5 (generation B), or v1.9 (A), as far as they differ here. */
export async function olderOnyxDatabase(
  generation: 'A' | 'B',
  emails: readonly string[] = ['ana@example.org'],
): Promise<string> {
  const url = await (await postgresForTests()).database();
  await query(url, await readFile(new URL('./tables-v2.5.sql', import.meta.url), 'utf8'));
  if (generation === 'A')
    await query(
      url,
      'alter table chat_session drop column project_id; drop table user_project; alter table chat_session add column folder_id int',
    );
  const sql = `insert into "user" (id, email, hashed_password, is_active, is_superuser, is_verified, role)
    select gen_random_uuid(), email, 'x', true, false, true, 'BASIC' from unnest($1::text[]) email`;
  await query(url, sql, [emails]);
  return url;
}

/** Lets a test break what the database itself would not let be broken. */
export async function withoutForeignKeys(url: string): Promise<void> {
  const found = await query(
    url,
    `select conrelid::regclass::text as "table", quote_ident(conname) as name from pg_constraint
      where contype = 'f' and conrelid = 'chat_message'::regclass`,
  );
  for (const { table, name } of found) await query(url, `alter table ${String(table)} drop constraint ${String(name)}`);
}

/**
 * What Onyx could not show or go on with, over all chats of a database: a line for each broken rule and message.
 *
 * Looks at the rows as they are, independently of how they were written.
 */
export async function onyxInvariants(url: string): Promise<string[]> {
  const rows = await query(url, broken);
  return rows.map(({ rule, id }) => `${String(rule)}: ${String(id)}`);
}

const broken = `
  with m as (select * from chat_message),
  children as (select parent_message_id as id, count(*) as n from m where parent_message_id is not null group by 1)
  select 'not one root' as rule, s.id::text as id from chat_session s
    left join m on m.chat_session_id = s.id and m.parent_message_id is null group by s.id having count(m.id) <> 1
  union all select 'a root that is not an empty SYSTEM', id::text from m where parent_message_id is null
    and (message_type <> 'SYSTEM' or message <> '' or token_count <> 0)
  union all select 'SYSTEM below the root', id::text from m where parent_message_id is not null and message_type = 'SYSTEM'
  union all select 'an unknown type', id::text from m where message_type not in ('SYSTEM', 'USER', 'ASSISTANT')
  union all select 'a parent in another chat', m.id::text from m join m p on p.id = m.parent_message_id
    where p.chat_session_id is distinct from m.chat_session_id
  union all select 'an id not above the parent', id::text from m where parent_message_id >= id
  union all select 'a time not after the parent', m.id::text from m join m p on p.id = m.parent_message_id where m.time_sent <= p.time_sent
  union all select 'an answer under an answer', m.id::text from m join m p on p.id = m.parent_message_id
    where m.message_type = 'ASSISTANT' and p.message_type = 'ASSISTANT'
  union all select 'no shown child', m.id::text from m join children using (id) where latest_child_message_id is null
  union all select 'a shown child that is none', m.id::text from m left join m c on c.id = m.latest_child_message_id
    where m.latest_child_message_id is not null and c.parent_message_id is distinct from m.id
  union all select 'a message without a chat', id::text from m where chat_session_id is null
  union all select 'two named answers side by side', parent_message_id::text from m where model_display_name is not null
    group by parent_message_id having count(*) > 1
  union all select 'a chat without owner, persona or with odd words', id::text from chat_session
    where user_id is null or persona_id is null or shared_status not in ('PRIVATE', 'PUBLIC') or jsonb_typeof(llm_override) <> 'object'
  union all select 'chats of one owner with one time', min(id::text) from chat_session group by user_id, time_updated having count(*) > 1
  union all select 'files that are no list', id::text from m where files is not null and jsonb_typeof(files) <> 'array'
  union all select 'a citation of a document that is not linked', m.id::text from m cross join jsonb_each(coalesce(citations, '{}')) c
    where not exists (select 1 from chat_message__search_doc d where d.chat_message_id = m.id and d.search_doc_id = (c.value)::int)
  union all select 'a tool call without a tool, or arguments that are no object', c.id::text from tool_call c
    where not exists (select 1 from tool where id = c.tool_id) or jsonb_typeof(tool_call_arguments) <> 'object'
  union all select 'a tool call in another chat than its answer', c.id::text from tool_call c join m on m.id = c.parent_chat_message_id
    where m.chat_session_id <> c.chat_session_id or m.message_type <> 'ASSISTANT'
  union all select 'two tool calls in one place', min(id)::text from tool_call group by parent_chat_message_id, turn_number, tab_index having count(*) > 1
  union all select 'an id the sequence has not given', max(id)::text from m having max(id) > (select last_value from chat_message_id_seq)`;

/** All that an import wrote, without the ids that differ from import to import: messages are named as in the source. */
export async function onyxContent(url: string): Promise<Record<string, unknown>[]> {
  return query(
    url,
    `select k.key, s.id, s.description, s.time_created::text, s.time_updated::text, u.email, o.source_id, p.source_id as parent,
            l.source_id as latest, m.message_type, m.message, m.token_count, m.time_sent::text, m.reasoning_tokens, m.error,
            m.model_display_name, m.files,
            (select jsonb_agg(jsonb_build_array(c.turn_number, t.name, c.tool_call_id, c.tool_call_arguments, c.tool_call_response) order by turn_number)
               from tool_call c join tool t on t.id = c.tool_id where c.parent_chat_message_id = m.id) as calls,
            (select jsonb_agg(jsonb_build_array(d.link, d.blurb) order by d.id) from chat_message__search_doc j
               join search_doc d on d.id = j.search_doc_id where j.chat_message_id = m.id) as documents,
            (select jsonb_agg(jsonb_build_array(is_positive, feedback_text)) from chat_feedback f where f.chat_message_id = m.id) as feedback
       from chat_message m join chat_session s on s.id = m.chat_session_id join "user" u on u.id = s.user_id
       join etl.onyx_chat k on k.session_id = s.id join etl.onyx_message o on o.message_id = m.id
       left join etl.onyx_message p on p.message_id = m.parent_message_id
       left join etl.onyx_message l on l.message_id = m.latest_child_message_id
      order by s.id, m.id`,
  );
}
