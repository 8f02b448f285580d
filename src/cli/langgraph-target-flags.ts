import { InvalidArgumentError, type Command } from 'commander';

import { EtlError } from '../errors.ts';
import type { LanggraphTarget } from '../jobs/langgraph-import.ts';
import { langgraphDryRun } from '../jobs/langgraph-preview.ts';
import type { PipelinePlan } from '../plan.ts';
import type { RunReport } from '../report.ts';
import { wholeNumber } from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { formatCount } from './format.ts';
import { safe, type Cli } from './io.ts';
import { threadRejects, withRejects } from './langgraph-rejects.ts';
import { sampled } from './langgraph-sample.ts';
import { runPlan, type RunFlags } from './run-plan.ts';
import { stoppable } from './stoppable.ts';

const modes = ['auto', 'state', 'history', 'full', 'postgres'] as const;
const choices = ['skip', 'continue', 'replace', 'fail'] as const;

/** How threads are written, as {@link addTargetOptions} declares it. */
export interface TargetFlags {
  readonly mode?: (typeof modes)[number];
  readonly ifExists?: (typeof choices)[number];
  readonly companion?: string;
  readonly databaseUrl?: string;
  readonly databaseSchema?: string;
  readonly graphId?: string;
  readonly fidelityReport?: string;
  readonly verify: boolean;
  readonly rearm?: boolean;
  readonly testSingle?: boolean;
  readonly rejects?: string;
  readonly maxRejects?: number;
  readonly concurrency?: number;
  readonly requestsPerSecond?: number;
}

/** Gives a command the options of the `langgraph` sink. */
export function addTargetOptions(command: Command): Command {
  return command
    .option(
      '--mode <mode>',
      `what is restored: ${modes.join(', ')} (default: auto, the best the target offers)`,
      oneOf(modes),
    )
    .option(
      '--if-exists <choice>',
      `threads that the target has: ${choices.join(', ')} (default: skip)`,
      oneOf(choices),
    )
    .option('--companion <graph>', 'name of the companion graph (default: threadmill_companion)')
    .option('--database-url <url>', "for postgres: the database of the target's checkpointer (LANGGRAPH_DATABASE_URL)")
    .option('--database-schema <name>', 'the schema with its tables (default: public)')
    .option('--graph-id <graph>', 'the graph of threads that do not say theirs')
    .option('--fidelity-report <file>', 'write a line of JSON a thread: what is the same on the target, and why not')
    .option('--no-verify', 'do not read the threads back')
    .option('--rearm', 'for history: ask pending questions again, which runs the node that asks')
    .option('--test-single', 'one thread only, to see whether it works: --limit 1')
    .option('--rejects <file>', 'where threads go that the target refuses (default: a file of the run in .etl)')
    .option('--max-rejects <n>', 'fail when there are more of them', wholeNumber(0));
}

/**
 * The options of the `langgraph` sink that these flags and the environment stand for, but for the server.
 *
 * @throws {EtlError} `ETL_USAGE` for `--mode postgres` without a database.
 */
