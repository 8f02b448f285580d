import {
  displayWidth,
  fitWidth,
  formatBytes,
  formatCount,
  formatDuration,
  formatShare,
  formatShort,
  padWidth,
  printable,
} from './format.ts';
import { bottleneck, progressShare, timeLeft, timeShares, type ProgressView } from './progress-view.ts';

/** The progress as lines for a terminal of so many columns: a headline, then a line a stage. */
export function renderProgress(view: ProgressView, columns: number): string[] {
  const { stages } = view;
  const slowest = bottleneck(stages)?.stage;
  const names = stages.map(({ stage }) => printable(stage));
  const counts = stages.map((stage) => countText(stage));
  const nameWidth = Math.max(...names.map(displayWidth));
  const countWidth = Math.max(...counts.map(displayWidth));
  const lines = stages.map((stage, order) => {
    const { busy, up, down } = timeShares(stage);
    const time = `busy ${formatShare(busy)}, waits in ${formatShare(up)}, out ${formatShare(down)}`;
    const mark = stage.stage === slowest ? '  ← slowest' : '';
    return `  ${padWidth(names[order] ?? '', nameWidth)}  ${padWidth(counts[order] ?? '', countWidth)}  ${time}${mark}`;
  });
  // The last column stays free: some terminals break the line there.
  return [[printable(view.pipeline), formatDuration(view.elapsedMs), ...figures(view)].join(' · '), ...lines].map(
    (line) => fitWidth(line, columns - 1),
  );
}

/** The progress in one line, for logs. */
export function renderProgressLine(view: ProgressView): string {
  const { committed, stages } = view;
  const slowest = bottleneck(stages);
  const read = view.before.read + (stages[0]?.out ?? 0);
  const parts = [
    formatDuration(view.elapsedMs),
    `read ${formatCount(read)}`,
    `written ${formatCount(committed.written)}`,
    ...(['filtered', 'rejected'] as const)
      .filter((what) => committed[what] > 0)
      .map((what) => `${what} ${formatCount(committed[what])}`),
    ...figures(view),
    ...(slowest === undefined ? [] : [`slowest: ${slowest.stage} (at work ${formatShare(slowest.busy)})`]),
  ];
  return printable(`${view.pipeline}: ${parts.join(' · ')}`);
}

function figures(view: ProgressView): string[] {
  const { rates } = view;
  const share = progressShare(view);
  const left = timeLeft(view);
  return [
    `${formatShort(rates.records)} records/s`,
    ...(rates.bytes > 0 ? [`${formatBytes(rates.bytes)}/s`] : []),
    ...(share === undefined ? [] : [formatShare(share)]),
    ...(left === undefined ? [] : [`${formatDuration(left)} left`]),
  ];
}

function countText({
  role,
  in: taken,
  out,
  filtered,
  merged,
  expanded,
  skipped,
  rejected,
}: ProgressView['stages'][number]): string {
  const main = {
    source: `${formatCount(out)} read`,
    transform: `${formatCount(taken)} → ${formatCount(out)}`,
    sink: `${formatCount(out)} written`,
  }[role];
  const others = Object.entries({ filtered, merged, expanded, skipped, rejected }).filter(([, count]) => count > 0);
  return [main, ...others.map(([what, count]) => `${formatCount(count)} ${what}`)].join(', ');
}
