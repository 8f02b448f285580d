import type { OnyxApiFile } from '../models/onyx-api.ts';
import type { UploadRecord } from './onyx-uploads.ts';
import { openPostgres, closePostgres, postgresError, type PostgresClient } from './postgres.ts';

// Without foreign keys: what was uploaded stays known when Onyx deletes it, and is then uploaded anew.
const tables = `
  create schema if not exists etl;
  create table if not exists etl.onyx_file (
    schema       text not null,
    sha256       text not null,
    user_file_id uuid not null,
    file_id      text not null,
    name         text not null,
    uploaded_at  timestamptz not null default now(),
    primary key (schema, sha256)
  );
  comment on table etl.onyx_file is 'threadmill: which file of Onyx holds which content (SHA-256).'`;

/** An {@link UploadRecord} in a table; whoever opens it closes it. */
export interface OnyxUploadRecord extends UploadRecord {
  close(): Promise<void>;
}

/**
 * Keeps what was uploaded in the table `etl.onyx_file` of Onyx's database, on a connection of its own: an upload stays
 * known when the transaction that wrote its chat is rolled back.
 *
 * @throws {EtlError} `ETL_CONNECT_FAILED`, `ETL_AUTH_FAILED`, `ETL_SINK_FAILED`.
 */
export async function onyxUploadRecord(connectionString: string, schema: string): Promise<OnyxUploadRecord> {
  const client = await openPostgres(connectionString);
  // One statement at a time on a connection; uploads end when they end.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work);
    last = next.catch(() => undefined);
    return next.catch((error: unknown) => {
      throw postgresError(error, 'ETL_SINK_FAILED', connectionString);
    });
  };
  try {
    await inTurn(() => createTable(client));
  } catch (error) {
    await closePostgres(client);
    throw error;
  }
  return {
    find: (sha256s) =>
      inTurn(async () => {
        const { rows } = await client.query<{ sha256: string; id: string }>(
          'select sha256, user_file_id as id from etl.onyx_file where schema = $1 and sha256 = any($2)',
          [schema, sha256s],
        );
        return new Map(rows.map(({ sha256, id }) => [sha256, { userFileId: id }]));
      }),
    save: (sha256, file) => inTurn(() => save(client, schema, sha256, file)),
    close: () => closePostgres(client),
  };
}

async function createTable(client: PostgresClient): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>("select to_regclass('etl.onyx_file') is not null as there");
  if (rows[0]?.there === true) return;
  await client.query('begin');
  await client.query("select pg_advisory_xact_lock(hashtextextended('etl:schema', 7))");
  await client.query(tables);
  await client.query('commit');
}

async function save(
  client: PostgresClient,
  schema: string,
  sha256: string,
  { id, file_id: fileId, name }: OnyxApiFile,
): Promise<void> {
  await client.query(
    `insert into etl.onyx_file (schema, sha256, user_file_id, file_id, name) values ($1, $2, $3, $4, $5)
     on conflict (schema, sha256) do update
       set user_file_id = excluded.user_file_id, file_id = excluded.file_id, name = excluded.name, uploaded_at = now()`,
    [schema, sha256, id, fileId, name.replaceAll('\0', '')],
  );
}
