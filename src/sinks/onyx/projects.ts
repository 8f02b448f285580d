import type { PostgresClient } from '../../connections/postgres.ts';

/** An owner's project, by name. */
export interface ProjectName {
  readonly userId: string;
  readonly name: string;
}

/**
 * Finds the projects that chats go into, and makes those that are not there. What an owner called so is taken; what was
 * deleted since is made anew.
 */
export async function openProjects(
  client: PostgresClient,
  schema: string,
  wanted: readonly ProjectName[],
): Promise<(userId: string, name: string) => number | null> {
  const projects = new Map<string, number>();
  const keyOf = (userId: string, name: string): string => `${userId} ${name}`;
  const names = [...new Map(wanted.map((one) => [keyOf(one.userId, one.name), one])).values()];
  if (names.length > 0) {
    const values = [names.map(({ userId }) => userId), names.map(({ name }) => name)];
    const { rows } = await client.query<{ user_id: string; name: string; id: number }>(
      `select distinct on (w.user_id, w.name) w.user_id, w.name, p.id
         from unnest($1::uuid[], $2::text[]) as w (user_id, name)
         join user_project p on p.user_id = w.user_id and p.name = w.name order by w.user_id, w.name, p.id`,
      values,
    );
    for (const { user_id: userId, name, id } of rows) projects.set(keyOf(userId, name), id);
    for (const { userId, name } of names) {
      if (projects.has(keyOf(userId, name))) continue;
      projects.set(keyOf(userId, name), await createProject(client, schema, { userId, name }));
    }
  }
  return (userId, name) => projects.get(keyOf(userId, name)) ?? null;
}

async function createProject(client: PostgresClient, schema: string, { userId, name }: ProjectName): Promise<number> {
  const { rows } = await client.query<{ id: number }>(
    `with made as (insert into user_project (user_id, name) values ($2, $3) returning id)
     insert into etl.onyx_project (schema, user_id, name, project_id) select $1, $2, $3, id from made
     on conflict (schema, user_id, name) do update set project_id = excluded.project_id returning project_id as id`,
    [schema, userId, name],
  );
  return rows[0]?.id ?? 0;
}
