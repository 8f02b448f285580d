import { postgresFault } from '../../connections/postgres.ts';
import { EtlError } from '../../errors.ts';
import { UnstorableValue } from '../../formats/postgres-text.ts';

/**
 * What a record did wrong, when an error is about one: data exceptions, broken constraints, and limits of the program; not a
 * sequence that has come to its end.
 */
export function dataFault(error: unknown): EtlError | undefined {
  if (error instanceof UnstorableValue) return new EtlError('ETL_RECORD_INVALID', error.message, { cause: error });
  const { sqlState, message, constraint } = postgresFault(error);
  if (sqlState === undefined || sqlState === '2200H' || !/^(22|23|54)/.test(sqlState)) return undefined;
  const at = constraint === undefined ? '' : ` (${constraint})`;
  return new EtlError('ETL_RECORD_INVALID', `PostgreSQL: ${message}${at} [${sqlState}]`, { cause: error });
}

/** Whether another import took a chat's place between the look and the writing. */
export function isTakenMeanwhile(error: unknown): boolean {
  const { sqlState, constraint } = postgresFault(error);
  return sqlState === '23505' && (constraint === 'onyx_chat_pkey' || constraint === 'chat_session_pkey');
}
