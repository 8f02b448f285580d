import type * as Driver from 'mongodb';

import { EtlError, type ErrorCode } from '../errors.ts';

/** Codes after which the same command may well succeed: elections, shut-downs, time limits. */
const passing = new Set([
  6, // HostUnreachable
  7, // HostNotFound
  43, // CursorNotFound
  50, // MaxTimeMSExpired
  89, // NetworkTimeout
  91, // ShutdownInProgress
  134, // ReadConcernMajorityNotAvailableYet
  189, // PrimarySteppedDown
  237, // CursorKilled
  262, // ExceededTimeLimit
  9001, // SocketException
  10107, // NotWritablePrimary
  11600, // InterruptedAtShutdown
  11602, // InterruptedDueToReplStateChange
  13388, // StaleConfig
  13435, // NotPrimaryNoSecondaryOk
  13436, // NotPrimaryOrSecondary
]);

const refused = new Set([
  11, // UserNotFound
  13, // Unauthorized
  18, // AuthenticationFailed
  8000, // AtlasError: wrong credentials
]);

const notUnderstood = new Set([
  2, // BadValue
  9, // FailedToParse
  14, // TypeMismatch
  16410, // a field name that cannot be
  17287, // a sort that cannot be
  31249, // a path collision in a projection
  31253, // inclusion in an exclusion projection
  31254, // exclusion in an inclusion projection
]);

type DriverModule = Pick<
  typeof Driver,
  'MongoServerError' | 'MongoNetworkError' | 'MongoServerSelectionError' | 'MongoParseError'
>;

/** Whether trying again can help: the connection or the server went away, or was busy. */
export function isPassing(driver: DriverModule, error: unknown): boolean {
  // A broken message ends its connection; the next one is another.
  const { MongoNetworkError, MongoServerSelectionError, MongoParseError, MongoServerError } = driver;
  if (
    error instanceof MongoNetworkError ||
    error instanceof MongoServerSelectionError ||
    error instanceof MongoParseError
  )
    return true;
  return error instanceof MongoServerError && passing.has(Number(error.code));
}

/** A driver's error in our terms, decided by class and code. `where` names the server without secrets. */
export function mongodbError(driver: DriverModule, error: unknown, where: string): EtlError {
  if (error instanceof EtlError) return error;
  const at = { where: { file: where }, cause: error };
  if (error instanceof driver.MongoServerSelectionError)
    return new EtlError('ETL_CONNECT_FAILED', 'no MongoDB server answers there', at);
  if (error instanceof driver.MongoNetworkError)
    return new EtlError('ETL_CONNECT_FAILED', 'the connection to MongoDB broke', at);
  if (!(error instanceof driver.MongoServerError))
    return new EtlError('ETL_SOURCE_FAILED', 'reading from MongoDB failed', at);
  const code = Number(error.code);
  const name = String(error.codeName ?? `code ${code}`);
  if (code === 13)
    return new EtlError('ETL_AUTH_FAILED', 'the MongoDB user may not read this', {
      ...at,
      hint: 'Grant the user `read` on the database.',
    });
  if (refused.has(code)) return new EtlError('ETL_AUTH_FAILED', 'MongoDB refused the credentials', at);
  if (notUnderstood.has(code)) {
    return new EtlError('ETL_CONFIG_INVALID', `MongoDB does not take the query (${name})`, {
      ...at,
      hint: 'Check `filter`, `projection` and `sort`.',
    });
  }
  const kind: ErrorCode = passing.has(code) ? 'ETL_CONNECT_FAILED' : 'ETL_SOURCE_FAILED';
  return new EtlError(kind, `MongoDB could not answer (${name})`, at);
}
