import type { Reading, Variant } from './variant.ts';

interface Row {
  readonly name: string;
  readonly cells: readonly string[];
}

/** The table of a bench, and the targets that were missed. */
export function formatReadings(
  variants: readonly Variant[],
  readings: ReadonlyMap<string, readonly Reading[]>,
  base: string,
): { readonly table: string; readonly missed: string[] } {
  const baseReadings = readings.get(base) ?? [];
  const basePeak = median(baseReadings.map(({ peakMegabytes }) => peakMegabytes));
  const missed: string[] = [];
  const rows = variants.map((variant): Row => {
    const own = readings.get(variant.name) ?? [];
    const wall = median(own.map(({ wallSeconds }) => wallSeconds));
    const rate = median(own.map(({ records, wallSeconds }) => records / wallSeconds));
    const megabytes = median(own.map(({ bytes, wallSeconds }) => bytes / 1e6 / wallSeconds));
    const peak = median(own.map(({ peakMegabytes }) => peakMegabytes));
    const ratio = median(
      own.map(({ wallSeconds }, round) => (baseReadings[round]?.wallSeconds ?? Number.NaN) / wallSeconds),
    );
    const cpuRatio = median(
      own.map(({ cpuSeconds }, round) => (baseReadings[round]?.cpuSeconds ?? Number.NaN) / cpuSeconds),
    );
    missed.push(...misses(variant, { rate, ratio, peak, peakRatio: peak / basePeak }));
    return {
      name: variant.name,
      cells: [
        count(rate),
        megabytes === 0 ? '-' : megabytes.toFixed(0),
        wall.toFixed(2),
        median(own.map(({ cpuSeconds }) => cpuSeconds)).toFixed(2),
        peak.toFixed(0),
        ratio.toFixed(2),
        cpuRatio.toFixed(2),
      ],
    };
  });
  const head = ['records/s', 'MB/s', 'wall s', 'CPU s', 'peak MB', 'ratio', 'CPU ratio'];
  const lines = [
    row('variant', head),
    row(
      '---',
      head.map(() => '---:'),
    ),
    ...rows.map(({ name, cells }) => row(name, cells)),
  ];
  return { table: lines.join('\n'), missed };
}

interface Figures {
  readonly rate: number;
  readonly ratio: number;
  readonly peak: number;
  readonly peakRatio: number;
}

// Asked as "is it reached", so that a figure that is not a number is a miss.
function misses({ name, target = {} }: Variant, { rate, ratio, peak, peakRatio }: Figures): string[] {
  const { recordsPerSecond = 0, peakMegabytes = Number.POSITIVE_INFINITY } = target;
  const [least, most] = target.peakOfBase ?? [0, Number.POSITIVE_INFINITY];
  const checks = [
    {
      reached: ratio >= (target.ratio ?? 0),
      is: `${ratio.toFixed(2)} times the base`,
      wanted: `at least ${target.ratio}`,
    },
    {
      reached: rate >= recordsPerSecond,
      is: `${count(rate)} records/s`,
      wanted: `at least ${count(recordsPerSecond)}`,
    },
    { reached: peak <= peakMegabytes, is: `${peak.toFixed(0)} MB at the peak`, wanted: `at most ${peakMegabytes}` },
    {
      reached: peakRatio >= least && peakRatio <= most,
      is: `${peakRatio.toFixed(2)} times the base's peak`,
      wanted: `${least} to ${most}`,
    },
  ];
  return checks.filter(({ reached }) => !reached).map(({ is, wanted }) => `${name}: ${is}, the target is ${wanted}`);
}

function row(name: string, cells: readonly string[]): string {
  return `| ${name} | ${cells.join(' | ')} |`;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? 0)) / 2;
}

function count(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  return value >= 1e4 ? `${(value / 1e3).toFixed(0)} k` : value.toFixed(0);
}
