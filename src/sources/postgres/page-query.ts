import { identifier, qualifiedName } from '../../connections/postgres-table.ts';

/** What to read, as the user says it. */
export interface Selection {
  readonly table?: string | undefined;
  readonly query?: string | undefined;
  readonly where?: string | undefined;
  readonly columns?: readonly string[] | undefined;
  readonly document?: string | undefined;
  readonly numbers: 'number' | 'string';
}

/** A column of what is read. */
export interface SelectedColumn {
  readonly name: string;
  /** `pg_type.oid`. */
  readonly type: number;
}

/** Where a page begins and ends: after one key and up to another, the last one with it. */
export interface PageRange {
  readonly after?: readonly string[] | undefined;
  readonly until?: readonly string[] | undefined;
  readonly rows?: number | undefined;
}

/** The rows themselves, as a query: the table with its condition, or the user's own. */
export function baseQuery({ table, query, where }: Selection): string {
  // A query may end in a comment.
  if (query !== undefined) return `${query.replace(/;\s*$/, '')}\n`;
  const condition = where === undefined ? '' : ` where (${where}\n)`;
  return `select * from ${qualifiedName(table ?? '')}${condition}`;
}

/** Types whose values may be larger than a double holds: int8, numeric, and arrays of them. */
const longNumbers: Readonly<Record<number, string>> = { 20: 'text', 1700: 'text', 1016: 'text[]', 1231: 'text[]' };

/** What rows are read in the order of. */
export interface PageKey {
  readonly key: readonly string[];
  /** No two rows have one key. */
  readonly isUnique: boolean;
}

/**
 * A binary COPY of rows as JSON text, each with its key's columns as text behind it.
 *
 * Rows with the key of the last one come with it, even beyond `rows`: the next page can begin after that key. Among
 * themselves they are in the order of their text, so that it is the same each time. A key is compared with text in quotes,
 * which the server takes for the column's type.
 */
export function pageQuery(
  selection: Selection,
  columns: readonly SelectedColumn[],
  { key, isUnique }: PageKey,
  { after, until, rows }: PageRange,
): string {
  const keys = key.map((name) => `q.${identifier(name)}`);
  const compared = (sign: string, values: readonly string[]): string =>
    `(${keys.join(', ')}) ${sign} (${values.map(literal).join(', ')})`;
  const conditions = [
    ...(after === undefined ? [] : [compared('>', after)]),
    ...(until === undefined ? [] : [compared('<=', until)]),
  ];
  const where = conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`;
  const order = keys.length === 0 ? '' : ` order by ${keys.join(', ')}`;
  const limit = rows === undefined || keys.length === 0 ? '' : ` fetch first ${rows} rows with ties`;
  const page = `select q.* from (${baseQuery(selection)}) q${where}${order}${limit}`;
  const record = recordOf(selection, columns);
  const again = isUnique || keys.length === 0 ? order : `${order}, ${record} collate "C"`;
  const fields = [record, ...keys.map((name) => `${name}::text`)];
  return `copy (select ${fields.join(', ')} from (${page}) q${again}) to stdout (format binary)`;
}

function recordOf({ columns: wanted, document, numbers }: Selection, columns: readonly SelectedColumn[]): string {
  if (document !== undefined) return `coalesce(q.${identifier(document)}::text, 'null')`;
  const cast = (type: number): string => {
    const text = numbers === 'string' ? longNumbers[type] : undefined;
    return text === undefined ? '' : `::${text}`;
  };
  const isWhole = wanted === undefined && columns.every(({ type }) => cast(type) === '');
  if (isWhole) return 'row_to_json(q)::text';
  const chosen = columns.filter(({ name }) => wanted === undefined || wanted.includes(name));
  const list = chosen.map(({ name, type }) => `q.${identifier(name)}${cast(type)} as ${identifier(name)}`);
  return `(select row_to_json(r)::text from (select ${list.join(', ')}) r)`;
}

/** A string constant. Standard strings are on in our sessions: a backslash is a backslash. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
