import type { PostgresClient } from '../../connections/postgres.ts';
import { EtlError } from '../../errors.ts';
import type { OnyxLayout } from './layout.ts';

/** What is to be done with Onyx's tables: each needs other rights. */
export type OnyxWork = 'read' | 'import' | 'accounts' | 'passwords' | 'repair' | 'undo';

type Privilege = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';
type Needs = readonly (readonly [table: string, ...privileges: Privilege[]])[];

/**
 * Holds that the database's user may do this: on Onyx's tables, and in the schema `etl` where that is there already. Tables
 * that this Onyx does not have are none that need a right.
 *
 * @throws {EtlError} `ETL_AUTH_FAILED` with each right that is missing, and how to grant it.
 */
export async function requireRights(
  client: PostgresClient,
  schema: string,
  layout: OnyxLayout,
  works: readonly OnyxWork[],
): Promise<void> {
  const needs = works.flatMap((work) => needsOf(work, layout));
  const missing = await missingRights(
    client,
    schema,
    works.includes('accounts') ? await withTrigger(client, needs) : needs,
  );
  await requireOwnSchema(
    client,
    works.every((work) => work === 'read') ? ['SELECT'] : ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  );
  if (missing.length === 0) return;
  const { rows } = await client.query<{ role: string }>('select quote_ident(current_user) as role');
  const named = missing.map(({ table, privileges }) => `${privileges.join(', ')} on ${table}`);
  const grants = missing.map(
    ({ table, privileges }) => `GRANT ${privileges.join(', ')} ON ${table} TO ${rows[0]?.role ?? '…'}`,
  );
  throw new EtlError('ETL_AUTH_FAILED', `this user of the database lacks rights: ${named.join('; ')}`, {
    hint: `Connect as the user that Onyx itself connects as, or have them granted: ${grants.join('; ')}`,
  });
}

function needsOf(work: OnyxWork, { filled }: OnyxLayout): Needs {
  const of = (tables: readonly string[], ...privileges: Privilege[]): Needs =>
    tables.map((table) => [table, ...privileges] as const);
  switch (work) {
    case 'read':
      return of([...filled, 'user'], 'SELECT');
    case 'import':
      return [...of(filled, 'SELECT', 'INSERT'), ...of(['user', 'persona'], 'SELECT')];
    case 'accounts':
      return [...of(['user', 'user__user_group'], 'SELECT', 'INSERT'), ...of(['user_group'], 'SELECT')];
    case 'passwords':
      return of(['user'], 'UPDATE');
    case 'repair':
      return [...of(['chat_message'], 'SELECT', 'UPDATE'), ...of(['chat_message__search_doc'], 'SELECT', 'INSERT')];
    case 'undo':
      return of(filled, 'SELECT', 'DELETE');
  }
}

/** The first account takes over what was made without one: a trigger of Onyx's does that, with our rights. */
async function withTrigger(client: PostgresClient, needs: Needs): Promise<Needs> {
  const { rows } = await client.query(
    `select 1 from pg_trigger where tgrelid = to_regclass('"user"') and tgname = 'trg_migrate_no_auth_data'`,
  );
  return rows.length === 0 ? needs : [...needs, ['user', 'UPDATE', 'DELETE']];
}

interface MissingRights {
  /** With its schema, quoted where that is needed. */
  readonly table: string;
  readonly privileges: readonly string[];
}

async function missingRights(client: PostgresClient, schema: string, needs: Needs): Promise<MissingRights[]> {
  const wanted = needs.flatMap(([table, ...privileges]) => privileges.map((privilege) => [table, privilege] as const));
  const { rows } = await client.query<MissingRights>(
    `select format('%I.%I', n.nspname, c.relname) as "table", array_agg(distinct w.privilege) as privileges
       from unnest($2::text[], $3::text[]) as w (name, privilege)
       join pg_namespace n on n.nspname = $1 join pg_class c on c.relnamespace = n.oid and c.relname = w.name
      where not has_table_privilege(c.oid, w.privilege) group by 1 order by 1`,
    [schema, wanted.map(([table]) => table), wanted.map(([, privilege]) => privilege)],
  );
  return rows;
}

/** Ours may have been made by another role. Where it is not there yet, whoever makes it says what that needs. */
async function requireOwnSchema(client: PostgresClient, privileges: readonly Privilege[]): Promise<void> {
  const { rows } = await client.query<{ role: string }>(
    `select quote_ident(current_user) as role from pg_namespace n
      where nspname = 'etl' and (not has_schema_privilege(n.oid, 'USAGE') or exists (
        select 1 from pg_class c cross join unnest($1::text[]) as privilege
         where c.relnamespace = n.oid and c.relkind = 'r' and (c.relname = 'run' or c.relname like 'onyx\\_%')
           and not has_table_privilege(c.oid, privilege)))`,
    [privileges],
  );
  const [found] = rows;
  if (found === undefined) return;
  const onSchema = privileges.length > 1 ? 'USAGE, CREATE' : 'USAGE';
  throw new EtlError(
    'ETL_AUTH_FAILED',
    'this user of the database may not use the schema "etl", where progress and provenance are kept',
    {
      hint:
        `Connect as the role that made it, or have it granted: GRANT ${onSchema} ON SCHEMA etl TO ${found.role}; ` +
        `GRANT ${privileges.join(', ')} ON ALL TABLES IN SCHEMA etl TO ${found.role}`,
    },
  );
}
