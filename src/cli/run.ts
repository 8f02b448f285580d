import type { Command } from 'commander';

import { createCommand } from './command.ts';
import type { Cli } from './io.ts';
import { load } from './load.ts';
import { addRunOptions, failBeforeRun, runPlan, type RunFlags } from './run-plan.ts';

/** `etl run FILE` */
export function runCommand(cli: Cli): Command {
  const command = createCommand(cli, 'run', {
    summary: 'run a pipeline, or go on where it stopped',
    details:
      'The same command again goes on after the last commit; once finished, it does nothing. Ctrl-C writes what was read, commits, and prints the command that goes on',
    examples: ['etl run import.yaml', 'etl run import.yaml --limit 100', 'etl run import.yaml --json > report.json'],
  }).argument('<file>', 'pipeline file (YAML)');
  return addRunOptions(command).action(async (file: string, flags: RunFlags) => {
    const { plan } = await load(cli, file).catch((error: unknown) => failBeforeRun(cli, file, flags, error));
    await runPlan(cli, plan, flags);
  });
}
