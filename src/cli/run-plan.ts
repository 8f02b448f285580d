import { stat } from 'node:fs/promises';

import type { Command } from 'commander';

import { EtlError, toEtlError } from '../errors.ts';
import type { RunReport } from '../report.ts';
import { reportOf } from '../report.ts';
import { runPipeline } from '../run.ts';
import type { PipelinePlan } from '../plan.ts';
import { wholeNumber } from './command.ts';
import { eventStream, type EventStream } from './event-stream.ts';
import { exitCodeOfError, exitCodeOfReport } from './exit-codes.ts';
import { failedReport } from './failed-report.ts';
import { listenForInterrupts } from './interrupts.ts';
import { safe, type Cli } from './io.ts';
import { errorText } from './print-error.ts';
import { progressDisplay, silentDisplay, type ProgressDisplay } from './progress-display.ts';
import { renderSummary } from './render-summary.ts';
import { resumeCommand } from './resume-command.ts';

/** The options of every command that runs a pipeline, as {@link addRunOptions} declares them. */
export interface RunFlags {
  readonly limit?: number;
  readonly dryRun?: boolean;
  readonly newRun?: boolean;
  readonly json?: boolean;
  readonly events?: boolean;
  readonly quiet?: boolean;
  readonly progress: boolean;
}

/** Gives a command the options of `etl run`. */
export function addRunOptions(command: Command): Command {
  return command
    .option('--limit <records>', 'read this many records only; moves no cursor', wholeNumber(1))
    .option('--dry-run', 'do everything but write')
    .option('--new-run', 'forget the progress of an earlier run and start over')
    .option('--json', 'print the final report as JSON on the standard output')
    .option('--events', 'print what happens as lines of JSON on the standard output')
    .option('--quiet', 'say nothing but errors')
    .option('--no-progress', 'show no progress');
}

/**
 * Runs a pipeline the way `etl run` does: progress, Ctrl-C, summary, the command that resumes. Sets the exit code.
 *
 * Commands that only fill in a pipeline end by calling this. Gives the report.
 */
export async function runPlan(cli: Cli, plan: PipelinePlan, flags: RunFlags): Promise<RunReport> {
  refuseMixedOutput(plan, flags);
  const events = flags.events === true ? eventStream((line) => cli.print(cli.mask(line))) : undefined;
  const isShown = flags.progress && flags.quiet !== true && events === undefined;
  const display = isShown ? progressDisplay(cli) : silentDisplay(cli);
  const { report, error } = await reportedRun(cli, plan, flags, display, events);
  events?.ended(report);
  if (flags.json === true) cli.print(cli.mask(JSON.stringify(report)));
  if (error !== undefined) cli.say(errorText(error, cli));
  if (flags.quiet !== true || error !== undefined) cli.say(renderSummary(report, cli, resumeCommand(cli.argv)));
  cli.exitCode = error === undefined ? exitCodeOfReport(report, await rejectsLeft(plan)) : exitCodeOfError(error.code);
  return report;
}

/**
 * Says that a run failed before it began, to machines too: `--json` and `--events` give a report of the same shape.
 *
 * @throws the error itself, for people.
 */
export function failBeforeRun(cli: Cli, pipeline: string, flags: RunFlags, cause: unknown): never {
  if (cause instanceof EtlError && (flags.json === true || flags.events === true)) {
    const report = failedReport(pipeline, cause, new Date());
    if (flags.json === true) cli.print(cli.mask(JSON.stringify(report)));
    else eventStream((line) => cli.print(cli.mask(line))).ended(report);
  }
  throw cause;
}

async function reportedRun(
  cli: Cli,
  plan: PipelinePlan,
  flags: RunFlags,
  display: ProgressDisplay,
  events: EventStream | undefined,
): Promise<{ readonly report: RunReport; readonly error?: EtlError }> {
  const { stop, abort, end } = listenForInterrupts(cli, (text) => display.say(text));
  const estimating = new AbortController();
  const estimated = estimate(plan, display, estimating.signal);
  const startedAt = new Date();
  try {
    const report = await runPipeline(plan, {
      signal: abort,
      stopSignal: stop,
      limit: flags.limit,
      newRun: flags.newRun,
      dryRun: flags.dryRun,
      onStart(live) {
        display.start(live);
        events?.started(live);
      },
      onCommit: (progress) => events?.committed(progress),
      onWarning(stage, message) {
        events?.warned(stage, message);
        if (flags.quiet !== true) display.say(`${cli.colors.yellow('warning')} ${safe(stage)}: ${safe(message)}`);
      },
    });
    return { report };
  } catch (cause) {
    const error = toEtlError(cause, 'ETL_STAGE_FAILED', {});
    return { report: reportOf(cause) ?? failedReport(plan.name, error, startedAt), error };
  } finally {
    end();
    estimating.abort();
    await estimated;
    display.end();
  }
}

/** Asks the source for its size while the run has begun already. What goes wrong with that is not worth a word: the run will say it. */
async function estimate({ source }: PipelinePlan, display: ProgressDisplay, signal: AbortSignal): Promise<void> {
  try {
    const known = await source.estimate?.(signal);
    if (known !== undefined) display.estimated(known);
  } catch {
    // No ETA then.
  }
}

/** The sink's records and ours cannot share the standard output. */
function refuseMixedOutput({ sink }: PipelinePlan, { json, events }: RunFlags): void {
  if (json === true && events === true)
    throw new EtlError('ETL_USAGE', '--json and --events do not go together: the last event is the report');
  if ((json === true || events === true) && writesStdout(sink)) {
    throw new EtlError(
      'ETL_USAGE',
      `--${json === true ? 'json' : 'events'} needs the standard output, and so does the sink`,
      {
        hint: 'write the records to a file',
      },
    );
  }
}

function writesStdout({ name, config }: PipelinePlan['sink']): boolean {
  if (name === 'stdout') return true;
  return config !== null && typeof config === 'object' && 'path' in config && config.path === '-';
}

async function rejectsLeft({ onReject }: PipelinePlan): Promise<boolean> {
  if (onReject === 'stop') return false;
  try {
    return (await stat(onReject.to)).size > 0;
  } catch {
    return false;
  }
}
