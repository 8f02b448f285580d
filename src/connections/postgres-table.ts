import { closest } from '../closest.ts';
import { EtlError } from '../errors.ts';
import type { PostgresClient } from './postgres.ts';

/** A column of a table as the catalogue has it. */
export interface TableColumn {
  readonly name: string;
  /** `pg_type.typname`: `text`, `int4`, `_text` for an array of text. */
  readonly type: string;
  /** The type as one writes it: `character varying(20)`. */
  readonly declared: string;
  /** The type without length or precision: `character varying`. */
  readonly bare: string;
  /** Its values are labels, which travel as text. */
  readonly isEnum: boolean;
  readonly notNull: boolean;
  /** It fills itself when nothing is given: a default, identity or generated column. */
  readonly hasDefault: boolean;
  /** Nothing may be given: a generated column, or identity `always`. */
  readonly isGenerated: boolean;
}

/** The table or view that was probably meant by a name (as SQL takes it) that there is none of. */
export async function nearestTable(client: PostgresClient, table: string): Promise<string | undefined> {
  const { rows } = await client.query<{ name: string }>(
    `select case when pg_table_is_visible(c.oid) then '' else '"' || replace(n.nspname, '"', '""') || '".' end
            || '"' || replace(c.relname, '"', '""') || '"' as name
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      order by 1 limit 2000`,
  );
  return closest(
    table,
    rows.map(({ name }) => name),
  );
}

/** A table's columns in their order; nothing when there is no such table. */
export async function describeTable(client: PostgresClient, table: string): Promise<TableColumn[] | undefined> {
  const { rows } = await client.query<{ found: string | null }>('select to_regclass($1)::oid as found', [table]);
  const found = rows[0]?.found;
  if (found === null || found === undefined) return undefined;
  const { rows: columns } = await client.query<TableColumn>(
    `select a.attname as name,
            coalesce(base.typname, t.typname) as type,
            format_type(a.atttypid, a.atttypmod) as declared,
            format_type(a.atttypid, -1) as bare,
            coalesce(base.typtype, t.typtype) = 'e' as "isEnum",
            a.attnotnull as "notNull",
            (a.atthasdef or a.attidentity <> '') as "hasDefault",
            (a.attgenerated <> '' or a.attidentity = 'a') as "isGenerated"
       from pg_attribute a
       join pg_type t on t.oid = a.atttypid
       left join pg_type base on t.typtype = 'd' and base.oid = t.typbasetype
      where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
      order by a.attnum`,
    [found],
  );
  return columns;
}

/** The columns of the table's primary key, or of its only unique constraint; nothing when that is not clear. */
export async function keyOf(client: PostgresClient, table: string): Promise<string[]> {
  const { rows } = await client.query<{ columns: string[] }>(
    `select array_agg(a.attname::text order by k.place) as columns
       from pg_index i
       cross join lateral unnest(i.indkey::smallint[]) with ordinality as k(attnum, place)
       join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum and k.place <= i.indnkeyatts
      where i.indrelid = to_regclass($1) and i.indisunique and i.indpred is null and i.indexprs is null
      group by i.indexrelid, i.indisprimary
      order by i.indisprimary desc`,
    [table],
  );
  return rows[0]?.columns ?? [];
}

/** A name as SQL takes it: quoted, unless it needs no quotes. */
export function identifier(name: string): string {
  if (name.includes('\0'))
    throw new EtlError('ETL_CONFIG_INVALID', `a name cannot hold a NUL character: ${JSON.stringify(name)}`);
  return /^[a-z_][a-z0-9_]*$/.test(name) ? `"${name}"` : `"${name.replaceAll('"', '""')}"`;
}

/** `schema.table` or `table` as SQL takes it. A name that holds a dot itself is written in double quotes. */
export function qualifiedName(table: string): string {
  const parts = table.match(/"(?:[^"]|"")*"|[^.]+/g) ?? [];
  return parts
    .map((part) => identifier(part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part))
    .join('.');
}

/** What a table's rules mean for transactions that write it beside each other, and for when they are checked. */
export interface TableRules {
  /** It has a unique index or an exclusion constraint: a transaction may wait for another's row. */
  readonly isUnique: boolean;
  /** A constraint may be checked as late as at COMMIT, where no row can be singled out any more. */
  readonly isDeferrable: boolean;
}

export async function tableRules(client: PostgresClient, table: string): Promise<TableRules> {
  const { rows } = await client.query<TableRules>(
    `select exists (select from pg_index where indrelid = to_regclass($1) and (indisunique or indisexclusion)) as "isUnique",
            exists (select from pg_constraint where conrelid = to_regclass($1) and condeferrable) as "isDeferrable"`,
    [table],
  );
  return rows[0] ?? { isUnique: true, isDeferrable: true };
}
