import type { Command } from 'commander';

import { EtlError } from '../errors.ts';
import {
  checkThreadFiles,
  langgraphExport,
  langgraphToPostgres,
  makeThreadTables,
  placeName,
  type ThreadPlace,
} from '../jobs/langgraph-export.ts';
import type { PipelinePlan } from '../plan.ts';
import { createCommand, wholeNumber } from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { safe, type Cli } from './io.ts';
import { runAgain } from './langgraph-again.ts';
import {
  addServer,
  addSharedKey,
  addThreadScope,
  fileScope,
  serverOf,
  threadScope,
  type ServerFlags,
  type ThreadScopeFlags,
} from './langgraph-flags.ts';
import { threadRejects, withRejects } from './langgraph-rejects.ts';
import { sampled } from './langgraph-sample.ts';
import { addRunOptions, runPlan, type RunFlags } from './run-plan.ts';
import { stoppable } from './stoppable.ts';

/** Where a bundle goes unless somewhere else is named. */
const defaultPath = './exports/threads';

interface ExportFlags extends ThreadScopeFlags, RunFlags {
  readonly backupFile?: string;
  readonly path?: string;
  readonly exportJson?: string;
  readonly exportPostgres?: boolean;
  readonly databaseUrl?: string;
  readonly compress?: boolean;
  readonly replace?: boolean;
  readonly testSingle?: boolean;
  readonly rejects?: string;
  readonly maxRejects?: number;
  readonly check: boolean;
}

/** `etl langgraph export` */
export function langgraphExportCommand(cli: Cli): Command {
  const command = createCommand(cli, 'export', {
    summary: 'write threads with their whole history to a bundle, a threads_backup.json or PostgreSQL',
    details:
      'Threads are read while the server is in use; one that cannot be read goes to the reject file with the answer of the server. ' +
      'An export that was broken off goes on when the same command is given again',
    examples: [
      'etl langgraph export --source-url https://my-app.example.org --path ./exports/threads --compress',
      'etl langgraph export --source-url http://localhost:2024 --export-json threads_backup.json --metadata-filter \'{"owner": "ana"}\'',
      'etl langgraph export --source-url http://localhost:2024 --export-postgres --database-url postgresql://localhost/threads',
      'etl langgraph export --backup-file threads_backup.json --path ./exports/threads',
    ],
  });
  addThreadScope(addSharedKey(addServer(command, 'source')))
    .option('--backup-file <path>', 'read a bundle or a threads_backup.json instead of a server')
    .option('--no-check', 'do not look whether that bundle is as it was made')
    .option('--path <folder>', `folder of the bundle (default: ${defaultPath})`)
    .option('--export-json <file>', 'write one file as the existing Python tool reads it')
    .option('--export-postgres', 'write the tables langgraph_threads and langgraph_checkpoints')
    .option('--database-url <url>', 'their database (DATABASE_URL)')
    .option('--compress', 'compress with gzip')
    .option('--replace', 'write over what is there; after an export that was finished, export again')
    .option('--test-single', 'one thread only, to see whether it works: --limit 1')
    .option(
      '--rejects <file>',
      'where threads go that cannot be read (default: rejects.jsonl in <path>.etl, or a file in .etl)',
    )
    .option('--max-rejects <n>', 'fail when there are more of them', wholeNumber(0));
  return addRunOptions(command).action(async (flags: ExportFlags & ServerFlags) => {
    const from = await placeOf(cli, flags);
    if (flags.exportPostgres !== true) await exportToFiles(cli, from, flags);
    else if (flags.path === undefined && flags.exportJson === undefined) await exportToPostgres(cli, from, flags);
    else {
      throw new EtlError('ETL_USAGE', '--export-postgres does not go together with --path and --export-json', {
        hint: 'export to the file first, then the same threads from it: etl langgraph export --backup-file … --export-postgres',
      });
    }
  });
}

/** A server, or a file that was written before. */
async function placeOf(cli: Cli, flags: ExportFlags & ServerFlags): Promise<ThreadPlace> {
  if (flags.backupFile !== undefined) {
    const from = { path: flags.backupFile, isChecked: flags.check, scope: fileScope(flags) };
    await stoppable(cli, 'the check', ({ abort, stop }) => checkThreadFiles(from, AbortSignal.any([abort, stop])));
    return from;
  }
  return { ...(await serverOf(cli, 'source', flags)), ...threadScope(flags) };
}

async function exportToFiles(cli: Cli, from: ThreadPlace, flags: ExportFlags): Promise<void> {
  const { exportJson, path, compress, replace } = flags;
  if (exportJson !== undefined && path !== undefined)
    throw new EtlError('ETL_USAGE', '--export-json and --path do not go together');
  const target = exportJson ?? path ?? defaultPath;
  const plan = langgraphExport(from, {
    path: target,
    format: exportJson === undefined ? 'bundle' : 'json',
    compress: compress === true ? 'gzip' : 'none',
    ifExists: replace === true ? 'replace' : 'error',
  });
  await runSample(cli, withRejects(plan, flags, `${target}.etl/rejects.jsonl`), flags, replace === true);
  if (isDone(cli) && flags.quiet !== true && flags.dryRun !== true) cli.say(`the threads are in ${safe(target)}`);
}

async function exportToPostgres(cli: Cli, from: ThreadPlace, flags: ExportFlags): Promise<void> {
  const url = flags.databaseUrl ?? (await cli.environment())['DATABASE_URL'];
  if (url === undefined || url === '') {
    throw new EtlError('ETL_USAGE', 'no database is named', {
      hint: 'give --database-url postgresql://…, or set DATABASE_URL (in the environment or .env)',
    });
  }
  cli.hide([url]);
  if (flags.dryRun !== true) await makeThreadTables(url);
  for (const plan of langgraphToPostgres(from, url)) {
    const isAgain = flags.replace === true;
    await runSample(cli, withRejects(plan, flags, threadRejects(plan.name, placeName(from))), flags, isAgain);
    if (!isDone(cli)) return;
  }
}

async function runSample(cli: Cli, given: PipelinePlan, givenFlags: ExportFlags, isAgain: boolean): Promise<void> {
  const { plan, flags } = sampled(given, givenFlags);
  await runPlan(cli, plan, isAgain ? await runAgain(plan, flags) : flags);
}

function isDone({ exitCode }: Cli): boolean {
  return exitCode === exitCodes.done || exitCode === exitCodes.rejects;
}
