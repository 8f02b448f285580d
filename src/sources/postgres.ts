import type { z } from 'zod';

import { defineSource } from '../component.ts';
import { describeTable, identifier, keyOf, nearestTable, qualifiedName } from '../connections/postgres-table.ts';
import {
  addressOf,
  closePostgres,
  postgresError,
  postgresFault,
  type PostgresClient,
} from '../connections/postgres.ts';
import { EtlError } from '../errors.ts';
import type { Json } from '../json.ts';
import type { Batch, Estimate, Source, StageContext } from '../stage.ts';
import { baseQuery, type SelectedColumn } from './postgres/page-query.ts';
import { openReader, readPages } from './postgres/read-pages.ts';
import { rowBatches } from './postgres/row-batches.ts';
import { postgresSourceOptions, type PostgresReading } from './postgres/source-options.ts';

export type PostgresSourceOptions = z.input<typeof postgresSourceOptions>;

/**
 * Reads a table or a query of PostgreSQL (13 or newer), each row as a JSON record that the server makes, without making
 * objects here.
 *
 * Rows come in the order of the key, page by page, so that no transaction stays open and a broken connection or a stopped run
 * goes on after the last row. Rows written meanwhile come when their key is behind the place of reading. Times are ISO 8601
 * in UTC with all microseconds (`infinity` and `BC` as PostgreSQL writes them), bytea is `\x…`, NaN and infinity are strings,
 * arrays and composite values are arrays and objects. The session cannot write. `T` is what the caller says the records are;
 * it is not checked.
 *
 * @throws {EtlError} `ETL_CONNECT_FAILED`, `ETL_AUTH_FAILED`; `ETL_SOURCE_NOT_FOUND` (no such table); `ETL_CONFIG_INVALID`
 *   (the server does not take query, condition or columns); `ETL_SOURCE_INVALID` (null in the key); `ETL_SOURCE_FAILED`.
 */
export function postgresSource<T = unknown>(input: PostgresSourceOptions): Source<T> {
  const given = postgresSourceOptions.parse(input);
  const {
    connectionString,
    batchSize: _,
    batchBytes: __,
    pageRecords: ___,
    statementTimeoutMs: ____,
    ...config
  } = given;
  const source: Source<unknown> = {
    role: 'source',
    name: 'postgres',
    config: JSON.parse(JSON.stringify({ ...config, database: addressOf(connectionString) })) as Json,
    read: (ctx) => read(given, ctx),
    estimate: () => inSession(given, (client) => estimate(client, given)),
    check: () =>
      inSession(given, async (client) => {
        const { columns, key } = await prepare(client, given);
        const order = key.length === 0 ? 'no key: cannot be resumed' : `key ${key.join(', ')}`;
        return `${addressOf(connectionString)}: ${nameOf(given)}, ${columns.length} columns, ${order}`;
      }),
  };
  // What the records are is the caller's knowledge, as with JSON.parse.
  return source as Source<T>;
}

async function* read(given: PostgresReading, ctx: StageContext): AsyncGenerator<Batch<unknown>> {
  const { columns, key, isUnique } = await inSession(given, async (client) => {
    const prepared = await prepare(client, given);
    if (prepared.mayBeNull) await refuseNullKeys(client, given, prepared.key);
    return prepared;
  });
  if (key.length === 0) ctx.warn(`${nameOf(given)} has no key: a run that is broken off starts over`);
  // Keys are what this source left as cursor.
  const after = (ctx.cursor as readonly string[] | undefined) ?? given.after;
  try {
    const rows = readPages({ ...given, selection: given, columns, key, isUnique, after }, ctx);
    yield* rowBatches(rows, { ...given, key, what: nameOf(given) });
  } catch (error) {
    ctx.signal.throwIfAborted();
    throw problem(error, given);
  }
}

interface Prepared {
  /** The columns that there are. */
  readonly columns: readonly SelectedColumn[];
  readonly key: readonly string[];
  /** No two rows have one key, as far as that is known. */
  readonly isUnique: boolean;
  readonly mayBeNull: boolean;
}

