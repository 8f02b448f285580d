import { postgresFault, type PostgresClient } from '../connections/postgres.ts';

const prefix = 'etl_undo_';
/** A table of fewer rows is searched as quickly as an index is made. */
const worthIt = 1000;

/**
 * Makes an index for each column that points at chats, messages, tool calls or documents and has none: a deleted row is
 * looked for in each of them. Without the right to make them it says so, and the work is slow.
 */
export async function makeHelperIndexes(
  client: PostgresClient,
  schema: string,
  warn: (message: string) => void,
): Promise<void> {
  await dropHelperIndexes(client, schema);
  const { rows } = await client.query<{ table: string; column: string }>(
    `select c.relname as "table", a.attname as "column"
       from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
       join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
      where k.contype = 'f' and n.nspname = $1 and cardinality(k.conkey) = 1
        and k.confrelid = any(array[to_regclass('chat_session'), to_regclass('chat_message'), to_regclass('tool_call'), to_regclass('search_doc')])
        -- A table that was never analysed has no number.
        and (c.reltuples < 0 or c.reltuples >= $2)
        and not exists (select 1 from pg_index i where i.indrelid = k.conrelid and i.indkey[0] = k.conkey[1] and i.indisvalid)
      group by 1, 2 order by 1, 2`,
    [schema, worthIt],
  );
  for (const [place, { table, column }] of rows.entries()) {
    try {
      // Concurrently: a running Onyx goes on writing meanwhile.
      await client.query(`create index concurrently ${prefix}${place + 1} on "${table}" ("${column}")`);
    } catch (error) {
      if (postgresFault(error).sqlState !== '42501') throw error;
      warn(
        `this user of the database may not make indexes on ${table}: without them each deletion searches whole tables`,
      );
      return;
    }
  }
}

/** Drops what an undo has made, also one that was killed. */
export async function dropHelperIndexes(client: PostgresClient, schema: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relkind = 'i' and c.relname like $2`,
    [schema, `${prefix.replaceAll('_', '\\_')}%`],
  );
  for (const { name } of rows) await client.query(`drop index concurrently if exists "${name}"`);
}
