import { imbalance, type RunReport } from '../report.ts';
import { formatBytes, formatCount, formatDuration, formatRecords, formatShare, formatShort } from './format.ts';
import { safe, type Cli } from './io.ts';
import { bottleneck } from './progress-view.ts';

const warningsShown = 10;
const findingsShown = 8;
const tellingMs = 1000;

const headlines: Readonly<Record<RunReport['status'], string>> = {
  finished: 'finished',
  unchanged: 'nothing to do: this run was finished before',
  stopped: 'stopped',
  failed: 'failed',
  sampled: 'sample finished',
  'dry-run': 'dry run finished: nothing was written',
};

/** What a run did, for people: the sums, where the rejects are, what went wrong on the way, how to go on. */
export function renderSummary(report: RunReport, { colors }: Pick<Cli, 'colors'>, resume: string): string {
  const { status, pipeline } = report;
  const paint = { failed: colors.red, stopped: colors.yellow }[status as string] ?? colors.green;
  const headline = wasAborted(report) ? 'aborted' : headlines[status];
  // Said a moment before, when there was nothing to do.
  const warnings = status === 'unchanged' ? [] : report.warnings;
  const lines = [
    `${paint(colors.bold(headline))} · ${safe(pipeline)} · ${formatDuration(report.elapsedMs)}${attemptsText(report)}`,
    ...countLines(report),
    ...rejectLines(report),
    ...findingLines(report),
    ...warnings.slice(0, warningsShown).map(({ stage, message, times }) => {
      return `  ${colors.yellow('warning')} ${safe(stage)}: ${safe(message)}${times > 1 ? ` (${formatCount(times)} times)` : ''}`;
    }),
    ...(warnings.length > warningsShown ? [`  … and ${warnings.length - warningsShown} more warnings`] : []),
    ...endLines(report, resume),
  ];
  return lines.join('\n');
}

/** Ctrl-C a second time: that is no fault of the run's. */
function wasAborted({ error }: RunReport): boolean {
  return error?.code === 'ETL_ABORTED';
}

function countLines({ counts, bytesRead, bytesWritten, elapsedMs, attempts, stages, status }: RunReport): string[] {
  const { read, written, skipped, filtered, merged, expanded, rejected } = counts;
  // It did not get as far as having stages.
  if (stages.length === 0 && status === 'failed') return [];
  if (status === 'unchanged') {
    const times = attempts === 1 ? 'one attempt' : `${attempts} attempts`;
    return [`  ${formatRecords(written)} written, ${formatCount(rejected)} rejected, in ${times}`];
  }
  const out = Object.entries({ written, skipped, filtered, merged, rejected }).filter(
    ([what, count]) => what === 'written' || count > 0,
  );
  const more = expanded > 0 ? ` + ${formatCount(expanded)} expanded` : '';
  const said = (what: string): string => (status === 'dry-run' && what === 'written' ? 'would be written' : what);
  const sum = out.map(([what, count]) => `${formatCount(count)} ${said(what)}`).join(' + ');
  const now = attempts === 1 ? '' : ' in this attempt';
  // A server does not say how many bytes it took.
  const taken = bytesWritten > 0 ? [`${formatBytes(bytesWritten)} written`] : [];
  const moved = bytesRead + bytesWritten > 0 ? [`${formatBytes(bytesRead)} read`, ...taken] : [];
  const bytes = moved.map((text, place) => (place === moved.length - 1 ? text + now : text));

  // The time is that of all attempts, the stages' figures are this one's; and little can be said about a moment.
  const isTelling = attempts === 1 && elapsedMs >= tellingMs;
  const slowest = isTelling ? bottleneck(stages) : undefined;
  const speed = [...(isTelling ? [`${formatShort((read / elapsedMs) * 1000)} records/s`] : []), ...bytes];
  return [
    // A sink without progress says what it has written, not up to where; the sums are made at the end.
    imbalance(counts) === 0 ? `  ${formatCount(read)} read${more} = ${sum}` : `  ${sum} when it ended`,
    ...(speed.length > 0 ? [`  ${speed.join(' · ')}`] : []),
    ...(slowest === undefined
      ? []
      : [`  slowest stage: ${slowest.stage}, at work ${formatShare(slowest.busy)} of its time`]),
  ];
}

/** What was found, in a line for each group: `mended: 3 missing-parent, 1 self-parent`. */
function findingLines({ findings, status }: RunReport): string[] {
  if (status === 'unchanged') return [];
  const groups = new Map<string, string[]>();
  for (const [kind, times] of Object.entries(findings).sort(([, a], [, b]) => b - a)) {
    const colon = kind.indexOf(': ');
    const [group, what] = colon < 0 ? ['found', kind] : [kind.slice(0, colon), kind.slice(colon + 2)];
    groups.set(group, [...(groups.get(group) ?? []), `${formatCount(times)} ${safe(what)}`]);
  }
  return [...groups].map(([group, parts]) => {
    const more = parts.length > findingsShown ? `, and ${parts.length - findingsShown} more kinds` : '';
    return `  ${safe(group)}: ${parts.slice(0, findingsShown).join(', ')}${more}`;
  });
}

function rejectLines({ counts, rejects, status }: RunReport): string[] {
  if (status === 'unchanged' || (counts.rejected === 0 && rejects.reasons.length === 0)) return [];
  const file = rejects.to === null ? '' : ` → ${safe(rejects.to)}`;
  return [
    counts.rejected === 0
      ? '  rejected, and not in the file: the run ended before they were committed'
      : `  rejected${file}`,
    ...rejects.reasons.flatMap(({ stage, code, reason, hint, count }) => [
      `    ${formatCount(count)} × ${safe(stage)}: ${safe(reason)} (${code})`,
      ...(hint === undefined ? [] : [`      ${safe(hint)}`]),
    ]),
    ...(rejects.moreReasons > 0 ? [`    … and ${formatCount(rejects.moreReasons)} more: etl rejects ls FILE`] : []),
  ];
}

function endLines({ status, counts, ledger, stages }: RunReport, resume: string): string[] {
  if (status === 'unchanged') return ['  --new-run starts it over'];
  if (status === 'sampled') return ['  a sample moves no cursor: the run without --limit starts where it would have'];
  if (status !== 'stopped' && status !== 'failed') return [];
  if (status === 'failed' && stages.length === 0) return ['  the run did not begin; what is written stays as it is'];
  if (counts.written === 0) return ['  nothing is committed yet'];
  if (ledger === null) return ['  this sink keeps no progress: the same command starts over'];
  return [`  ${formatRecords(counts.written)} safe on the other side; go on with:`, `    ${resume}`];
}

function attemptsText({ attempts, status }: RunReport): string {
  return attempts > 1 && status !== 'unchanged' ? ` · attempt ${attempts}` : '';
}
