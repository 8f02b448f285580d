import type { PostgresClient } from '../../connections/postgres.ts';

/** Unqualified names are those of the tenant's schema. */
export async function useSchema(client: PostgresClient, schema: string): Promise<void> {
  await client.query("select set_config('search_path', quote_ident($1) || ', public', false)", [schema]);
}
