import { EtlError, type ErrorPlace } from './errors.ts';
import type { RejectReason } from './rejects.ts';
import type { Counts } from './stage.ts';

/** One stage's figures in this attempt. Times in milliseconds. */
export interface StageReport {
  readonly stage: string;
  readonly role: 'source' | 'transform' | 'sink';
  readonly in: number;
  readonly out: number;
  readonly bytes: number;
  readonly filtered: number;
  readonly skipped: number;
  readonly merged: number;
  readonly expanded: number;
  readonly rejected: number;
  /** Read again in a resumed run, and not given again. */
  readonly replayed: number;
  /** At work; the rest of the time it waited for the stage before (`waitUpMs`) or after (`waitDownMs`). */
  readonly busyMs: number;
  readonly waitUpMs: number;
  readonly waitDownMs: number;
}

/**
 * What a run did: the same shape for success and failure, for people (`etl run`) and machines (`etl run --json`).
 *
 * `counts` are the whole run's, over all its attempts, up to the last commit; `stages` are this attempt's, what had been
 * read ahead and not committed included.
 */
export interface RunReport {
  readonly schema: 'threadmill/report@1';
  readonly run: string;
  readonly pipeline: string;
  /**
   * `finished`; `unchanged`: it was finished before, nothing to do; `stopped`: asked to, resumable; `failed`: see `error`;
   * `sampled`: a `--limit` run; `dry-run`.
   */
  readonly status: 'finished' | 'unchanged' | 'stopped' | 'failed' | 'sampled' | 'dry-run';
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly elapsedMs: number;
  /** Attempts so far, this one included. */
  readonly attempts: number;
  readonly resumed: boolean;
  readonly counts: Counts;
  /** What the stages found worth knowing about the records, by kind: what was mended, what could not be kept. */
  readonly findings: Readonly<Record<string, number>>;
  /** Bytes read and written in this attempt. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly stages: readonly StageReport[];
  readonly rejects: {
    readonly to: string | null;
    readonly reasons: readonly RejectReason[];
    /** Reasons beside those listed. */
    readonly moreReasons: number;
  };
  readonly warnings: readonly { readonly stage: string; readonly message: string; readonly times: number }[];
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly where: ErrorPlace;
    readonly hint: string;
  } | null;
  /** Where the progress is kept; nothing when a repeated run starts over. */
  readonly ledger: string | null;
}

export const noCounts: Counts = { read: 0, written: 0, skipped: 0, filtered: 0, merged: 0, expanded: 0, rejected: 0 };

/** How far the sums are off: 0 when every record read is accounted for. */
export function imbalance({ read, written, skipped, filtered, merged, expanded, rejected }: Counts): number {
  return read + expanded - (written + skipped + filtered + merged + rejected);
}

/** An error as it stands in a report. */
export function errorReport(error: EtlError): NonNullable<RunReport['error']> {
  return { code: error.code, message: error.message, where: error.where, hint: error.hint };
}

/** The report of a failed run, on the error that ended it. */
const reports = new WeakMap<EtlError, RunReport>();

/** Puts a run's report on the error that ended it. */
export function withReport(error: EtlError, report: RunReport): EtlError {
  reports.set(error, report);
  return error;
}

/** The report that belongs to an error thrown by a run. */
export function reportOf(error: unknown): RunReport | undefined {
  return error instanceof EtlError ? reports.get(error) : undefined;
}
