import { copyInto } from '../../connections/postgres-copy.ts';
import { identifier } from '../../connections/postgres-table.ts';
import { postgresFault, type PostgresClient } from '../../connections/postgres.ts';
import { sendIsolating } from './isolate.ts';
import type { Load } from './load.ts';
import type { Target } from './target.ts';

/** What to do with rows whose key is there already. */
export type WriteMode = 'append' | 'upsert' | 'skip-existing';

/** What became of a load's rows. Rows neither written nor rejected were there already. */
export interface LoadResult {
  readonly written: number;
  readonly rejected: readonly { readonly row: number; readonly cause: unknown }[];
}

/** Writes one load inside a transaction: `prepare` may run beside other loads, `finish` runs when its turn has come. */
export interface LoadWriter {
  prepare(client: PostgresClient, load: Load, signal: AbortSignal): Promise<LoadResult | undefined>;
  finish(
    client: PostgresClient,
    load: Load,
    prepared: LoadResult | undefined,
    signal: AbortSignal,
  ): Promise<LoadResult>;
}

/** COPY straight into the table. */
export function directWriter({ table, columns }: Target): LoadWriter {
  const names = columns.map(({ name }) => identifier(name)).join(', ');
  const copy = `copy ${table} (${names}) from stdin (format binary)`;
  return {
    prepare: (client, load, signal) =>
      isolating(client, load, async (from, to) => {
        await copyInto(client, copy, load.copyBytes(from, to), signal);
        return to - from;
      }),
    finish: async (_client, _load, prepared) => prepared ?? { written: 0, rejected: [] },
  };
}

/** COPY into a temporary table beside other loads; the merge into the target waits for its turn, so that the order of keys is kept. */
export function stagedWriter(target: Target, mode: WriteMode): LoadWriter {
  const { columns } = target;
  const stage = 'pg_temp.etl_stage';
  const definitions = columns.map(({ name, declared, isCast }) => `${identifier(name)} ${isCast ? 'text' : declared}`);
  const create = `create temp table if not exists etl_stage (etl_ord bigint generated always as identity, ${definitions.join(', ')}) on commit delete rows`;
  const copy = `copy ${stage} (${columns.map(({ name }) => identifier(name)).join(', ')}) from stdin (format binary)`;
  const merge = mergeStatement(target, mode, stage);

  async function send(
    client: PostgresClient,
    load: Load,
    from: number,
    to: number,
    signal: AbortSignal,
  ): Promise<number> {
    await client.query(`truncate ${stage}`);
    await copyInto(client, copy, load.copyBytes(from, to), signal);
    return (await client.query(merge)).rowCount ?? 0;
  }

  return {
    async prepare(client, load, signal) {
      await client.query(create);
      await client.query('savepoint etl_stage');
      try {
        await copyInto(client, copy, load.copyBytes(), signal);
      } catch (error) {
        if (postgresFault(error).sqlState === undefined) throw error;
        // Something in there does not pass: found piece by piece when the turn has come.
        await client.query('rollback to savepoint etl_stage');
        return { written: -1, rejected: [] };
      }
      return undefined;
    },
    async finish(client, load, prepared, signal) {
      if (prepared === undefined) {
        await client.query('savepoint etl_merge');
        try {
          return { written: (await client.query(merge)).rowCount ?? 0, rejected: [] };
        } catch (error) {
          if (postgresFault(error).sqlState === undefined) throw error;
          await client.query('rollback to savepoint etl_merge');
        }
      }
      return isolating(client, load, (from, to) => send(client, load, from, to, signal));
    },
  };
}

async function isolating(
  client: PostgresClient,
  load: Load,
  send: (from: number, to: number) => Promise<number>,
): Promise<LoadResult> {
  let written = 0;
  const rejected: { row: number; cause: unknown }[] = [];
  const sendCounted = async (from: number, to: number): Promise<void> => {
    written += await send(from, to);
  };
  await sendIsolating(client, load.rows, sendCounted, (row, cause) => rejected.push({ row, cause }));
  return { written, rejected };
}

/**
 * Of several rows with one key in a load, `upsert` takes the last and `skip-existing` the first. A row equal to what is there
 * is left alone: no new version, no write-ahead log.
 */
function mergeStatement({ table, columns, key }: Target, mode: WriteMode, stage: string): string {
  const names = columns.map(({ name }) => identifier(name));
  const values = columns.map(({ name, declared, isCast }) =>
    isCast ? `${identifier(name)}::${declared}` : identifier(name),
  );
  const into = `insert into ${table} (${names.join(', ')})`;
  if (mode === 'append') return `${into} select ${values.join(', ')} from ${stage} order by etl_ord`;
  const keys = key.map(identifier).join(', ');
  const order = mode === 'upsert' ? 'desc' : 'asc';
  const select = `select distinct on (${keys}) ${values.join(', ')} from ${stage} order by ${keys}, etl_ord ${order}`;
  const others = columns.filter(({ name }) => !key.includes(name));
  if (mode === 'skip-existing' || others.length === 0) return `${into} ${select} on conflict (${keys}) do nothing`;
  const set = others.map(({ name }) => `${identifier(name)} = excluded.${identifier(name)}`).join(', ');
  // The type json has no equality; its text has.
  const compared = (row: string): string =>
    others.map(({ name, declared }) => `${row}.${identifier(name)}${declared === 'json' ? '::text' : ''}`).join(', ');
  const changed = `(${compared('t')}) is distinct from (${compared('excluded')})`;
  return `insert into ${table} as t (${names.join(', ')}) ${select} on conflict (${keys}) do update set ${set} where ${changed}`;
}
