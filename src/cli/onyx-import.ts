import type { Command } from 'commander';

import { EtlError } from '../errors.ts';
import { bundlesAt, checkBundle, requireOneOwner } from '../jobs/bundles-to-import.ts';
import { onyxPreview } from '../jobs/onyx-import-preview.ts';
import { onyxImport, type OnyxImportOptions } from '../jobs/onyx-import.ts';
import { missingOwners } from '../jobs/onyx-missing-owners.ts';
import { createCommand } from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { safe, type Cli } from './io.ts';
import { findApi } from './onyx-api-flags.ts';
import { databaseOf, findDatabase, type OnyxDatabaseAddress } from './onyx-database.ts';
import { addImportFlags, branchesOf, type ImportFlags } from './onyx-import-flags.ts';
import { requireNobodyMissing, sayLeftOut, sayPreview, warnOfMissing } from './onyx-import-people.ts';
import { failBeforeRun, runPlan } from './run-plan.ts';
import { stoppable } from './stoppable.ts';

/** `etl onyx import` */
export function onyxImportCommand(cli: Cli): Command {
  const command = createCommand(cli, 'import', {
    summary: 'bring the chats of bundles into Onyx',
    details:
      'Each conversation arrives whole and once. The same command goes on where it was stopped; what was imported before is left alone, ' +
      'whatever became of it in Onyx',
    examples: [
      'etl onyx import --bundle-path ./exports/librechat --dry-run',
      'etl onyx import --bundle-path ./exports/ana ./exports/ben --users skip',
      'etl onyx import --bundle-path ./exports/librechat/ana_example.org --user-email ana@example.com',
    ],
  });
  return addImportFlags(command).action((flags: ImportFlags) => importBundles(cli, flags));
}

async function importBundles(cli: Cli, flags: ImportFlags): Promise<void> {
  const isDry = flags.dryRun === true;
  // A dry run looks at the database when one is named, and needs none.
  const found = isDry ? await findDatabase(cli, flags) : await databaseOf(cli, flags);
  const database = found ?? nowhere;
  const sink = await sinkOptions(cli, flags, database);
  let worst: number = exitCodes.done;
  for (const path of await bundlesAt(flags.bundlePath)) {
    if (isDry) await previewBundle(cli, path, flags, sink, found);
    else await importBundle(cli, path, flags, sink, database);
    worst = Math.max(worst, cli.exitCode);
    // What stopped one would stop the next.
    if (!isDry && cli.exitCode !== exitCodes.done && cli.exitCode !== exitCodes.rejects) break;
  }
  cli.exitCode = worst;
}

type SinkOptions = OnyxImportOptions['sink'];

/** Of a dry run that is to look at no database. */
const nowhere: OnyxDatabaseAddress = { connectionString: 'postgresql://localhost/', schema: 'public' };

async function importBundle(
  cli: Cli,
  path: string,
  flags: ImportFlags,
  sink: SinkOptions,
  database: OnyxDatabaseAddress,
): Promise<void> {
  const folder = await checked(cli, path, flags);
  const missing = await stoppable(cli, 'the look at the accounts', ({ stop }) =>
    missingOwners(path, { ...database, only: flags.onlyUser, owner: flags.userEmail, signal: stop }),
  ).catch((error: unknown) => failBeforeRun(cli, 'onyx-import', flags, error));
  const isQuiet = flags.quiet === true || flags.events === true;
  if (!isQuiet && flags.users === 'require') warnOfMissing(cli, missing);
  const plan = await onyxImport(path, {
    ...planOptions(flags, sink, folder),
    withoutAccount: flags.users === 'skip' ? missing.emails : [],
  });
  await runPlan(cli, plan, flags);
  if (!isQuiet && flags.users === 'skip') sayLeftOut(cli, missing);
}

/** Reads the bundle, and looks at Onyx without writing: everything that would stop the import is found. */
async function previewBundle(
  cli: Cli,
  path: string,
  flags: ImportFlags,
  sink: SinkOptions,
  database: OnyxDatabaseAddress | undefined,
): Promise<void> {
  const folder = await checked(cli, path, flags);
  const { branches = 'tree', archived } = sink;
  const seen =
    database === undefined ? undefined : onyxPreview({ ...database, branches, skipArchived: archived === 'skip' });
  const plan = await onyxImport(path, { ...planOptions(flags, sink, folder), look: seen?.look });
  const place =
    database === undefined
      ? undefined
      : await stoppable(cli, 'the check of Onyx', async ({ stop }) => plan.sink.check?.(stop)).catch((error: unknown) =>
          failBeforeRun(cli, plan.name, flags, error),
        );
  const { status } = await runPlan(cli, plan, flags);
  const isQuiet = flags.quiet === true || flags.events === true;
  if (seen === undefined) {
    if (!isQuiet) cli.say('no database is named: accounts, tables, and what was imported before were not looked at');
    return;
  }
  if (status !== 'dry-run') return;
  if (!isQuiet) sayPreview(cli, { place, preview: seen.preview, users: flags.users });
  if (flags.users === 'require') requireNobodyMissing(cli, seen.preview);
}

function planOptions(flags: ImportFlags, sink: SinkOptions, folder: string): OnyxImportOptions {
  const { files } = sink;
  return {
    userEmail: flags.onlyUser,
    sink: files === undefined || files === 'off' ? sink : { ...sink, files: { ...files, roots: [folder] } },
    owner: flags.userEmail,
    maxConversations: flags.maxConversations,
    rejects: flags.rejects,
    maxRejects: flags.maxRejects,
  };
}

async function checked(cli: Cli, path: string, { check, userEmail, onlyUser }: ImportFlags): Promise<string> {
  return stoppable(cli, 'the check of the bundle', async ({ stop }) => {
    if (userEmail !== undefined) await requireOneOwner(path, onlyUser, stop);
    return checkBundle(path, stop, check);
  });
}

async function sinkOptions(cli: Cli, flags: ImportFlags, database: OnyxDatabaseAddress): Promise<SinkOptions> {
  const { personaId, personaMap: map, unmapped, users, connections, projects, archived, longText } = flags;
  const files = await filesOf(cli, flags);
  if (longText === 'cut' && files === 'off') {
    throw new EtlError('ETL_USAGE', '--long-text cut attaches whole texts as files, and files are not uploaded', {
      hint: 'set ONYX_API_BASE and ONYX_API_KEY, and leave out --no-upload-files; or take --long-text split',
    });
  }
  if (map === undefined && unmapped === 'fail')
    throw new EtlError('ETL_USAGE', '--unmapped fail says nothing without --persona-map');
  return {
    ...database,
    branches: branchesOf(flags),
    users,
    persona: map === undefined ? personaId : { default: personaId, map, unmapped },
    projects,
    archived,
    longText,
    files,
    connections,
  };
}

async function filesOf(cli: Cli, flags: ImportFlags): Promise<NonNullable<SinkOptions['files']>> {
  if (!flags.uploadFiles) return 'off';
  const api = await findApi(cli, flags);
  if (api !== undefined) return { ...api, roots: [] };
  if (flags.quiet !== true && flags.dryRun !== true) {
    cli.say(
      `${cli.colors.yellow('warning')} ${safe('files are left behind: set ONYX_API_BASE and ONYX_API_KEY to upload them')}`,
    );
  }
  return 'off';
}
