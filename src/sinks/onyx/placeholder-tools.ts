import type { PostgresClient } from '../../connections/postgres.ts';
import type { PlacedChat } from './place-chats.ts';

/**
 * A tool for each name that is called: one of ours, made when it is not there. It is switched off and no persona has it, so
 * it is shown in the chats that used it and not offered for new ones. Onyx's own tools expect their own form of results.
 */
export async function placeholderTools(
  client: PostgresClient,
  schema: string,
  placed: readonly PlacedChat[],
): Promise<Map<string, number>> {
  const called = placed.flatMap(({ chat }) =>
    chat.messages.flatMap(({ toolCalls }) => toolCalls.map(({ name }) => name)),
  );
  const names = [...new Set(called)];
  if (names.length === 0) return new Map();
  const { rows } = await client.query<{ name: string; id: number }>(
    `select m.name, t.id from etl.onyx_tool m join tool t on t.id = m.tool_id where m.schema = $1 and m.name = any($2)`,
    [schema, names],
  );
  const tools = new Map(rows.map(({ name, id }) => [name, id]));
  for (const name of names) {
    if (tools.has(name)) continue;
    const { rows: made } = await client.query<{ id: number }>(
      `insert into tool (name, display_name, description, enabled, passthrough_auth)
       values ($1, $1, 'Used in imported chats', false, false) returning id`,
      [name.toWellFormed().replaceAll('\0', '')],
    );
    const id = made[0]?.id ?? 0;
    await client.query(
      `insert into etl.onyx_tool (schema, name, tool_id) values ($1, $2, $3)
       on conflict (schema, name) do update set tool_id = excluded.tool_id`,
      [schema, name.toWellFormed().replaceAll('\0', ''), id],
    );
    tools.set(name, id);
  }
  return tools;
}
