import { Option, type Command } from 'commander';

import { EtlError } from '../errors.ts';
import { bundlesAt, checkBundle, requireOneOwner } from '../jobs/bundles-to-import.ts';
import { importRejects, onyxImport, type OnyxImportOptions } from '../jobs/onyx-import.ts';
import { createCommand, wholeNumber } from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { safe, type Cli } from './io.ts';
import { addApi, findApi, type ApiFlags } from './onyx-api-flags.ts';
import { addDatabase, databaseOf, findDatabase, type DatabaseFlags } from './onyx-database.ts';
import { addRunOptions, runPlan, type RunFlags } from './run-plan.ts';
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
    .option('--no-upload-files', 'leave files behind')
    .option('--connections <n>', 'connections to write over at once', wholeNumber(1), 1)
    .option('--no-check', 'import a bundle also when its files are not as they were made')
    .option('--rejects <file>', 'where conversations go that cannot be imported (default: in .etl)')
    .option('--max-rejects <n>', 'fail when there are more of them', wholeNumber(0));
  return addRunOptions(addDatabase(addApi(command))).action((flags: ImportFlags) => importBundles(cli, flags));
}

async function importBundles(cli: Cli, flags: ImportFlags): Promise<void> {
  const sink = await sinkOptions(cli, flags);
  let worst: number = exitCodes.done;
  for (const path of await bundlesAt(flags.bundlePath)) {
    const folder = await checked(cli, path, flags);
    const { files } = sink;
    const plan = onyxImport(path, {
      source: flags.onlyUser === undefined ? {} : { userEmail: [...flags.onlyUser] },
      sink: files === undefined || files === 'off' ? sink : { ...sink, files: { ...files, roots: [folder] } },
      owner: flags.userEmail,
      maxConversations: flags.maxConversations,
      onReject: { to: flags.rejects ?? importRejects(path), max: flags.maxRejects },
    });
    await runPlan(cli, plan, flags);
    worst = Math.max(worst, cli.exitCode);
    // What stopped one would stop the next.
    if (cli.exitCode !== exitCodes.done && cli.exitCode !== exitCodes.rejects) break;
  }
  cli.exitCode = worst;
}

async function checked(cli: Cli, path: string, { check, userEmail, onlyUser }: ImportFlags): Promise<string> {
  return stoppable(cli, 'the check of the bundle', async ({ stop }) => {
    if (userEmail !== undefined) await requireOneOwner(path, onlyUser, stop);
    return checkBundle(path, stop, check);
  });
}

async function sinkOptions(cli: Cli, flags: ImportFlags): Promise<OnyxImportOptions['sink']> {
  // A dry run opens no connection, so it needs no database.
  const database = flags.dryRun === true ? await findDatabase(cli, flags) : await databaseOf(cli, flags);
  const { personaId, personaMap: map, unmapped, users, connections } = flags;
  if (map === undefined && unmapped === 'fail')
    throw new EtlError('ETL_USAGE', '--unmapped fail says nothing without --persona-map');
  return {
    connectionString: 'postgresql://localhost/',
    ...database,
    branches: branchesOf(flags),
    users,
    persona: map === undefined ? personaId : { default: personaId, map, unmapped },
    files: await filesOf(cli, flags),
    connections,
  };
}

async function filesOf(cli: Cli, flags: ImportFlags): Promise<NonNullable<OnyxImportOptions['sink']['files']>> {
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
