import type { Command } from 'commander';

import { langgraphExport } from '../jobs/langgraph-export.ts';
import { langgraphImport } from '../jobs/langgraph-import.ts';
import { langgraphMigrate } from '../jobs/langgraph-migrate.ts';
import { createCommand } from './command.ts';
import { exitCodes } from './exit-codes.ts';
import type { Cli } from './io.ts';
import {
  addServer,
  addSharedKey,
  addThreadScope,
  serverOf,
  threadScope,
  type ServerFlags,
  type ThreadScopeFlags,
} from './langgraph-flags.ts';
import { addTargetOptions, rejectsOf, sayThreads, targetOptions, type TargetFlags } from './langgraph-target-flags.ts';
import { addRunOptions, runPlan, type RunFlags } from './run-plan.ts';

interface MigrateFlags extends TargetFlags, Omit<ThreadScopeFlags, 'concurrency' | 'requestsPerSecond'>, RunFlags {
  readonly backupFile?: string;
  readonly full?: boolean;
}

/** `etl langgraph migrate` */
export function langgraphMigrateCommand(cli: Cli): Command {
  const command = createCommand(cli, 'migrate', {
    summary: 'move threads from one server to another, and compare each',
    details:
      'Reads, writes and compares in one stream. With --backup-file the threads go into a bundle first, complete and with digests, and ' +
      'from there to the target. Between JavaScript and Python too. The same command goes on where it was stopped',
    examples: [
      'etl langgraph migrate --source-url https://old.example.org --target-url https://new.example.org --dry-run',
      'etl langgraph migrate --source-url https://old.example.org --target-url https://new.example.org --test-single',
      'etl langgraph migrate --source-url http://localhost:2024 --target-url http://localhost:2025 --backup-file ./exports/threads',
    ],
  });
  addTargetOptions(addThreadScope(addServer(addServer(addSharedKey(command), 'source'), 'target')))
    .option('--backup-file <folder>', 'write a bundle of the threads first')
    .option('--full', 'everything, as without this flag: known from another tool');
  return addRunOptions(command).action(async (given: MigrateFlags & ServerFlags) => {
    const flags = given.testSingle === true ? { ...given, limit: 1 } : given;
    const source = { ...(await serverOf(cli, 'source', flags)), ...threadScope(flags) };
    const sink = { ...(await serverOf(cli, 'target', flags)), ...(await targetOptions(cli, flags)) };
    const { backupFile } = flags;
    if (backupFile !== undefined) {
      await runPlan(
        cli,
        langgraphExport(source, { path: backupFile }, { to: `${backupFile}.etl/rejects.jsonl` }),
        flags,
      );
      if (cli.exitCode !== exitCodes.done && cli.exitCode !== exitCodes.rejects) return;
      if (flags.dryRun === true) return;
    }
    const before = cli.exitCode;
    const onReject = rejectsOf(flags);
    const plan =
      backupFile === undefined ? langgraphMigrate(source, sink, onReject) : langgraphImport(backupFile, sink, onReject);
    const report = await runPlan(cli, plan, flags);
    // Threads that could not be read are no less missing than those that could not be written.
    if (cli.exitCode === exitCodes.done) cli.exitCode = before;
    if (flags.quiet !== true) sayThreads(cli, report);
  });
}
