import { randomUUID } from 'node:crypto';

import type { EtlError } from '../errors.ts';
import { errorReport, noCounts, type RunReport } from '../report.ts';

/** The report of a run that did not get as far as having one: its file is not valid, or another process holds the lock. */
export function failedReport(pipeline: string, error: EtlError, startedAt: Date): RunReport {
  const finishedAt = new Date();
  return {
    schema: 'threadmill/report@1',
    run: randomUUID(),
    pipeline,
    status: 'failed',
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    elapsedMs: finishedAt.getTime() - startedAt.getTime(),
    attempts: 1,
    resumed: false,
    counts: noCounts,
    findings: {},
    bytesRead: 0,
    bytesWritten: 0,
    stages: [],
    rejects: { to: null, reasons: [], moreReasons: 0 },
    warnings: [],
    error: errorReport(error),
    ledger: null,
  };
}
