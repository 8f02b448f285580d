import type { Command } from 'commander';

import { components } from '../components.ts';
import { checkPipeline, type ConfiguredPipeline } from '../config/load-pipeline.ts';
import { errorReport } from '../report.ts';
import { toEtlError, type EtlError } from '../errors.ts';
import { checkTarget } from './check-target.ts';
import { createCommand } from './command.ts';
import { exitCodeOfError } from './exit-codes.ts';
import { listenForInterrupts } from './interrupts.ts';
import { safe, type Cli } from './io.ts';
import { errorText } from './print-error.ts';

interface CheckFlags {
  readonly connect?: boolean;
  readonly json?: boolean;
}

/** `etl check FILE...` */
export function checkCommand(cli: Cli): Command {
  return createCommand(cli, 'check', {
    summary: 'check pipeline files, and the connections',
    details: 'Finds unknown and wrong options, variables that are not set, and stages that do not fit together',
    examples: ['etl check import.yaml', 'etl check import.yaml --connect'],
  })
    .argument('<files...>', 'pipeline files (YAML)')
    .option('--connect', 'also open what the stages read and write, without moving data')
    .option('--json', 'print the result as JSON')
    .action(async (files: readonly string[], { connect = false, json = false }: CheckFlags) => {
      const results = [];
      for (const file of files) results.push({ file, ...(await checkFile(cli, file, connect)) });
      const problems = results.flatMap((result) => result.problems);
      if (json) {
        const listed = results.map(({ file, problems: found, notes }) => ({
          file,
          ok: found.length === 0,
          problems: found.map(errorReport),
          notes,
        }));
        cli.print(cli.mask(JSON.stringify(listed)));
      } else {
        for (const result of results) sayResult(cli, result);
      }
      if (problems[0] !== undefined) cli.exitCode = exitCodeOfError(problems[0].code);
    });
}

interface FileResult {
  readonly file: string;
  readonly problems: readonly EtlError[];
  /** What the stages found when they were tried. */
  readonly notes: readonly string[];
}

async function checkFile(cli: Cli, file: string, connect: boolean): Promise<Omit<FileResult, 'file'>> {
  const { pipeline, problems } = await checkPipeline(file, { components, environment: await cli.environment() });
  cli.hide(pipeline?.secrets ?? []);
  if (pipeline === undefined || !connect) return { problems, notes: [] };
  return checkConnections(cli, pipeline);
}

async function checkConnections(cli: Cli, { plan, stages }: ConfiguredPipeline): Promise<Omit<FileResult, 'file'>> {
  const { stop, end } = listenForInterrupts(cli, (text) => cli.say(text));
  const problems: EtlError[] = [];
  const notes: string[] = [];
  try {
    for (const { name, stage } of stages) {
      try {
        const note = await (stage.role === 'sink' ? (stage.check?.(stop) ?? checkTarget(plan)) : stage.check?.(stop));
        if (note !== undefined) notes.push(`${name}: ${note}`);
      } catch (error) {
        problems.push(toEtlError(error, 'ETL_CONNECT_FAILED', { stage: name }));
      }
    }
  } finally {
    end();
  }
  return { problems, notes };
}

function sayResult(cli: Cli, { file, problems, notes }: FileResult): void {
  for (const problem of problems) cli.say(errorText(problem, cli));
  for (const note of notes) cli.say(`  ${safe(note)}`);
  const result =
    problems.length === 0
      ? cli.colors.green('ok')
      : cli.colors.red(problems.length === 1 ? '1 problem' : `${problems.length} problems`);
  cli.say(`${safe(file)}: ${result}`);
}
