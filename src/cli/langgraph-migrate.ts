import type { Command } from 'commander';

import { langgraphMigrate } from '../jobs/langgraph-migrate.ts';
import { createCommand } from './command.ts';
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
import { runAgain } from './langgraph-again.ts';
import { sampleSize } from './langgraph-sample.ts';
import { addTargetOptions, runThreads, targetOptions, type TargetFlags } from './langgraph-target-flags.ts';
import { addRunOptions, type RunFlags } from './run-plan.ts';

interface MigrateFlags extends TargetFlags, Omit<ThreadScopeFlags, 'concurrency' | 'requestsPerSecond'>, RunFlags {
  readonly backupFile?: string;
  readonly replaceBackup?: boolean;
  readonly full?: boolean;
}

/** `etl langgraph migrate` */
export function langgraphMigrateCommand(cli: Cli): Command {
  const command = createCommand(cli, 'migrate', {
    summary: 'move threads from one server to another, and compare each',
    details:
      'Reads, writes and compares in one stream. With --backup-file the threads go into a backup as well, complete and with digests, ' +
      'before they go to the target. Between JavaScript and Python too. The same command goes on where it was stopped',
    examples: [
      'etl langgraph migrate --source-url https://old.example.org --target-url https://new.example.org --dry-run',
      'etl langgraph migrate --source-url https://old.example.org --target-url https://new.example.org --test-single',
      'etl langgraph migrate --source-url http://localhost:2024 --target-url http://localhost:2025 --backup-file ./exports/threads',
    ],
  });
  addTargetOptions(addThreadScope(addServer(addServer(addSharedKey(command), 'source'), 'target')))
    .option('--backup-file <path>', 'write a bundle of the threads too; a name in .json makes a threads_backup.json')
    .option(
      '--replace-backup',
      'write over the backup that is there; after a migration that was finished, migrate again',
    )
    .option('--full', 'everything, as without this flag: known from another tool');
  return addRunOptions(command).action(async (flags: MigrateFlags & ServerFlags) => {
    const source = { ...(await serverOf(cli, 'source', flags)), ...threadScope(flags) };
    const sink = { ...(await serverOf(cli, 'target', flags)), ...(await targetOptions(cli, flags)) };
    const plan = langgraphMigrate(source, sink, backupOf(flags));
    const isAgain = flags.replaceBackup === true && sampleSize(flags) === undefined;
    await runThreads(cli, plan, sink, isAgain ? await runAgain(plan, flags) : flags);
  });
}

/** A sample leaves no backup: it would stand in the way of the one of all threads. */
function backupOf(flags: MigrateFlags): Parameters<typeof langgraphMigrate>[2] {
  const { backupFile, replaceBackup } = flags;
  if (backupFile === undefined) return undefined;
  const ifExists = replaceBackup === true ? 'replace' : 'error';
  return { path: backupFile, ifExists, isWritten: sampleSize(flags) === undefined };
}
