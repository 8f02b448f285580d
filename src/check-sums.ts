import type { StageStats } from './context.ts';
import { EtlError } from './errors.ts';

/**
 * Each stage by itself: what went in came out, or was counted. A stage that ended before its input did leaves records read
 * ahead behind; gives how many, in the source's measure.
 */
export function checkStages(stages: readonly StageStats[]): number {
  const early = stages.findLastIndex(({ role, exhausted }) => role !== 'source' && !exhausted);
  let readAhead = 0;
  let before = stages[0]?.out ?? 0;
  for (const [order, stats] of stages.entries()) {
    if (stats.role === 'source') continue;
    if (order <= early) readAhead += before - stats.in;
    const off =
      stats.in +
      stats.expanded -
      stats.filtered -
      stats.merged -
      stats.rejected -
      stats.skipped -
      stats.replayed -
      stats.out;
    if (off !== 0 && order < early) readAhead += off;
    else if (off !== 0) {
      const what = `stage "${stats.stage}" took ${stats.in} records and gave ${stats.out}: ${Math.abs(off)} ${off > 0 ? 'are not accounted for' : 'too many'}`;
      throw new EtlError('ETL_COUNT_MISMATCH', what, { where: { stage: stats.stage } });
    }
    before = stats.out;
  }
  return readAhead;
}
