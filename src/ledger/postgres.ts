import { join } from 'node:path';

import {
  addressOf,
  closePostgres,
  openPostgres,
  postgresError,
  postgresFault,
  type PostgresClient,
} from '../connections/postgres.ts';
import { EtlError } from '../errors.ts';
import type { Json } from '../json.ts';
import type { Ledger, Progress, RunIdentity } from '../stage.ts';

/** A ledger in the database the rows go to, with what a sink needs to save progress in its own transaction. */
export interface PostgresLedger extends Ledger {
  /**
   * Saves progress on the sink's connection, inside the transaction that writes the rows.
   *
   * @throws {EtlError} `ETL_RUN_LOCKED` when another process has taken the run over since: the transaction must be rolled back.
   */
  saveIn(client: PostgresClient, progress: Json): Promise<void>;
  /**
   * Holds that the run is still this process's, until the end of the transaction on the sink's connection.
   *
   * @throws {EtlError} `ETL_RUN_LOCKED`, as `saveIn`: rows that another process has written would look like faults otherwise.
   */
  holdIn(client: PostgresClient): Promise<void>;
}

const tables = `
  create table if not exists etl.run (
    pipeline   text not null,
    target     text not null,
    run        uuid,
    epoch      bigint not null default 0,
    progress   jsonb,
    saved_at   timestamptz not null default now(),
    primary key (pipeline, target)
  );
  comment on table etl.run is 'threadmill: how far each pipeline has got. A row is updated in the transaction that writes the data.'`;

/**
 * Keeps a run's progress in the table `etl.run` of the database that its rows go to.
 *
 * Whoever opens a run raises its epoch, and progress is saved only under the epoch of the one who saves: a process that was
 * thought dead cannot commit after another has taken over. An advisory lock, which goes with the connection, keeps a second
 * run out.
 */
export function postgresLedger(
  connectionString: string,
  target: string,
  { pipeline }: Pick<RunIdentity, 'pipeline'>,
): PostgresLedger {
  let client: PostgresClient | undefined;
  let epoch = '0';
  const where = `etl.run in ${addressOf(connectionString)}`;
  const directory = join('.etl', fileName(`${pipeline}-${target}`));

  async function load(on: PostgresClient): Promise<Progress | undefined> {
    const { rows } = await on.query<{ progress: Progress | null }>(
      'select progress from etl.run where pipeline = $1 and target = $2',
      [pipeline, target],
    );
    return rows[0]?.progress ?? undefined;
  }

  async function saveIn(on: PostgresClient, progress: Json): Promise<void> {
    const { rowCount } = await on.query(
      'update etl.run set progress = $4, run = ($4::jsonb ->> $5)::uuid, saved_at = now() where pipeline = $1 and target = $2 and epoch = $3',
      [pipeline, target, epoch, JSON.stringify(progress), 'run'],
    );
    if (rowCount !== 1) throw takenOver();
  }

  async function holdIn(on: PostgresClient): Promise<void> {
    const { rowCount } = await on.query(
      'select from etl.run where pipeline = $1 and target = $2 and epoch = $3 for update',
      [pipeline, target, epoch],
    );
    if (rowCount !== 1) throw takenOver();
  }

  function takenOver(): EtlError {
    return new EtlError('ETL_RUN_LOCKED', 'another process has taken this run over', { where: { file: where } });
  }

  return {
    where,
    directory,
    saveIn,
    holdIn,
    async open() {
      const opened = await openPostgres(connectionString, { applicationName: `threadmill: ${pipeline}` });
      try {
        await createSchema(opened);
        const { rows: locks } = await opened.query<{ held: boolean }>(
          'select pg_try_advisory_lock(hashtextextended($1, 7)) as held',
          [`etl:${pipeline}:${target}`],
        );
        if (locks[0]?.held !== true) {
          throw new EtlError('ETL_RUN_LOCKED', 'another process is running this pipeline into this target', {
            where: { file: where },
          });
        }
        const { rows } = await opened.query<{ epoch: string }>(
          `insert into etl.run (pipeline, target, epoch) values ($1, $2, 1)
           on conflict (pipeline, target) do update set epoch = etl.run.epoch + 1 returning epoch`,
          [pipeline, target],
        );
        epoch = rows[0]?.epoch ?? '0';
        const progress = await load(opened);
        client = opened;
        return progress;
      } catch (error) {
        await closePostgres(opened);
        throw postgresError(error, 'ETL_LEDGER_INVALID', connectionString);
      }
    },
    async peek() {
      const opened = await openPostgres(connectionString);
      try {
        const { rows } = await opened.query<{ there: boolean }>("select to_regclass('etl.run') is not null as there");
        return rows[0]?.there === true ? await load(opened) : undefined;
      } catch (error) {
        throw postgresError(error, 'ETL_LEDGER_INVALID', connectionString);
      } finally {
        await closePostgres(opened);
      }
    },
    async save(progress) {
      if (client === undefined)
        throw new EtlError('ETL_LEDGER_INVALID', 'the ledger is not open', { where: { file: where } });
      try {
        await saveIn(client, progress as unknown as Json);
      } catch (error) {
        throw postgresError(error, 'ETL_LEDGER_INVALID', connectionString);
      }
    },
    async reset() {
      await client?.query('update etl.run set progress = null, run = null where pipeline = $1 and target = $2', [
        pipeline,
        target,
      ]);
    },
    async close() {
      if (client !== undefined) await closePostgres(client);
      client = undefined;
    },
  };
}

/** Makes our schema unless it is there: a role that may not create it can still use one that an administrator made. */
async function createSchema(client: PostgresClient): Promise<void> {
  const there = async (what: string): Promise<boolean> => {
    const { rows } = await client.query<{ there: boolean }>(`select ${what} is not null as there`);
    return rows[0]?.there === true;
  };
  if (await there("to_regclass('etl.run')")) return;
  // Two runs that start at once would both create it; the lock lasts until the end of the transaction.
  await client.query('begin');
  await client.query("select pg_advisory_xact_lock(hashtextextended('etl:schema', 7))");
  try {
    // `if not exists` asks for the right to create one also where it exists.
    if (!(await there("to_regnamespace('etl')"))) await client.query('create schema etl');
    await client.query(tables);
  } catch (error) {
    if (postgresFault(error).sqlState !== '42501') throw error;
    throw new EtlError('ETL_AUTH_FAILED', `this role may not make the schema "etl", where progress is kept`, {
      hint: 'Have an administrator run `create schema etl authorization ROLE`.',
      cause: error,
    });
  }
  await client.query('commit');
}

function fileName(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]+/g, '_').slice(0, 100);
}
