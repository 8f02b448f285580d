import { InvalidArgumentError, type Command } from 'commander';

import type { Environment } from '../config/environment.ts';
import { EtlError } from '../errors.ts';
import type { Cli } from './io.ts';

/** The options that name Onyx's database, as {@link addDatabase} declares them. */
export interface DatabaseFlags {
  readonly dbHost?: string;
  readonly dbPort?: number;
  readonly dbUser?: string;
  readonly dbPassword?: string;
  readonly dbName?: string;
  readonly schema?: string;
}

/** Gives a command the options that name Onyx's database. */
export function addDatabase(command: Command): Command {
  return command
    .option('--db-host <host>', "host of Onyx's database, instead of what ONYX_DATABASE_URL says")
    .option('--db-port <port>', 'its port', portNumber)
    .option('--db-user <user>', 'user of the database')
    .option('--db-password <password>', 'password of that user; better in ONYX_DATABASE_URL or PGPASSWORD')
    .option('--db-name <name>', 'name of the database')
    .option('--schema <name>', "the schema with Onyx's tables; with several tenants, the tenant's", 'public');
}

/** Onyx's database: a connection string, and the schema its tables are in. */
export interface OnyxDatabaseAddress {
  readonly connectionString: string;
  readonly schema: string;
}

/**
 * The database that flags or the environment name: `ONYX_DATABASE_URL`, else `POSTGRES_HOST`, `_PORT`, `_USER`, `_PASSWORD`
 * and `_DB` as Onyx itself has them; each `--db-…` replaces a part.
 *
 * @throws {EtlError} `ETL_USAGE` when nothing names one.
 */
export async function databaseOf(cli: Cli, flags: DatabaseFlags): Promise<OnyxDatabaseAddress> {
  const found = await findDatabase(cli, flags);
  if (found !== undefined) return found;
  throw new EtlError('ETL_USAGE', "Onyx's database is not named", {
    // Without a password in it, which would be hidden as a real one is.
    hint: 'set ONYX_DATABASE_URL (in the environment or .env) to an address such as postgresql://onyx@db.example.org:5432/postgres, with the password in it or in PGPASSWORD, or give --db-host, --db-user and --db-name',
  });
}

/** Like {@link databaseOf}, and nothing when nothing names one. */
export async function findDatabase(cli: Cli, flags: DatabaseFlags): Promise<OnyxDatabaseAddress | undefined> {
  const environment = await cli.environment();
  const { dbHost, dbPort, dbUser, dbPassword, dbName, schema = 'public' } = flags;
  const isGiven = [dbHost, dbPort, dbUser, dbPassword, dbName].some((part) => part !== undefined);
  const url = baseUrl(environment, isGiven);
  if (url === undefined) return undefined;
  if (dbHost !== undefined) setHost(url, dbHost);
  if (dbPort !== undefined) url.port = String(dbPort);
  if (dbUser !== undefined) url.username = encodeURIComponent(dbUser);
  if (dbPassword !== undefined) url.password = encodeURIComponent(dbPassword);
  if (dbName !== undefined) url.pathname = `/${encodeURIComponent(dbName)}`;
  const connectionString = url.href;
  cli.hide([connectionString, decodeURIComponent(url.password)].filter((secret) => secret !== ''));
  return { connectionString, schema };
}

function baseUrl(environment: Environment, isGiven: boolean): URL | undefined {
  const text = environment['ONYX_DATABASE_URL'] ?? '';
  if (text !== '') {
    // As SQLAlchemy, which Onyx uses, would have it.
    const plain = text.replace(/^(postgres(?:ql)?)\+\w+:/, '$1:');
    if (URL.canParse(plain) && /^postgres(ql)?:$/.test(new URL(plain).protocol)) return new URL(plain);
    throw new EtlError('ETL_USAGE', 'ONYX_DATABASE_URL is no address of a PostgreSQL database', {
      hint: 'expected postgresql://user:password@host:5432/database; percent-encode special characters of the password',
    });
  }
  const variable = (name: string): string => environment[`POSTGRES_${name}`] ?? '';
  if (!isGiven && variable('HOST') === '') return undefined;
  const url = new URL('postgresql://localhost/');
  setHost(url, variable('HOST') || 'localhost');
  url.port = variable('PORT') || '5432';
  url.username = encodeURIComponent(variable('USER') || 'postgres');
  url.password = encodeURIComponent(variable('PASSWORD'));
  url.pathname = `/${encodeURIComponent(variable('DB') || 'postgres')}`;
  return url;
}

/** A name, an address of either kind, or the folder of a socket. */
function setHost(url: URL, host: string): void {
  if (host.startsWith('/')) url.searchParams.set('host', host);
  else url.hostname = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

function portNumber(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port > 0 && port < 65_536) return port;
  throw new InvalidArgumentError('It must be a port, from 1 to 65535.');
}
