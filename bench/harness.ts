import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';

import { formatReadings } from './readings.ts';
import type { Bench, Reading, Variant } from './variant.ts';

export type { Variant, Work } from './variant.ts';

/**
 * Answers one question by measuring its variants against each other.
 *
 * Each variant runs in a process of its own, in turns, so that what else happens on the machine hits all of them. A round
 * before the first, not counted, warms the file cache and compares the outputs: nothing is timed that is not right. Ratios
 * are made within a round, and the median over the rounds is told. `ETL_BENCH_ROUNDS` and `ETL_BENCH_ONLY` (names, separated
 * by commas; the base runs always) shorten a run.
 */
export async function bench(question: Bench): Promise<void> {
  const asked = process.env['ETL_BENCH_VARIANT'];
  if (asked !== undefined) return perform(question, asked);

  const { base } = question;
  const rounds = Number(process.env['ETL_BENCH_ROUNDS'] ?? question.rounds ?? 5);
  const only = process.env['ETL_BENCH_ONLY']?.split(',');
  const variants = question.variants.filter(({ name }) => only === undefined || only.includes(name) || name === base);
  console.log(`${question.question}\n${machine()}, ${rounds} rounds`);
  await question.data?.();

  const readings = new Map<string, Reading[]>(variants.map(({ name }) => [name, []]));
  sameOutput(variants, await round(variants));
  for (let count = 0; count < rounds; count += 1) {
    const measured = await round(variants);
    sameOutput(variants, measured);
    for (const [name, reading] of measured) readings.get(name)?.push(reading);
  }
  const { table, missed } = formatReadings(variants, readings, base);
  console.log(`\n${table}`);
  for (const miss of missed) console.log(`missed: ${miss}`);
  if (missed.length > 0) process.exitCode = 1;
}

/** Every variant once, in turn. */
async function round(variants: readonly Variant[]): Promise<Map<string, Reading>> {
  const measured = new Map<string, Reading>();
  for (const { name } of variants) measured.set(name, await inOwnProcess(name));
  return measured;
}

async function inOwnProcess(variant: string): Promise<Reading> {
  const [, file = ''] = process.argv;
  const child = fork(file, { env: { ...process.env, ETL_BENCH_VARIANT: variant } });
  let reading: Reading | undefined;
  child.on('message', (message) => {
    reading = message as Reading;
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (reading === undefined || code !== 0) throw new Error(`"${variant}" ended with code ${String(code)}`);
  return reading;
}

/** The child's part: one run of one variant. */
async function perform({ variants }: Bench, name: string): Promise<void> {
  const variant = variants.find((one) => one.name === name);
  if (variant === undefined) throw new Error(`no variant "${name}"`);
  const folder = await mkdtemp(join(tmpdir(), 'etl-bench-'));
  try {
    await variant.prepare?.(folder);
    const cpuBefore = process.cpuUsage();
    const started = performance.now();
    const { records = 0, bytes = 0, output = '' } = await variant.run(folder);
    const wallSeconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    const peakMegabytes = (process.resourceUsage().maxRSS * 1024) / 1e6;
    const reading: Reading = {
      wallSeconds,
      cpuSeconds: (user + system) / 1e6,
      peakMegabytes,
      records,
      bytes,
      output: typeof output === 'string' ? output : await output(),
    };
    process.send?.(reading);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function sameOutput(variants: readonly Variant[], measured: ReadonlyMap<string, Reading>): void {
  const expected = new Map<string, { readonly by: string; readonly output: string }>();
  for (const { name, outputLike = '' } of variants) {
    const output = measured.get(name)?.output ?? '';
    const first = expected.get(outputLike);
    if (first === undefined) expected.set(outputLike, { by: name, output });
    else if (first.output !== output) throw new Error(`"${name}" gives ${output}, "${first.by}" gives ${first.output}`);
  }
}

function machine(): string {
  const [{ model = 'unknown processor' } = {}] = cpus();
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, ${availableParallelism()} cores ${process.arch} (${model}), Node ${process.versions.node}`;
}
