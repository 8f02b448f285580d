import { pickRecords, recordCount } from './batch.ts';
import type { Batch, StageContext } from './stage.ts';

/** The records at `kept`; the others are counted as filtered, but for those that were rejected. */
export function keepRecords<T>(
  batch: Batch<T>,
  kept: readonly number[],
  rejected: number,
  ctx: Pick<StageContext, 'count'>,
): Batch<T> {
  ctx.count('filtered', recordCount(batch) - kept.length - rejected, { batch });
  return pickRecords(batch, kept);
}
