import { Option, type Command } from 'commander';

import { EtlError } from '../errors.ts';
import { bundlesAt, checkBundle, requireOneOwner } from '../jobs/bundles-to-import.ts';
import { onyxPreview } from '../jobs/onyx-import-preview.ts';
import { onyxImport, type OnyxImportOptions } from '../jobs/onyx-import.ts';
import { missingOwners } from '../jobs/onyx-missing-owners.ts';
import { createCommand, wholeNumber } from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { safe, type Cli } from './io.ts';
import { addApi, findApi, type ApiFlags } from './onyx-api-flags.ts';
import {
  addDatabase,
  databaseOf,
  findDatabase,
  type DatabaseFlags,
  type OnyxDatabaseAddress,
} from './onyx-database.ts';
import { requireNobodyMissing, sayLeftOut, sayPreview, warnOfMissing } from './onyx-import-people.ts';
import { addRunOptions, failBeforeRun, runPlan, type RunFlags } from './run-plan.ts';
import { stoppable } from './stoppable.ts';

interface ImportFlags extends DatabaseFlags, ApiFlags, RunFlags {
  readonly bundlePath: readonly string[];
  readonly userEmail?: string;
  readonly onlyUser?: readonly string[];
  readonly users: 'require' | 'create' | 'skip';
  readonly maxConversations?: number;
  readonly branches?: 'tree' | 'split' | 'active' | 'skip';
  readonly skipBranching?: boolean;
  readonly splitBranches?: boolean;
  readonly personaId: number;
  readonly personaMap?: string;
  readonly unmapped: 'default' | 'fail';
  readonly projects: 'project' | 'tag' | 'drop';
  readonly archived: 'keep' | 'project' | 'skip';
  readonly longText: 'split' | 'cut' | 'reject';
  readonly uploadFiles: boolean;
  readonly connections: number;
  readonly check: boolean;
  readonly rejects?: string;
  readonly maxRejects?: number;
}

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
  })
    .requiredOption('--bundle-path <folder...>', 'bundles, folders of users out of them, or a folder of exports')
    .option(
      '--user-email <email>',
      'into this account, instead of that of the same address; for the chats of one person',
    )
    .option('--only-user <email...>', 'only the chats of these people')
    .addOption(
      choice('--users <which>', 'for people without an account: stop, make one, or leave their chats out', [
        'require',
        'create',
        'skip',
      ]).default('require'),
    )
    .option('--max-conversations <n>', 'only the first so many of each bundle', wholeNumber(1))
    .addOption(
      choice(
        '--branches <which>',
        'of chats with several: tree (all, in one chat), split (a chat each), active, or skip such chats',
        ['tree', 'split', 'active', 'skip'],
      ),
    )
    .option('--skip-branching', 'the same as --branches skip')
    .option('--split-branches', 'the same as --branches split')
    .option('--persona-id <id>', 'the assistant that chats belong to; 0 is the built-in one', wholeNumber(0), 0)
    .option('--persona-map <file>', 'YAML or JSON: assistants by agent, model and endpoint')
    .addOption(
      choice('--unmapped <which>', 'what is in no map: the assistant of --persona-id, or fail', [
        'default',
        'fail',
      ]).default('default'),
    )
    .addOption(
      choice(
        '--projects <which>',
        "chats go into a project of Onyx: the source's, else that of the first tag, or none",
        ['project', 'tag', 'drop'],
      ).default('project'),
    )
    .addOption(
      choice('--archived <which>', 'archived chats: as others, into a project "Archived", or leave them out', [
        'keep',
        'project',
        'skip',
      ]).default('keep'),
    )
    .addOption(
      choice(
        '--long-text <which>',
        'a text too long for the search column: over several messages, cut and attached, or reject',
        ['split', 'cut', 'reject'],
      ).default('split'),
    )
    .option('--no-upload-files', 'leave files behind')
    .option('--connections <n>', 'connections to write over at once', wholeNumber(1), 1)
    .option('--no-check', 'import a bundle also when its files are not as they were made')
    .option('--rejects <file>', 'where conversations go that cannot be imported (default: in .etl)')
    .option('--max-rejects <n>', 'fail when there are more of them', wholeNumber(0));
  return addRunOptions(addDatabase(addApi(command))).action((flags: ImportFlags) => importBundles(cli, flags));
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

function branchesOf({ branches, skipBranching, splitBranches }: ImportFlags): NonNullable<ImportFlags['branches']> {
  const asked: ImportFlags['branches'][] = [
    branches,
    splitBranches === true ? 'split' : undefined,
    skipBranching === true ? 'skip' : undefined,
  ];
  const ways = [...new Set(asked.filter((way) => way !== undefined))];
  if (ways.length > 1)
    throw new EtlError('ETL_USAGE', `branches cannot be dealt with in two ways: ${ways.join(' and ')}`);
  return ways[0] ?? 'tree';
}

function choice(flags: string, description: string, choices: readonly string[]): Option {
  return new Option(flags, description).choices([...choices]);
}
