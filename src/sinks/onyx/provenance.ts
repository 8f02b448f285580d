import type { PostgresClient } from '../../connections/postgres.ts';

// No foreign keys to Onyx's tables: they would slow its deletes down, and a row that outlives its chat keeps a chat that
// was deleted from coming back.
const tables = `
  create schema if not exists etl;
  create table if not exists etl.onyx_load (
    load      uuid primary key,
    run       uuid not null,
    schema    text not null,
    pipeline  text not null,
    options   jsonb not null,
    loaded_at timestamptz not null default now()
  );
  create index if not exists onyx_load_run on etl.onyx_load (run);
  create table if not exists etl.onyx_chat (
    schema      text not null,
    key         text not null,
    session_id  uuid not null,
    digest      text not null,
    load        uuid not null,
    constraint onyx_chat_pkey primary key (schema, key)
  );
  create index if not exists onyx_chat_session on etl.onyx_chat (session_id);
  create index if not exists onyx_chat_load on etl.onyx_chat (load);
  create table if not exists etl.onyx_message (
    schema       text not null,
    session_id   uuid not null,
    source_id    text not null,
    message_id   integer not null,
    latest_child integer,
    files        integer not null,
    primary key (schema, session_id, message_id)
  );
  create table if not exists etl.onyx_tool (
    schema  text not null,
    name    text not null,
    tool_id integer not null,
    primary key (schema, name)
  );
  create table if not exists etl.onyx_project (
    schema     text not null,
    user_id    uuid not null,
    name       text not null,
    project_id integer not null,
    primary key (schema, user_id, name)
  );
  create table if not exists etl.onyx_user_file (
    schema       text not null,
    user_id      uuid not null,
    file_id      text not null,
    user_file_id uuid not null,
    primary key (schema, user_id, file_id)
  );
  comment on table etl.onyx_chat is 'threadmill: which chat of Onyx came from which conversation. Its rows are never deleted with the chats.'`;

/** Makes the tables that hold what came from where, unless they are there. */
export async function createProvenance(client: PostgresClient): Promise<void> {
  if (await hasProvenance(client)) return;
  await client.query('begin');
  await client.query("select pg_advisory_xact_lock(hashtextextended('etl:schema', 7))");
  await client.query(tables);
  await client.query('commit');
}

/** Whether anything was ever imported into this database by us. */
export async function hasProvenance(client: PostgresClient): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>(
    "select to_regclass('etl.onyx_user_file') is not null as there",
  );
  return rows[0]?.there === true;
}
