import { identifier } from '../../connections/postgres-table.ts';
import type { Target } from './target.ts';

/** What to do with rows whose key is there already. */
export type WriteMode = 'append' | 'upsert' | 'skip-existing';

const stage = 'pg_temp.etl_stage';

/** The statements that write into one table. */
export interface Statements {
  /** COPY straight into the table. */
  readonly copy: string;
  /** The stage: the table's columns without its rules, and the place of each row. It is the session's and empty at its commit. */
  readonly createStage: string;
  readonly copyToStage: string;
  /** Brings the stage's rows into the table. */
  readonly merge: string;
  /** The same block by block, leaving the rows that do not pass in `etl_reject`. */
  readonly mergeIsolating: string;
}

export function statementsFor(target: Target, mode: WriteMode): Statements {
  const { table, columns } = target;
  const names = columns.map(({ name }) => identifier(name)).join(', ');
  const staged = columns.map(({ name, stageType }) => `${identifier(name)} ${stageType}`).join(', ');
  return {
    copy: `copy ${table} (${names}) from stdin (format binary)`,
    createStage: `create temp table if not exists etl_stage (etl_ord bigint generated always as identity, ${staged}) on commit delete rows`,
    copyToStage: `copy ${stage} (${names}) from stdin (format binary)`,
    merge: mergeStatement(target, mode, ''),
    mergeIsolating: isolatingBlock(mergeStatement(target, mode, 'where etl_ord between lo and hi')),
  };
}

/**
 * Of several rows with one key in a load, `upsert` takes the last and `skip-existing` the first. A row equal to what is there
 * is left alone: no new version, no write-ahead log.
 */
function mergeStatement({ table, columns, key }: Target, mode: WriteMode, where: string): string {
  const names = columns.map(({ name }) => identifier(name));
  const values = columns.map(({ name, cast }) => `${identifier(name)}${cast === undefined ? '' : `::${cast}`}`);
  const into = `insert into ${table} (${names.join(', ')})`;
  if (mode === 'append') return `${into} select ${values.join(', ')} from ${stage} ${where}`;
  const keys = key.map(identifier).join(', ');
  const order = mode === 'upsert' ? 'desc' : 'asc';
  const select = `select distinct on (${keys}) ${values.join(', ')} from ${stage} ${where} order by ${keys}, etl_ord ${order}`;
  const others = columns.filter(({ name }) => !key.includes(name));
  if (mode === 'skip-existing' || others.length === 0) return `${into} ${select} on conflict (${keys}) do nothing`;
  const set = others.map(({ name }) => `${identifier(name)} = excluded.${identifier(name)}`).join(', ');
  // The type json has no equality; its text has.
  const compared = (row: string): string =>
    others.map(({ name, declared }) => `${row}.${identifier(name)}${declared === 'json' ? '::text' : ''}`).join(', ');
  const changed = `(${compared('t')}) is distinct from (${compared('excluded')})`;
  return `insert into ${table} as t (${names.join(', ')}) ${select} on conflict (${keys}) do update set ${set} where ${changed}`;
}

/**
 * Merges the stage in blocks, each in a subtransaction of the server's own: what fails is tried again in smaller blocks down
 * to the row, without a round trip. Blocks grow again, up to a quarter of the distance between bad rows so far. Rows whose
 * reference was missing are tried again at the end: what they refer to may have come after them.
 *
 * Faults of data are the classes 22, 23 and 54 of SQLSTATE, and what triggers and checks raise; any other is passed on.
 *
 * @see PostgreSQL documentation, Appendix A, and PL/pgSQL, "Trapping Errors"
 */
function isolatingBlock(merge: string): string {
  return `do $etl$
declare
  first bigint; lo bigint; hi bigint; last bigint;
  size bigint := 16; affected bigint; written bigint := 0; rejected bigint := 0; again boolean; missing record;
  state text; said text; more text; col text; con text;
begin
  select min(etl_ord), max(etl_ord) into first, last from ${stage};
  lo := first;
  while lo <= last loop
    hi := least(lo + size - 1, last);
    begin
      ${merge};
      get diagnostics affected = row_count;
      written := written + affected;
      lo := hi + 1;
      size := least(size * 2, greatest(16, (lo - first) / (4 * (rejected + 1))));
    exception when others then
      get stacked diagnostics state = returned_sqlstate, said = message_text, more = pg_exception_detail,
        col = column_name, con = constraint_name;
      if left(state, 2) not in ('22', '23', '54') and state not in ('P0001', '44000') then raise; end if;
      if lo = hi then
        insert into pg_temp.etl_reject values (lo, state, said, more, col, con);
        rejected := rejected + 1;
        lo := hi + 1;
      else
        size := greatest(1, (hi - lo + 1) / 4);
      end if;
    end;
  end loop;
  loop
    again := false;
    for missing in select etl_ord from pg_temp.etl_reject where sqlstate = '23503' order by etl_ord loop
      lo := missing.etl_ord;
      hi := lo;
      begin
        ${merge};
        get diagnostics affected = row_count;
        written := written + affected;
        delete from pg_temp.etl_reject where etl_ord = lo;
        again := true;
      exception when foreign_key_violation then null;
      end;
    end loop;
    exit when not again;
  end loop;
  perform set_config('etl.written', written::text, true);
end $etl$`;
}

export const createRejects = `create temp table if not exists etl_reject (
  etl_ord bigint, sqlstate text, message text, detail text, column_name text, constraint_name text) on commit delete rows`;

export const indexStage = `create index if not exists etl_stage_ord on ${stage} (etl_ord)`;

export const selectRejects = `select etl_ord::float8 as ord, sqlstate as "sqlState", message, nullif(detail, '') as detail,
  nullif(column_name, '') as column, nullif(constraint_name, '') as constraint from pg_temp.etl_reject order by etl_ord`;

export const selectWritten = "select current_setting('etl.written')::float8 as written";

export const selectLastOrd = `select coalesce(max(etl_ord), 0)::float8 as last from ${stage}`;
