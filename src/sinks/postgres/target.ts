import { closest } from '../../closest.ts';
import {
  describeTable,
  identifier,
  keyOf,
  nearestTable,
  qualifiedName,
  tableRules,
  type TableColumn,
  type TableRules,
} from '../../connections/postgres-table.ts';
import type { PostgresClient } from '../../connections/postgres.ts';
import { EtlError } from '../../errors.ts';
import { valueEncoders, type ValueEncoder } from '../../formats/copy-binary.ts';
import { jsonEncoders } from '../../formats/copy-from-json.ts';
import { createCopyJsonEncoder, type CopyJsonEncoder } from '../../formats/copy-json-encoder.ts';
import type { UnstorablePolicy } from '../../formats/postgres-text.ts';
import { compilePath, parsePath } from '../../paths.ts';
import type { ColumnPlan, RowPlan } from './row-encoder.ts';

/** Which field goes where, as the user says it. */
export interface TargetOptions {
  readonly table: string;
  readonly columns?: Readonly<Record<string, string>> | undefined;
  readonly document?: string | undefined;
  readonly key?: readonly string[] | undefined;
  readonly createTable: boolean;
  readonly needsKey: boolean;
  readonly unstorable: UnstorablePolicy;
}

/** A table ready to be written, and how records become its rows. */
export interface Target extends TableRules {
  /** The table's name as SQL takes it. */
  readonly table: string;
  readonly plan: RowPlan;
  readonly columns: readonly TargetColumn[];
  readonly key: readonly string[];
}

/** A column to write. */
export interface TargetColumn {
  readonly name: string;
  readonly declared: string;
  /** Its type in a stage, which has none of the table's rules: no length either. */
  readonly stageType: string;
  /** The type to cast a stage's value to, when that is another. */
  readonly cast: string | undefined;
  /** Its type has no binary form here: the value travels as text through a stage. */
  readonly mustStage: boolean;
}

const textEncoder = valueEncoders['text'] as ValueEncoder;

/**
 * Looks the table up, or makes it from the shape of the first records.
 *
 * @throws {EtlError} `ETL_CONFIG_INVALID` when table or columns do not fit the options.
 */
export async function openTarget(
  client: PostgresClient,
  options: TargetOptions,
  sample: () => readonly unknown[],
): Promise<Target> {
  const { table, document, createTable } = options;
  const name = qualifiedName(table);
  let columns = await describeTable(client, name);
  if (columns === undefined) {
    if (!createTable) throw await noTable(client, name);
    await client.query(tableFor(name, options, sample()));
    columns = (await describeTable(client, name)) ?? [];
  }
  const written = writtenColumns(columns, options);
  const unique = await keyOf(client, name);
  const key = options.key ?? unique;
  if (options.needsKey && key.length === 0)
    throw invalid(`table ${name} has no primary key or unique index`, 'name the columns with key: [...]');
  const missing = key.filter((column) => !written.some(({ column: { name: found } }) => found === column));
  if (options.needsKey && missing.length > 0)
    throw invalid(`the key column ${missing.join(', ')} is not written`, 'map a field to it');
  const plans = written.map(({ column, path }) => columnPlan(column, path, document));
  return {
    table: name,
    key,
    ...(await tableRules(client, name)),
    columns: written.map(({ column }) => targetColumn(column)),
    plan: {
      unstorable: options.unstorable,
      columns: plans,
      fromJson: jsonEncoderFor(
        written.map(({ column }) => column),
        plans,
      ),
    },
  };
}

function columnPlan(column: TableColumn, path: string, document: string | undefined): ColumnPlan {
  const { name, type } = column;
  const encode = valueEncoders[type] ?? textEncoder;
  if (name === document) return { name, document: type === 'json' ? 'json' : 'jsonb', encode };
  const [first, ...inner] = parsePath(path);
  const member = typeof first === 'string' ? first : undefined;
  const isMember = member !== undefined && inner.length === 0;
  return {
    name,
    value: compilePath(path),
    encode,
    member,
    isMember,
    fromJson: isMember ? jsonEncoders[type] : undefined,
  };
}

/** For rows that are made of members as they stand. A whole record alone is only copied, which needs nothing of this. */
function jsonEncoderFor(columns: readonly TableColumn[], plans: readonly ColumnPlan[]): CopyJsonEncoder | undefined {
  const isPlain = plans.every((plan) => 'document' in plan || plan.isMember);
  if (!isPlain || plans.every((plan) => 'document' in plan)) return undefined;
  return createCopyJsonEncoder(
    plans.map((plan, place) => ({
      type: columns[place]?.type ?? '',
      member: 'document' in plan ? undefined : plan.member,
    })),
  );
}