export async function targetOptions(cli: Cli, flags: TargetFlags): Promise<Omit<LanggraphTarget, 'apiUrl'>> {
  const { mode, ifExists, companion, databaseSchema, graphId, fidelityReport, verify, rearm } = flags;
  const { concurrency, requestsPerSecond } = flags;
  const set = (await cli.environment())['LANGGRAPH_DATABASE_URL'];
  const connectionString = flags.databaseUrl ?? (set === '' ? undefined : set);
  if (connectionString !== undefined) cli.hide([connectionString]);
  else if (mode === 'postgres') {
    throw new EtlError('ETL_USAGE', "--mode postgres needs the database of the target's checkpointer", {
      hint: 'give --database-url postgresql://…, or set LANGGRAPH_DATABASE_URL (in the environment or .env)',
    });
  }
  const schema = databaseSchema === undefined ? {} : { schema: databaseSchema };
  return {
    verify,
    ...(mode === undefined ? {} : { mode }),
    ...(ifExists === undefined ? {} : { ifExists }),
    ...(companion === undefined ? {} : { companion }),
    ...(connectionString === undefined ? {} : { database: { connectionString, ...schema } }),
    ...(graphId === undefined ? {} : { graphId }),
    ...(fidelityReport === undefined ? {} : { fidelityReport }),
    ...(rearm === undefined ? {} : { rearm }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
  };
}

/**
 * Runs the pipeline to a server, and says what became of the threads. A dry run tries the target, says how it would be written
 * to, and compares what is there.
 */
export async function runThreads(
  cli: Cli,
  pipeline: PipelinePlan,
  sink: LanggraphTarget,
  given: TargetFlags & RunFlags,
): Promise<void> {
  const rejects = threadRejects(pipeline.name, sink.apiUrl);
  const { plan, flags } = sampled(withRejects(pipeline, given, rejects), given);
  const { dryRun, quiet } = flags;
  if (dryRun === true) {
    const found = await stoppable(cli, 'the check', ({ abort, stop }) => {
      return plan.sink.check?.(AbortSignal.any([abort, stop])) ?? Promise.resolve('');
    });
    if (quiet !== true) cli.say(`target ${safe(found)}`);
  }
  const report = await runPlan(cli, dryRun === true ? langgraphDryRun(plan, sink) : plan, flags);
  if (quiet !== true) sayThreads(cli, report, given.fidelityReport);
  if (differing(report) > 0 && cli.exitCode === exitCodes.done) cli.exitCode = exitCodes.differs;
}

/** Checkpoints that are on the target with other values. */
function differing({ findings, status }: RunReport): number {
  return status === 'finished' || status === 'sampled' ? (findings['not the same: values'] ?? 0) : 0;
}

/** What became of the threads, as a small table on the error output. */
function sayThreads(cli: Cli, report: RunReport, fidelityReport: string | undefined): void {
  const { counts, findings, status } = report;
  const different = differing(report);
  if (status !== 'finished' && status !== 'sampled' && status !== 'dry-run') return;
  const restored = Object.entries(findings).filter(([kind]) => /^restored by \w+: checkpoints$/.test(kind));
  const checkpoints = restored.reduce((sum, [, times]) => sum + times, 0);
  const ways = restored.map(([kind]) => kind.split(/[ :]+/)[2]).join(', ');
  const has = counts.skipped === 0 ? '' : 'the target has them';
  // A large thread is several records.
  const threads = (records: number, kind: string): number =>
    records - (findings[`further parts of threads: ${kind}`] ?? 0);
  const rows: readonly (readonly [string, number, string])[] =
    status === 'dry-run'
      ? [
          ['to write', threads(counts.written, 'written'), ''],
          ['to skip', threads(counts.skipped, 'skipped'), has],
          ['cannot be', counts.rejected, ''],
        ]
      : [
          ['created', threads(counts.written, 'written'), ways === '' ? '' : `by ${ways}`],
          ['skipped', threads(counts.skipped, 'skipped'), has],
          ['failed', threads(counts.rejected, 'failed'), ''],
          ['checkpoints', checkpoints, ''],
          ...(different > 0
            ? [
                [
                  'different',
                  different,
                  `values that are not the same on the target: ${fidelityReport ?? '--fidelity-report FILE'} lists them`,
                ] as const,
              ]
            : []),
        ];
  const width = Math.max(...rows.map(([, count]) => formatCount(count).length));
  for (const [name, count, note] of rows)
    cli.say(`  ${name.padEnd(11)} ${formatCount(count).padStart(width)}${note === '' ? '' : `  ${note}`}`);
}

function oneOf<T extends string>(values: readonly T[]): (text: string) => T {
  return (text) => {
    const found = values.find((value) => value === text);
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`It must be one of ${values.join(', ')}.`);
  };
}
