import type { Command } from 'commander';

import type { ConfiguredPipeline, ConfiguredStage } from '../config/load-pipeline.ts';
import { maskOptions } from '../config/mask.ts';
import { optionsSchema } from '../config/option-info.ts';
import { nowhere } from '../config/watch.ts';
import { kindsAlong } from '../config/wiring.ts';
import { EtlError } from '../errors.ts';
import { identityOf, nextStep, type NextStep, type PipelinePlan } from '../plan.ts';
import { reportOf } from '../report.ts';
import { runPipeline } from '../run.ts';
import type { Estimate, Progress } from '../stage.ts';
import { unreadSince } from '../unread.ts';
import { createCommand } from './command.ts';
import { formatBytes, formatCount, padWidth } from './format.ts';
import { safe, type Cli } from './io.ts';
import { load } from './load.ts';
import { stoppable } from './stoppable.ts';

/** `etl plan FILE` */
export function planCommand(cli: Cli): Command {
  return createCommand(cli, 'plan', {
    summary: 'show what a run would do, without writing',
    details: 'Asks the source how much there is and how it would be read, and the target how far an earlier run came',
    examples: ['etl plan import.yaml', 'etl plan import.yaml --json'],
  })
    .argument('<file>', 'pipeline file (YAML)')
    .option('--json', 'print it as JSON')
    .action(async (file: string, { json = false }: { readonly json?: boolean }) => {
      const plan = await planOf(cli, await load(cli, file));
      cli.print(cli.mask(json ? JSON.stringify(plan) : planText(plan, file)));
    });
}

interface RunPlan {
  readonly pipeline: string;
  readonly stages: readonly {
    readonly stage: string;
    readonly role: string;
    readonly gives: string | null;
    readonly options: unknown;
  }[];
  readonly estimate: Estimate | null;
  readonly onReject: unknown;
  readonly ledger: string | null;
  /** What `etl run` would do. */
  readonly next: NextStep;
  /** Where it would do nothing: what the input holds that the finished run has not read. */
  readonly unread: string | null;
  readonly progress: Progress | null;
}

async function planOf(cli: Cli, { plan, stages }: ConfiguredPipeline): Promise<RunPlan> {
  return stoppable(cli, 'the plan', async ({ stop }) => {
    const kinds = kindsAlong(stages);
    const identity = identityOf(plan);
    const ledger = plan.sink.ledger?.(identity);
    const progress = (await ledger?.peek()) ?? null;
    const next = await nextStep(progress ?? undefined, identity.digest, plan.sink);
    const unread = next === 'nothing' && progress !== null ? await unreadSince(plan, progress, stop) : undefined;
    return {
      pipeline: plan.name,
      stages: stages.map((stage, order) => ({
        stage: stage.name,
        role: stage.component.role,
        gives: kinds[order] ?? null,
        options: shownOptions(stage),
      })),
      estimate: await estimated(plan, stop),
      onReject: plan.onReject,
      ledger: ledger?.where ?? null,
      next,
      unread: unread ?? null,
      progress,
    };
  });
}

// Enough records to know their size by.
const sampleRecords = 1000;

/** What the source says; where it knows bytes only, the number of records by the size of the first ones. */
async function estimated(plan: PipelinePlan, stop: AbortSignal): Promise<Estimate | null> {
  const estimate = await plan.source.estimate?.(stop).catch((error: unknown) => {
    throw error instanceof EtlError ? error.at({ stage: plan.source.name }) : error;
  });
  if (estimate === undefined) return null;
  const { isQuick, ...shown } = estimate;
  if (isQuick !== true || shown.bytes === undefined || shown.records !== undefined) return shown;
  const sample: PipelinePlan = { ...plan, transforms: [], sink: nowhere, onReject: { to: 'nowhere' } };
  const options = { dryRun: true, limit: sampleRecords, stopSignal: stop };
  // What is wrong with the data is for the run to say.
  const report = await runPipeline(sample, options).catch((error: unknown) => reportOf(error));
  if (report === undefined || report.counts.read === 0) return shown;
  const isAll = report.counts.read < sampleRecords && report.error === null;
  const bytesEach = report.bytesRead / report.counts.read;
  return { ...shown, records: isAll ? report.counts.read : Math.round(shown.bytes / bytesEach) };
}

/** The options as they are in force, defaults included. */
function shownOptions({ component, options }: ConfiguredStage): unknown {
  const { data } = component.options.safeParse(options);
  return maskOptions(optionsSchema(component), data ?? options);
}

function planText(
  { pipeline, stages, estimate, onReject, ledger, next, unread, progress }: RunPlan,
  file: string,
): string {
  const width = Math.max(...stages.map(({ stage }) => stage.length));
  const lines = [
    safe(pipeline),
    ...stages.map(
      ({ stage, role, options }) =>
        `  ${padWidth(role, 9)}  ${padWidth(stage, width)}  ${safe(JSON.stringify(options))}`,
    ),
    `  to read    ${estimateText(estimate)}`,
    `  rejects    ${onReject === 'stop' ? 'the first one stops the run' : safe(JSON.stringify(onReject))}`,
    `  progress   ${ledger === null ? 'not kept: a repeated run starts over' : `kept in ${safe(ledger)}`}`,
    `  etl run    ${nextText(next, progress, file)}`,
    ...(unread === null ? [] : [`  not read   ${safe(unread)}`]),
  ];
  return lines.join('\n');
}

function estimateText(estimate: Estimate | null): string {
  if (estimate === null) return 'not known';
  const { records, bytes, plan } = estimate;
  const parts = [
    ...(records === undefined ? [] : [`about ${formatCount(records)} records`]),
    ...(bytes === undefined ? [] : [formatBytes(bytes)]),
    ...(plan === undefined ? [] : [safe(plan)]),
  ];
  return parts.length === 0 ? 'not known' : parts.join(', ');
}

function nextText(next: NextStep, progress: Progress | null, file: string): string {
  const done = `${formatCount(progress?.counts.read ?? 0)} read and ${formatCount(progress?.counts.written ?? 0)} written before`;
  return {
    start: 'starts at the beginning',
    startOver: 'starts at the beginning; what a sample or a failed start has left in the target goes',
    resume: `goes on where it stopped: ${done}`,
    nothing: `does nothing: finished before, ${done}; etl run ${file} --new-run starts over`,
    refuse: `refuses: the configuration was changed since the run was started (${done}); --new-run starts over`,
  }[next];
}
