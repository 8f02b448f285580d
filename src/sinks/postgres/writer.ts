import { copyInto } from '../../connections/postgres-copy.ts';
import { isFaultOfData, postgresFault, type PostgresClient, type PostgresFault } from '../../connections/postgres.ts';
import { Contest } from './contest.ts';
import { faultError, sendIsolating } from './isolate.ts';
import type { Load } from './load.ts';
import {
  createRejects,
  indexStage,
  selectLastOrd,
  selectRejects,
  selectWritten,
  statementsFor,
  type Statements,
  type WriteMode,
} from './statements.ts';
import type { Target } from './target.ts';

/** What became of a load's rows. Rows neither written nor rejected were there already. */
export interface LoadResult {
  readonly written: number;
  readonly rejected: readonly RejectedRow[];
}

interface RejectedRow {
  readonly row: number;
  readonly cause: unknown;
}

/** What is ready before the turn: rows in the table itself, or in the stage. */
export type Prepared = { readonly how: 'copied' } | Staged;

interface Staged {
  readonly how: 'staged';
  readonly pieces: readonly Piece[];
  /** What did not even pass into the stage. */
  readonly rejected: readonly RejectedRow[];
}

/** Rows `from` to `to` of the load, of which the last has this number in the stage. */
interface Piece {
  readonly from: number;
  readonly to: number;
  readonly lastOrd: number;
}

/** How long a load waits for a row that another transaction holds before it takes that for a contest. */
const contestTimeoutMs = 1000;

/**
 * Writes loads inside transactions. `prepare` may run beside other loads; `finish` runs when the load's turn has come.
 *
 * Where nothing speaks against it rows are copied straight into the table. When one of them does not pass, and from then on
 * until a load is clean, and for merging modes, rows go into a temporary stage beside other loads and are brought into
 * the table in turn, by one statement or, where that fails, block by block in the server.
 */
export class LoadWriter {
  /** Calls back what was copied ahead of its turn. */
  readonly contest = new Contest();
  readonly #statements: Statements;
  readonly #begin: string;
  readonly #mayCopy: boolean;
  readonly #mayWait: boolean;
  #expectsFaults = false;
  #isContested = false;

  constructor(target: Target, mode: WriteMode, connections: number) {
    this.#statements = statementsFor(target, mode);
    this.#mayCopy = mode === 'append' && target.columns.every(({ mustStage }) => !mustStage);
    // Beside each other, two transactions with the same key wait for one another.
    this.#mayWait = connections > 1 && target.isUnique;
    // At COMMIT it would be too late to find out which row breaks a rule.
    this.#begin = target.isDeferrable ? 'begin; set constraints all immediate' : 'begin';
  }

  /** `isSending` is called when the rows are on their way. */
  async prepare(client: PostgresClient, load: Load, signal: AbortSignal, isSending: () => void): Promise<Prepared> {
    const { copy } = this.#statements;
    if (!this.#mayCopy || this.#expectsFaults || this.#isContested) {
      await client.query(this.#begin);
      return this.#stage(client, load, signal, isSending);
    }
    const timeout = this.#mayWait ? `; set local lock_timeout = ${contestTimeoutMs}` : '';
    try {
      // In one message: each answer that is waited for would leave the server idle.
      const statements = `${this.#begin}${timeout}; savepoint etl_load; ${copy}`;
      await copyInto(client, statements, load.copyBytes(), signal, isSending);
      return { how: 'copied' };
    } catch (error) {
      const fault = postgresFault(error);
      const isContest = this.#mayWait && (fault.sqlState === '55P03' || fault.sqlState === '40P01');
      if (isContest) this.#isContested = true;
      else if (isFaultOfData(fault)) this.#expectsFaults = true;
      else throw error;
      if (isContest) this.contest.raise();
      await client.query('rollback to savepoint etl_load; set local lock_timeout = 0');
      return this.#stage(client, load, signal, isSending);
    }
  }

  async finish(client: PostgresClient, load: Load, prepared: Prepared): Promise<LoadResult> {
    if (prepared.how === 'copied') return { written: load.rows, rejected: [] };
    // Whatever was copied ahead since then may hold a key that is about to be written.
    if (this.#mayWait) this.contest.raise();
    if (!this.#expectsFaults) {
      await client.query('savepoint etl_merge');
      try {
        const { rowCount } = await client.query(this.#statements.merge);
        return { written: rowCount ?? 0, rejected: prepared.rejected };
      } catch (error) {
        if (!isFaultOfData(postgresFault(error))) throw error;
        await client.query('rollback to savepoint etl_merge');
      }
    }
    return this.#isolate(client, prepared);
  }

  /** Brings the stage in block by block. After a load in which nothing was wrong the next one is tried as a whole again. */
  async #isolate(client: PostgresClient, { pieces, rejected }: Staged): Promise<LoadResult> {
    await client.query(`${createRejects}; ${indexStage}`);
    await client.query(this.#statements.mergeIsolating);
    const { rows: written } = await client.query<{ written: number }>(selectWritten);
    const { rows } = await client.query<PostgresFault & { readonly ord: number }>(selectRejects);
    const found = rows.map(({ ord, ...fault }) => ({ row: rowAt(ord, pieces), cause: faultError(fault) }));
    this.#expectsFaults = rejected.length + found.length > 0;
    return { written: written[0]?.written ?? 0, rejected: [...rejected, ...found].sort((a, b) => a.row - b.row) };
  }

  /** COPY into the stage. What does not even pass there is found by the line that the server names. */
  async #stage(client: PostgresClient, load: Load, signal: AbortSignal, isSending: () => void): Promise<Prepared> {
    const pieces: Piece[] = [];
    const rejected: RejectedRow[] = [];
    await client.query(this.#statements.createStage);
    const send = async (from: number, to: number): Promise<void> => {
      await copyInto(client, this.#statements.copyToStage, load.copyBytes(from, to), signal, isSending);
      const { rows } = await client.query<{ last: number }>(selectLastOrd);
      pieces.push({ from, to, lastOrd: rows[0]?.last ?? 0 });
    };
    await sendIsolating(client, load.rows, send, (row, cause) => rejected.push({ row, cause }));
    return { how: 'staged', pieces, rejected };
  }
}

/** The row of the load that has this number in the stage: numbers are without gaps inside a piece. */
function rowAt(ord: number, pieces: readonly Piece[]): number {
  const piece = pieces.find(({ lastOrd }) => ord <= lastOrd) as Piece;
  return piece.to - 1 - (piece.lastOrd - ord);
}
