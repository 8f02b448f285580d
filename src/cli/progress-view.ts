import type { LiveRun } from '../run-options.ts';
import type { Counts, Estimate } from '../stage.ts';

type StageFigures = LiveRun['stages'][number];

/** A running pipeline at one moment: all that a progress display shows. */
export interface ProgressView {
  readonly pipeline: string;
  readonly elapsedMs: number;
  readonly stages: readonly StageFigures[];
  /** Read before this attempt. */
  readonly before: { readonly read: number; readonly bytes: number };
  /** Up to the last commit, over all attempts. */
  readonly committed: Counts;
  /** How much there is, as far as the source knows. */
  readonly estimate: Estimate | undefined;
  /** Read per second, recently. */
  readonly rates: { readonly records: number; readonly bytes: number };
}

/** How much of the work is done, from 0 to 1; nothing when the size is not known. */
export function progressShare({ stages, before, estimate }: ProgressView): number | undefined {
  const source = stages[0];
  if (source === undefined || estimate === undefined) return undefined;
  const { bytes = 0, records = 0 } = estimate;
  if (bytes > 0 && source.bytes + before.bytes > 0) return Math.min(1, (before.bytes + source.bytes) / bytes);
  return records > 0 ? Math.min(1, (before.read + source.out) / records) : undefined;
}

/** Milliseconds to go at the present rate; nothing when that is anybody's guess. */
export function timeLeft(view: ProgressView): number | undefined {
  const { estimate, before, rates } = view;
  const source = view.stages[0];
  if (source === undefined || progressShare(view) === undefined) return undefined;
  const byBytes = (estimate?.bytes ?? 0) > 0 && source.bytes + before.bytes > 0;
  const left = byBytes
    ? (estimate?.bytes ?? 0) - before.bytes - source.bytes
    : (estimate?.records ?? 0) - before.read - source.out;
  const rate = byBytes ? rates.bytes : rates.records;
  return rate > 0 ? (Math.max(0, left) / rate) * 1000 : undefined;
}

/** Shares of a stage's time: at work, waiting for the stage before, waiting for the stage after. */
export interface TimeShares {
  readonly busy: number;
  readonly up: number;
  readonly down: number;
}

export function timeShares({
  busyMs,
  waitUpMs,
  waitDownMs,
}: Pick<StageFigures, 'busyMs' | 'waitUpMs' | 'waitDownMs'>): TimeShares {
  // What a stage is doing right now is not in its figures yet, and can make one of them negative for a moment.
  const [busy, up, down] = [Math.max(0, busyMs), Math.max(0, waitUpMs), Math.max(0, waitDownMs)];
  const total = busy + up + down;
  return total === 0 ? { busy: 0, up: 0, down: 0 } : { busy: busy / total, up: up / total, down: down / total };
}

/** The stage that holds the others up: the one at work for the greatest share of its time. Nothing when none stands out. */
export function bottleneck(
  stages: readonly Pick<StageFigures, 'stage' | 'busyMs' | 'waitUpMs' | 'waitDownMs'>[],
): { stage: string; busy: number } | undefined {
  const shares = stages.map((stage) => ({ stage: stage.stage, busy: timeShares(stage).busy }));
  const most = Math.max(...shares.map(({ busy }) => busy));
  // One that computes keeps the thread from the stages before it, which wait for a disk or a server and seem at work as well.
  return shares.findLast(({ busy }) => busy >= 0.3 && busy >= most * 0.95);
}