async function prepare(client: PostgresClient, given: PostgresReading): Promise<Prepared> {
  const { table, columns: wanted = [], document, key } = given;
  const name = table === undefined ? undefined : qualifiedName(table);
  const described = name === undefined ? [] : await describeTable(client, name);
  if (name !== undefined && described === undefined) {
    const near = await nearestTable(client, name);
    const hint = near === undefined ? undefined : `Did you mean ${near}?`;
    throw new EtlError('ETL_SOURCE_NOT_FOUND', `there is no table ${name}`, { where: place(given), hint });
  }
  const { fields } = await client.query(`select * from (${baseQuery(given)}) q limit 0`);
  const columns = fields.map(({ name: column, dataTypeID }) => ({ name: column, type: dataTypeID }));
  const unique = name === undefined ? [] : await keyOf(client, name);
  const found = key ?? unique;
  for (const asked of [...found, ...wanted, ...(document === undefined ? [] : [document])]) {
    if (columns.some((column) => column.name === asked)) continue;
    const hint = `it has ${columns.map((column) => column.name).join(', ')}`;
    throw new EtlError('ETL_CONFIG_INVALID', `${nameOf(given)} has no column "${asked}"`, {
      where: place(given),
      hint,
    });
  }
  return {
    columns,
    key: found,
    isUnique: unique.length > 0 && unique.every((column) => found.includes(column)),
    mayBeNull: found.some((column) => described?.find((one) => one.name === column)?.notNull !== true),
  };
}

/** Rows with null in the key are behind no key, so that a page would never come to them. */
async function refuseNullKeys(client: PostgresClient, given: PostgresReading, key: readonly string[]): Promise<void> {
  const nulls = key.map((name) => `q.${identifier(name)} is null`).join(' or ');
  const { rows } = await client.query<{ found: boolean }>(
    `select exists (select from (${baseQuery(given)}) q where ${nulls}) as found`,
  );
  if (rows[0]?.found !== true) return;
  throw new EtlError('ETL_SOURCE_INVALID', `${nameOf(given)} has rows with null in its key (${key.join(', ')})`, {
    where: place(given),
    hint: 'Leave them out with a condition, or name other columns with `key`.',
  });
}

/** What the server's planner expects: close for a table that was analysed, rough for a query. */
async function estimate(client: PostgresClient, given: PostgresReading): Promise<Estimate> {
  const { key } = await prepare(client, given);
  const { rows } = await client.query<{ 'QUERY PLAN': readonly { Plan: { 'Plan Rows': number } }[] }>(
    `explain (format json) ${baseQuery(given)}`,
  );
  const order = key.length === 0 ? 'one statement; no resume' : `pages in the order of ${key.join(', ')}`;
  const part = given.after !== undefined || given.until !== undefined;
  return {
    // A part's share of the rows is not known.
    ...(part ? {} : { records: rows[0]?.['QUERY PLAN'][0]?.Plan['Plan Rows'] }),
    plan: `${addressOf(given.connectionString)}, ${nameOf(given)}: ${order}`,
  };
}

async function inSession<R>(given: PostgresReading, use: (client: PostgresClient) => Promise<R>): Promise<R> {
  const client = await openReader(given.connectionString, { ...given, snapshot: false });
  try {
    return await use(client);
  } catch (error) {
    throw problem(error, given);
  } finally {
    await closePostgres(client);
  }
}

function nameOf({ table }: PostgresReading): string {
  return table === undefined ? 'the query' : `table ${table}`;
}

function place({ connectionString }: PostgresReading): { readonly stage: string; readonly file: string } {
  return { stage: 'postgres', file: addressOf(connectionString) };
}

/** Class 42 without privileges: the server does not understand what it was asked. 25006: it was asked to write. */
function problem(error: unknown, given: PostgresReading): EtlError {
  const { sqlState = '' } = postgresFault(error);
  const isMistake = (sqlState.startsWith('42') && sqlState !== '42501') || sqlState === '25006';
  return postgresError(error, isMistake ? 'ETL_CONFIG_INVALID' : 'ETL_SOURCE_FAILED', given.connectionString);
}

export const postgresSourceComponent = defineSource({
  type: 'postgres',
  summary: 'A table or query of PostgreSQL, in the order of its key',
  details:
    'The server makes JSON of each row, and the text goes through unchanged: all digits of numbers and all microseconds are kept. Pages are statements of their own that begin after the last key, so that nothing stays open and an interrupted run goes on at the last committed key; with ties, rows of one key stay together. ' +
    'Several runs can each read a part (`after`, `until`). Null in a key stops the run, as such rows would be passed over.',
  gives: 'any',
  options: postgresSourceOptions,
  examples: [
    'type: postgres\nconnectionString: "${DATABASE_URL}"\ntable: messages',
    'type: postgres\nconnectionString: "${DATABASE_URL}"\nquery: select id, doc from documents where not deleted\nkey: [id]',
    'type: postgres\nconnectionString: "${DATABASE_URL}"\ntable: documents\ndocument: doc\nafter: [1000000]\nuntil: [2000000]',
  ],
  create: postgresSource,
});
