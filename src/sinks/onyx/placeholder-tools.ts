import type { PostgresClient } from '../../connections/postgres.ts';
import type { OnyxDatabase } from './generation.ts';

/**
 * A tool for each name that is called: one of ours, made when it is not there. It is switched off and no persona has it, so
 * it is shown in the chats that used it and not offered for new ones. Onyx's own tools expect their own form of results.
 */
export async function placeholderTools(
  client: PostgresClient,
  schema: string,
  called: ReadonlySet<string>,
  database: OnyxDatabase,
): Promise<ReadonlyMap<string, number>> {
  if (called.size === 0 || !database.has('tool', 'name')) return new Map();
  const names = [...called];
  const { rows } = await client.query<{ name: string; id: number }>(
    `select m.name, t.id from etl.onyx_tool m join tool t on t.id = m.tool_id where m.schema = $1 and m.name = any($2)`,
    [schema, names],
  );
  const tools = new Map(rows.map(({ name, id }) => [name, id]));
  for (const name of names) if (!tools.has(name)) tools.set(name, await createTool(client, schema, name, database));
  return tools;
}

async function createTool(
  client: PostgresClient,
  schema: string,
  name: string,
  database: OnyxDatabase,
): Promise<number> {
  const values: Readonly<Record<string, unknown>> = {
    name,
    display_name: name,
    description: 'Used in imported chats',
    enabled: false,
    passthrough_auth: false,
  };
  const columns = Object.keys(values).filter((column) => database.has('tool', column));
  const { rows } = await client.query<{ id: number }>(
    `with made as (insert into tool (${columns.join(', ')})
                   values (${columns.map((_, place) => `$${place + 2}`).join(', ')}) returning id)
     insert into etl.onyx_tool (schema, name, tool_id) select $1, $${columns.length + 2}, id from made
     on conflict (schema, name) do update set tool_id = excluded.tool_id returning tool_id as id`,
    [schema, ...columns.map((column) => values[column]), name],
  );
  return rows[0]?.id ?? 0;
}
