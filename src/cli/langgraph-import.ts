import type { Command } from 'commander';

import { EtlError } from '../errors.ts';
import { checkThreadFiles } from '../jobs/langgraph-export.ts';
import { langgraphImport } from '../jobs/langgraph-import.ts';
import { createCommand, wholeNumber } from './command.ts';
import type { Cli } from './io.ts';
import { addServer, addSharedKey, serverOf, upTo256, type ServerFlags } from './langgraph-flags.ts';
import { addTargetOptions, runThreads, targetOptions, type TargetFlags } from './langgraph-target-flags.ts';
import { addRunOptions, type RunFlags } from './run-plan.ts';
import { stoppable } from './stoppable.ts';

interface ImportFlags extends TargetFlags, RunFlags {
  readonly backupFile?: string;
  readonly importJson?: string;
  readonly check: boolean;
}

/** `etl langgraph import` */
export function langgraphImportCommand(cli: Cli): Command {
  const command = createCommand(cli, 'import', {
    summary: 'restore threads of a bundle or a threads_backup.json on a server',
    details:
      'A bundle is held to its digests before anything is written. Threads keep their ids, metadata and owners; each is read back and compared. A thread that the target refuses goes to the ' +
      'reject file with its answer, and nothing is left of it. The same command goes on where it was stopped',
    examples: [
      'etl langgraph import --backup-file ./exports/threads --target-url http://localhost:2024 --test-single',
      'etl langgraph import --backup-file ./exports/threads --target-url https://new.example.org --if-exists continue',
      'etl langgraph import --import-json threads_backup.json --target-url http://localhost:2024 --mode history',
    ],
  });
  addTargetOptions(addServer(addSharedKey(command), 'target'))
    .option('--backup-file <path>', 'the bundle, or a threads_backup.json')
    .option('--import-json <file>', 'the same')
    .option('--no-check', 'do not look whether the bundle is as it was made')
    .option('--concurrency <n>', 'threads written at the same time (default: 8)', upTo256)
    .option('--requests-per-second <n>', 'no more requests than that', wholeNumber(1));
  return addRunOptions(command).action(async (flags: ImportFlags & ServerFlags) => {
    const path = flags.backupFile ?? flags.importJson;
    if (path === undefined) {
      throw new EtlError('ETL_USAGE', 'no threads are named', {
        hint: 'give --backup-file: the folder of a bundle, or a threads_backup.json',
      });
    }
    const sink = { ...(await serverOf(cli, 'target', flags)), ...(await targetOptions(cli, flags)) };
    const from = { path, isChecked: flags.check };
    await stoppable(cli, 'the check', ({ abort, stop }) => checkThreadFiles(from, AbortSignal.any([abort, stop])));
    await runThreads(cli, langgraphImport(from, sink), sink, flags);
  });
}
