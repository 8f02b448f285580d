import { isFaultOfData, postgresFault, type PostgresClient, type PostgresFault } from '../../connections/postgres.ts';
import { EtlError } from '../../errors.ts';

// Pieces get no smaller than this while faults repeat; below it the round trips cost more than the repeated rows.
const smallestPiece = 32;

/** Sends rows `from` to `to` (exclusive) of one load. */
export type SendRows = (from: number, to: number) => Promise<void>;

type Step = { readonly from: number; readonly to: number } | { readonly reject: number; readonly fault: EtlError };

/**
 * Sends rows so that a bad one costs only itself.
 *
 * A statement that fails takes all its rows with it, so each piece is sent under a savepoint. When the error names the line
 * (`COPY t, line 17`), the rows before it are sent again, that row is rejected, and the rest goes on; an error without a
 * line is narrowed down by halves. Pieces shrink while faults repeat and grow again after.
 *
 * @returns how many rows were sent.
 */
export async function sendIsolating(
  client: PostgresClient,
  rows: number,
  send: SendRows,
  rejectRow: (row: number, cause: EtlError) => void,
): Promise<number> {
  let sent = 0;
  let size = rows;
  // What is left to do, the next step last.
  const steps: Step[] = [{ from: 0, to: rows }];
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
    if ('reject' in step) {
      rejectRow(step.reject, step.fault);
      continue;
    }
    const { from } = step;
    const to = Math.min(step.to, from + size);
    if (to < step.to) steps.push({ from: to, to: step.to });
    if (from === to) continue;
    const failure = await attempt(client, () => send(from, to));
    if (failure === undefined) {
      sent += to - from;
      size = Math.min(rows, size * 2);
      continue;
    }
    const fault = postgresFault(failure);
    if (!isFaultOfData(fault)) throw failure;
    const bad = to - from === 1 ? from : rowNamed(fault, from, to);
    if (bad === undefined) {
      size = Math.ceil((to - from) / 2);
      steps.push({ from, to });
    } else {
      size = Math.max(smallestPiece, Math.ceil((to - from) / 2));
      steps.push({ from: bad + 1, to }, { reject: bad, fault: faultError(fault, failure) }, { from, to: bad });
    }
  }
  return sent;
}

async function attempt(client: PostgresClient, send: () => Promise<void>): Promise<Error | undefined> {
  await client.query('savepoint etl_piece');
  try {
    await send();
  } catch (error) {
    // Without an SQLSTATE the connection itself is gone, and so is the transaction.
    if (postgresFault(error).sqlState !== undefined) await client.query('rollback to savepoint etl_piece');
    return error instanceof Error ? error : new Error(String(error));
  }
  await client.query('release savepoint etl_piece');
  return undefined;
}

/** The row that the server names: its context has `COPY t, line 17, column c: …`, the words in the server's language. */
function rowNamed({ context }: PostgresFault, from: number, to: number): number | undefined {
  const line = /^COPY .*?, \D*(\d+)(?:,|:|$)/m.exec(context ?? '')?.[1];
  const row = line === undefined ? undefined : from + Number(line) - 1;
  return row !== undefined && row >= from && row < to ? row : undefined;
}

/** What the server said of a row: its message, SQLSTATE, column and constraint. */
export function faultError(
  { sqlState, message, column, constraint, detail, context }: Partial<PostgresFault>,
  cause?: unknown,
): EtlError {
  const named = column ?? /^COPY .*?, \D*\d+, \S+ (\S+?)(?::|$)/m.exec(context ?? '')?.[1];
  const known = [
    (named ?? '') === '' ? '' : `column "${named}"`,
    (constraint ?? '') === '' ? '' : `constraint "${constraint}"`,
    detail ?? '',
  ];
  const about = known.filter((part) => part !== '').join(', ');
  return new EtlError('ETL_RECORD_INVALID', `${message} [${sqlState ?? ''}]${about === '' ? '' : ` (${about})`}`, {
    cause,
  });
}
