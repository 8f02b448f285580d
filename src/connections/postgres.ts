import type { Client, ClientConfig } from 'pg';

import { EtlError, systemCode, type ErrorCode } from '../errors.ts';
import { brokenConnectionCodes } from './broken-connection.ts';

/** A connection to PostgreSQL. One statement at a time; whoever opens it ends it. */
export type PostgresClient = Client;

const connectTimeoutMs = 15_000;

/**
 * Opens a connection. The session works in UTC and with standard strings, whatever the server's defaults are.
 *
 * @throws {EtlError} `ETL_CONNECT_FAILED` when the server does not answer, `ETL_AUTH_FAILED` when it refuses the credentials.
 */
export async function openPostgres(
  connectionString: string,
  { applicationName = 'threadmill' } = {},
): Promise<PostgresClient> {
  const { default: pg } = await import('pg');
  const config: ClientConfig = {
    connectionString,
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    options: '-c TimeZone=UTC -c standard_conforming_strings=on',
  };
  const client = new pg.Client(config);
  // A server that goes away between statements says so here; the next statement fails with the reason.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    client.end().catch(() => undefined);
    throw postgresError(error, 'ETL_CONNECT_FAILED', connectionString);
  }
}

/** Ends a connection, also one that is broken or in the middle of a statement. */
export async function closePostgres(client: PostgresClient): Promise<void> {
  await client.end().catch(() => undefined);
}

/** What the server said, as far as it says something. */
export interface PostgresFault {
  /** SQLSTATE, five characters. */
  readonly sqlState: string | undefined;
  readonly message: string;
  readonly column: string | undefined;
  readonly constraint: string | undefined;
  readonly detail: string | undefined;
  /** `COPY t, line 5, column c: "…"` and the like. */
  readonly context: string | undefined;
}

/** Takes a driver's error apart. */
export function postgresFault(error: unknown): PostgresFault {
  const fields: Readonly<Record<string, unknown>> =
    error instanceof Error ? (error as unknown as Record<string, unknown>) : {};
  const text = (name: string): string | undefined => (typeof fields[name] === 'string' ? fields[name] : undefined);
  const code = text('code');
  return {
    sqlState: code !== undefined && /^[0-9A-Z]{5}$/.test(code) && fields['severity'] !== undefined ? code : undefined,
    message: error instanceof Error ? error.message : String(error),
    column: text('column'),
    constraint: text('constraint'),
    detail: text('detail'),
    context: text('where'),
  };
}

/**
 * True when the same work may succeed on a new connection or in a new transaction: the connection broke, the server is
 * restarting or out of connections, a deadlock, a serialization failure, a lock not to be had.
 *
 * @see PostgreSQL documentation, Appendix A (error codes): classes 08, 40, 53 and 57
 */
export function isRetryablePostgres(error: unknown): boolean {
  if (error instanceof EtlError) return isRetryablePostgres(error.cause);
  const { sqlState } = postgresFault(error);
  if (sqlState === undefined) return isBrokenConnection(error);
  return isLostSession(sqlState) || /^40/.test(sqlState) || ['53300', '55P03'].includes(sqlState);
}

// What a server says on its way out, if the line still carries it: class 08, a shutdown, a crash, a start, an idle session.
function isLostSession(sqlState: string): boolean {
  return /^08|^57P0[1235]$/.test(sqlState);
}

/**
 * A record is at fault, not the server: data exceptions, constraint violations, limits of a value's size, errors raised by
 * triggers and checks.
 *
 * @see PostgreSQL documentation, Appendix A: classes 22, 23, 54, and P0001 and 44000
 */
export function isFaultOfData({ sqlState }: PostgresFault): boolean {
  return sqlState !== undefined && (/^(22|23|54)/.test(sqlState) || sqlState === 'P0001' || sqlState === '44000');
}

/** An error of the driver as ours: by SQLSTATE or system code, never by its text. Passwords do not appear. */
export function postgresError(error: unknown, otherwise: ErrorCode, connectionString?: string): EtlError {
  if (error instanceof EtlError) return error;
  const { sqlState, message, detail } = postgresFault(error);
  const code = codeOf(sqlState, error, otherwise);
  const place = connectionString === undefined ? '' : ` (${addressOf(connectionString)})`;
  const state = sqlState ?? systemCode(error);
  const what = [`PostgreSQL${place}: ${message}`, detail].filter((part) => part !== undefined).join('; ');
  const hint = sqlState === undefined ? undefined : hints[sqlState];
  return new EtlError(code, state === undefined ? what : `${what} [${state}]`, {
    cause: error,
    ...(hint !== undefined && { hint }),
  });
}

/** What to do, by SQLSTATE, where the code of the error alone says too little. */
const hints: Readonly<Record<string, string>> = {
  '42501': 'Have the right granted to this user (GRANT … ON … TO …), or connect as one who has it.',
  '3D000': 'Check the name of the database: it is the path of the address, or --db-name.',
};

/** Host, port and database of a connection string, without user and password. */
export function addressOf(connectionString: string): string {
  try {
    const { hostname, port, pathname } = new URL(connectionString);
    return `${hostname || 'local socket'}${port === '' ? '' : `:${port}`}${pathname}`;
  } catch {
    return 'the connection string given';
  }
}

function codeOf(sqlState: string | undefined, error: unknown, otherwise: ErrorCode): ErrorCode {
  if (sqlState !== undefined && (/^28/.test(sqlState) || sqlState === '42501')) return 'ETL_AUTH_FAILED';
  if (sqlState === '3D000') return 'ETL_SOURCE_NOT_FOUND';
  if (sqlState === undefined ? isBrokenConnection(error) : isLostSession(sqlState)) return 'ETL_CONNECT_FAILED';
  return otherwise;
}

// A server on this machine that is not there leaves no socket in the folder.
const brokenCodes = new Set([...brokenConnectionCodes, 'ENOENT']);

function isBrokenConnection(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isBrokenConnection);
  const code = systemCode(error);
  if (code !== undefined) return brokenCodes.has(code);
  // The driver's own errors for a socket that ended have no code. They are plain Errors without a severity, and nothing
  // else that it throws while a statement is under way is.
  return (
    error instanceof Error &&
    error.name === 'Error' &&
    /^(Connection terminated|Client has encountered a connection error|timeout expired)/.test(error.message)
  );
}