/** A label of an enumeration is its text in binary form too. */
function targetColumn({ name, declared, bare, type, isEnum }: TableColumn): TargetColumn {
  const known = valueEncoders[type] !== undefined;
  const stageType = known ? `pg_catalog.${identifier(type)}` : 'text';
  return { name, declared, stageType, cast: known ? undefined : bare, mustStage: !known && !isEnum };
}

/** Which columns are written, and from which field: those named in the options, else all that do not fill themselves. */
function writtenColumns(
  columns: readonly TableColumn[],
  { columns: mapped, document, table }: TargetOptions,
): { column: TableColumn; path: string }[] {
  const byName = new Map(columns.map((column) => [column.name, column]));
  const find = (name: string): TableColumn => {
    const column = byName.get(name);
    if (column === undefined) throw noColumn(table, name, [...byName.keys()]);
    if (column.isGenerated) throw invalid(`column "${name}" of ${table} fills itself`, 'leave it out');
    return column;
  };
  if (document !== undefined && !['json', 'jsonb'].includes(find(document).type)) {
    throw invalid(`column "${document}" is ${find(document).declared}`, 'the document column must be json or jsonb');
  }
  const whole = document === undefined ? [] : [{ column: find(document), path: document }];
  if (mapped !== undefined)
    return [...Object.entries(mapped).map(([name, path]) => ({ column: find(name), path })), ...whole];
  if (document !== undefined) return whole;
  // A column with a default is filled by the server only when it is not named, so it is left to the mapping.
  return columns
    .filter((column) => !column.isGenerated && !column.hasDefault)
    .map((column) => ({ column, path: `["${column.name}"]` }));
}

/** A table that takes records like these: a column for each field, or for each one mapped, or one document column. */
function tableFor(table: string, { columns, document, key = [] }: TargetOptions, sample: readonly unknown[]): string {
  const paths =
    columns ??
    (document === undefined ? Object.fromEntries(fieldsOf(sample).map((field) => [field, `["${field}"]`])) : {});
  const definitions = Object.entries(paths).map(([name, path]) => {
    const read = compilePath(path);
    return `${identifier(name)} ${typeFor(sample.map(read))}`;
  });
  if (document !== undefined) definitions.push(`${identifier(document)} jsonb not null`);
  if (definitions.length === 0)
    throw invalid('the table cannot be made: there are no records to see its columns from', 'make it first');
  if (key.length > 0) definitions.push(`primary key (${key.map(identifier).join(', ')})`);
  return `create table ${table} (${definitions.join(', ')})`;
}

function fieldsOf(sample: readonly unknown[]): string[] {
  const fields = new Set<string>();
  for (const record of sample)
    if (record !== null && typeof record === 'object') for (const field of Object.keys(record)) fields.add(field);
  return [...fields];
}

const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

function typeFor(values: readonly unknown[]): string {
  const given = values.filter((value) => value !== null && value !== undefined);
  if (given.length === 0) return 'text';
  if (given.every((value) => typeof value === 'boolean')) return 'boolean';
  if (given.every((value) => Number.isSafeInteger(value))) return 'bigint';
  if (given.every((value) => typeof value === 'number')) return 'double precision';
  if (given.every((value) => typeof value === 'string' && isoTime.test(value))) return 'timestamptz';
  if (given.every((value) => typeof value === 'string')) return 'text';
  return 'jsonb';
}

/** What was probably meant, and how else to go on. */
async function noTable(client: PostgresClient, table: string): Promise<EtlError> {
  const near = await nearestTable(client, table);
  const hint = near === undefined ? 'make it first, or set createTable: true' : `try ${near}, or set createTable: true`;
  return invalid(`there is no table ${table}`, hint);
}

function noColumn(table: string, name: string, known: readonly string[]): EtlError {
  const near = closest(name, known);
  const hint = `it has ${known.join(', ')}`;
  return invalid(`table ${table} has no column "${name}"`, near === undefined ? hint : `try "${near}"; ${hint}`);
}

function invalid(what: string, hint: string): EtlError {
  return new EtlError('ETL_CONFIG_INVALID', what, { where: { stage: 'postgres' }, hint });
}
