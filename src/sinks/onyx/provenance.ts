import type { PostgresClient } from '../../connections/postgres.ts';

// No foreign keys to Onyx's tables: they would slow its deletes down, and a row that outlives its chat keeps a chat that
// was deleted from coming back.
const tables = `
  create schema if not exists etl;
  create table if not exists etl.onyx_chat (
    schema      text not null,
    key         text not null,
    session_id  uuid not null,
    digest      text not null,
    pipeline    text not null,
    load        uuid not null,
    imported_at timestamptz not null default now(),
    primary key (schema, key)
  );
  create index if not exists onyx_chat_session on etl.onyx_chat (session_id);
  create index if not exists onyx_chat_load on etl.onyx_chat (load);
  create table if not exists etl.onyx_message (
    session_id   uuid not null,
    source_id    text not null,
    message_id   integer not null,
    latest_child integer,
    primary key (session_id, message_id)
  );
  create table if not exists etl.onyx_tool (
    schema  text not null,
    name    text not null,
    tool_id integer not null,
    primary key (schema, name)
  );
  comment on table etl.onyx_chat is 'threadmill: which chat of Onyx came from which conversation. Its rows are never deleted with the chats.'`;

/** Makes the tables that hold what came from where, unless they are there. */
export async function createProvenance(client: PostgresClient): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>("select to_regclass('etl.onyx_tool') is not null as there");
  if (rows[0]?.there === true) return;
  await client.query('begin');
  await client.query("select pg_advisory_xact_lock(hashtextextended('etl:schema', 7))");
  await client.query(tables);
  await client.query('commit');
}
