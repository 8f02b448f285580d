import type { PostgresClient } from '../../connections/postgres.ts';
import { EtlError } from '../../errors.ts';
import { generations, releases, type OnyxGeneration, type OnyxLayout } from './layout.ts';
import { requireRights, type OnyxWork } from './rights.ts';

/** What there is to know about an Onyx database before writing to it. */
export interface OnyxDatabase extends OnyxLayout {
  readonly generation: OnyxGeneration;
  /** Whether a table has a column that only some releases have. */
  has(table: string, column: string): boolean;
  /** The sequences that give ids, by table. */
  readonly sequences: Readonly<Record<'chat_message' | 'tool_call' | 'search_doc', string>>;
  /** After so many days an Onyx with this setting deletes chats for good. */
  readonly retentionDays: number | undefined;
}

interface Column {
  readonly table: string;
  readonly name: string;
  readonly isRequired: boolean;
}

/**
 * Looks at the tables of an Onyx database and says how to write to them.
 *
 * Goes by the columns, as releases and migrations do not tell enough: A (up to v1.9), B (v1.10 to v2.5), C (since v2.6.0).
 * Also reads whether chats are deleted after a time.
 *
 * @throws {EtlError} `ETL_CONFIG_INVALID` for tables of a form that is not known, with what is missing and what is too much
 *   compared with the known form that is nearest, and when a sequence is not there; `ETL_AUTH_FAILED` when a right is missing
 *   that `works` need.
 */
export async function probeOnyx(
  client: PostgresClient,
  schema: string,
  works: readonly OnyxWork[] = ['import'],
): Promise<OnyxDatabase> {
  const { rows: columns } = await client.query<Column>(
    // Not information_schema, which hides tables that one has no right to.
    `select c.relname as "table", a.attname as name,
            a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attgenerated = '' as "isRequired"
       from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped`,
    [schema],
  );
  const there = new Set(columns.map(({ table, name }) => `${table}.${name}`));
  const has = (table: string, column: string): boolean => there.has(`${table}.${column}`);
  if (!has('chat_message', 'message'))
    throw wrong(
      `schema "${schema}" holds no Onyx tables`,
      'Check the database and the schema: `connectionString` and `schema`, or --db-name and --schema.',
    );
  const generation = generationOf(columns, there, schema);
  const layout = generations[generation];
  await requireRights(client, schema, layout, works);
  const mayTake = works.includes('import');
  return {
    ...layout,
    generation,
    has,
    sequences: {
      chat_message: await sequenceOf(client, schema, 'chat_message', mayTake),
      tool_call: await sequenceOf(client, schema, 'tool_call', mayTake),
      search_doc: await sequenceOf(client, schema, 'search_doc', mayTake),
    },
    retentionDays: has('key_value_store', 'value') ? await retention(client) : undefined,
  };
}

interface Difference {
  readonly generation: OnyxGeneration;
  readonly missing: readonly string[];
  readonly required: readonly string[];
}

/** The generation whose columns are all there, the newest of several; else the difference to the nearest one is said. */
function generationOf(columns: readonly Column[], there: ReadonlySet<string>, schema: string): OnyxGeneration {
  const newestFirst = ['C', 'B', 'A'] as const;
  const [nearest] = newestFirst
    .map((generation) => differenceTo(generation, columns, there))
    .sort((a, b) => sizeOf(a) - sizeOf(b));
  if (nearest === undefined || sizeOf(nearest) === 0) return nearest?.generation ?? 'C';
  const { generation, missing, required } = nearest;
  const difference = [
    missing.length > 0 ? `missing: ${missing.join(', ')}` : '',
    required.length > 0 ? `required and not known: ${required.join(', ')}` : '',
  ].filter((part) => part !== '');
  throw wrong(
    `the tables in schema "${schema}" are not those of a known Onyx generation: the nearest is that of ${releases[generation]}, but ${difference.join('; ')}`,
    'Is the upgrade of this Onyx complete? Else please report its release and this difference.',
  );
}

function differenceTo(generation: OnyxGeneration, columns: readonly Column[], there: ReadonlySet<string>): Difference {
  const { written, filled } = generations[generation];
  const tables = new Set(columns.map(({ table }) => table));
  return {
    generation,
    missing: Object.entries(written).flatMap(([table, names]) =>
      tables.has(table)
        ? names.map((name) => `${table}.${name}`).filter((column) => !there.has(column))
        : [`the table ${table}`],
    ),
    required: columns
      .filter(
        ({ table, name, isRequired }) =>
          isRequired && filled.includes(table) && written[table]?.includes(name) !== true,
      )
      .map(({ table, name }) => `${table}.${name}`),
  };
}

function sizeOf({ missing, required }: Difference): number {
  return missing.length + required.length;
}

async function sequenceOf(client: PostgresClient, schema: string, table: string, mayTake: boolean): Promise<string> {
  const { rows } = await client.query<{ name: string | null; may: boolean | null; role: string }>(
    "select s as name, has_sequence_privilege(s, 'usage') as may, quote_ident(current_user) as role from pg_get_serial_sequence(format('%I.%I', $1::text, $2::text), 'id') s",
    [schema, table],
  );
  const [found] = rows;
  if (found?.name === null || found === undefined)
    throw wrong(`the ids of ${schema}.${table} come from no sequence that belongs to the column`);
  if (found.may === true || !mayTake) return found.name;
  throw new EtlError('ETL_AUTH_FAILED', `this user of the database may not take ids from ${found.name}`, {
    hint: `Have it granted: GRANT USAGE ON SEQUENCE ${found.name} TO ${found.role}`,
  });
}

/** The days after which an Onyx with this setting deletes chats. */
async function retention(client: PostgresClient): Promise<number | undefined> {
  const { rows } = await client.query<{ days: string | null }>(
    `select value ->> 'maximum_chat_retention_days' as days from key_value_store
      where jsonb_typeof(value) = 'object' and value ->> 'maximum_chat_retention_days' is not null`,
  );
  const days = Number(rows[0]?.days);
  return days > 0 ? days : undefined;
}

function wrong(what: string, hint?: string): EtlError {
  return new EtlError('ETL_CONFIG_INVALID', what, hint === undefined ? {} : { hint });
}
