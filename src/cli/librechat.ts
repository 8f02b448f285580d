import { InvalidArgumentError, type Command } from 'commander';

import { EtlError } from '../errors.ts';
import { exportFolder, lastExport, librechatExport, type LibrechatExportOptions } from '../jobs/librechat-export.ts';
import { librechatUsers } from '../jobs/librechat-users.ts';
import { createCommand, wholeNumber } from './command.ts';
import { formatCount, padWidth } from './format.ts';
import { listenForInterrupts } from './interrupts.ts';
import { safe, type Cli } from './io.ts';
import { addRunOptions, runPlan, type RunFlags } from './run-plan.ts';
import { runVerify } from './verify.ts';

const outputDir = './exports';

interface SourceFlags {
  readonly uri?: string;
  readonly from?: readonly string[];
  readonly database?: string;
}

/** `etl librechat users | export | verify`: pipelines that are filled in from flags and the environment. */
export function librechatCommand(cli: Cli): Command {
  const group = createCommand(cli, 'librechat', {
    summary: 'list users of a LibreChat, export its chats, verify exports',
    details:
      'The database is named by --uri or LIBRECHAT_MONGODB, or a dump by --from; folders of uploads by --asset-root or ' +
      'LIBRECHAT_ASSET_ROOTS, separated by colons. Both variables may stand in .env',
    examples: ['etl librechat users', 'etl librechat export --all-users --copy-files', 'etl librechat verify'],
  });
  group.addCommand(usersCommand(cli));
  group.addCommand(exportCommand(cli));
  group.addCommand(verifyExportCommand(cli));
  return group;
}

function addSource(command: Command): Command {
  return command
    .option('--uri <uri>', 'the live database: mongodb://…/LibreChat (LIBRECHAT_MONGODB)')
    .option('--from <path...>', 'a mongodump folder, or mongoexport files')
    .option('--database <name>', 'the database, when the URI does not name it');
}

function usersCommand(cli: Cli): Command {
  return addSource(
    createCommand(cli, 'users', {
      summary: 'list the users, and how many conversations are theirs',
      examples: ['etl librechat users', 'etl librechat users --from ./dump/LibreChat --json'],
    }),
  )
    .option('--json', 'print each user as a line of JSON')
    .action(async ({ json = false, ...flags }: SourceFlags & { readonly json?: boolean }) => {
      const { abort, stop, end } = listenForInterrupts(cli, (text) => cli.say(text));
      let users = 0;
      let conversations = 0;
      try {
        await librechatUsers(
          await sourceOf(cli, flags),
          (user) => {
            users += 1;
            conversations += user.conversations;
            const { email, name, lastSavedAt, id } = user;
            const who = email ?? '(no account)';
            cli.print(
              json
                ? JSON.stringify(user)
                : `${safe(padWidth(who, 36))} ${formatCount(user.conversations).padStart(9)}  ${(lastSavedAt ?? '-').slice(0, 10).padEnd(10)}  ${safe(id)}  ${safe(name ?? '')}`.trimEnd(),
            );
          },
          {
            signal: AbortSignal.any([abort, stop]),
            onWarning: (_, message) => cli.say(`${cli.colors.yellow('warning')} ${safe(message)}`),
          },
        );
      } finally {
        end();
      }
      if (!json) cli.say(`${formatCount(users)} users, ${formatCount(conversations)} conversations`);
    });
}

interface ExportFlags extends SourceFlags, RunFlags {
  readonly userEmail?: readonly string[];
  readonly usersFile?: string;
  readonly allUsers?: boolean;
  readonly conversation?: string;
  readonly maxConversations?: number;
  readonly since?: string;
  readonly sinceLast?: boolean;
  readonly includeArchived: boolean;
  readonly includeTemporary?: boolean;
  readonly branches: 'all' | 'active' | 'split';
  readonly outputDir: string;
  readonly path?: string;
  readonly layout: 'users' | 'single';
  readonly compress?: boolean;
  readonly assetRoot?: readonly string[];
  readonly copyFiles: boolean;
}

function exportCommand(cli: Cli): Command {
  const command = addSource(
    createCommand(cli, 'export', {
      summary: 'write chats, with their trees and files, to a bundle',
      details:
        'An export that was broken off goes on when the same command is given again; else each one gets a folder of its own, named ' +
        'after the time. etl verify proves a bundle whole',
      examples: [
        'etl librechat export --all-users --asset-root ./uploads --asset-root ./images',
        'etl librechat export --user-email ana@example.org --from ./dump/LibreChat --path ./ana',
        'etl librechat export --all-users --since-last',
      ],
    }),
  )
    .option('--user-email <email...>', 'whose chats: e-mail addresses or ids of users')
    .option('--users-file <file>', 'file with e-mail addresses or ids, one a line')
    .option('--all-users', "everybody's chats")
    .option('--conversation <id>', 'only this conversation')
    .option('--max-conversations <n>', 'only the first so many', wholeNumber(1))
    .option('--since <date>', 'only conversations in which something was saved since that day')
    .option('--since-last', 'only what changed since the last complete export in the output folder')
    .option('--include-archived', 'archived conversations too (the default)', true)
    .option('--no-include-archived', 'no archived conversations')
    .option('--include-temporary', 'temporary conversations too')
    .option(
      '--branches <which>',
      'all (every message), active (what is shown) or split (a chat for each branch)',
      oneOf('all', 'active', 'split'),
      'all',
    )
    .option('--output-dir <folder>', 'where exports go, each in a folder named after its time', outputDir)
    .option('--path <folder>', 'the folder of this export itself')
    .option('--layout <which>', 'users (a folder for each) or single (one for all)', oneOf('users', 'single'), 'users')
    .option('--compress', 'compress the lines with gzip')
    .option('--asset-root <folder...>', 'where uploads lie (LIBRECHAT_ASSET_ROOTS)')
    .option('--copy-files', 'copy uploads into the bundle (the default)', true)
    .option('--no-copy-files', 'hash uploads, and copy none');
  return addRunOptions(command).action(async (flags: ExportFlags) => {
    const options = await exportOptions(cli, flags);
    const path = flags.path ?? (await exportFolder(flags.outputDir, options, new Date()));
    await runPlan(cli, librechatExport(path, options), flags);
    if (cli.exitCode === 0 && flags.quiet !== true && flags.dryRun !== true) cli.say(`the bundle is in ${safe(path)}`);
  });
}

async function exportOptions(cli: Cli, flags: ExportFlags): Promise<LibrechatExportOptions> {
  const { userEmail, usersFile, allUsers, conversation, maxConversations, since, includeArchived, includeTemporary } =
    flags;
  const isSome = userEmail !== undefined || usersFile !== undefined;
  if (allUsers === true && isSome) throw new EtlError('ETL_USAGE', '--all-users and --user-email do not go together');
  if (allUsers !== true && !isSome && conversation === undefined)
    throw new EtlError('ETL_USAGE', 'nobody is named whose chats to export', {
      hint: 'give --user-email ana@example.org, --users-file FILE, or --all-users',
    });
  const environment = await cli.environment();
  const assetRoots =
    flags.assetRoot ?? (environment['LIBRECHAT_ASSET_ROOTS'] ?? '').split(':').filter((root) => root !== '');
  return {
    source: await sourceOf(cli, flags),
    scope: {
      ...(userEmail !== undefined && { users: [...userEmail] }),
      ...(usersFile !== undefined && { usersFile }),
      ...(conversation !== undefined && { conversation }),
      ...(maxConversations !== undefined && { maxConversations }),
      ...(since !== undefined && { since }),
      includeArchived,
      includeTemporary: includeTemporary === true,
    },
    sink: {
      assetRoots: [...assetRoots],
      copyFiles: flags.copyFiles,
      layout: flags.layout,
      compress: flags.compress === true ? 'gzip' : 'none',
      ...(flags.sinceLast === true && { since: await lastExport(flags.outputDir) }),
    },
    branches: flags.branches,
  };
}

function verifyExportCommand(cli: Cli): Command {
  return addSource(
    createCommand(cli, 'verify', {
      summary: 'prove that an export is whole and equal to its LibreChat',
      details:
        'Without a folder it takes the last complete export. Each chat is compared with the database or the dump, and what differs is named. ' +
        'Ends with 4 when something differs',
      examples: [
        'etl librechat verify',
        'etl librechat verify ./exports/export_20260131_080000 --from ./dump/LibreChat',
      ],
    }),
  )
    .argument('[bundle]', 'folder of the export')
    .option('--output-dir <folder>', 'where exports are', outputDir)
    .option('--max <n>', 'differences to list', wholeNumber(0), 20)
    .option('--json', 'print the result as JSON')
    .action(
      async (
        bundle: string | undefined,
        flags: SourceFlags & { readonly outputDir: string; readonly max: number; readonly json?: boolean },
      ) => {
        const { uri, from } = await sourceOf(cli, flags);
        const against = uri ?? (Array.isArray(from) ? from[0] : from);
        const folder = bundle ?? (await lastExport(flags.outputDir));
        await runVerify(cli, folder, { against, max: flags.max, json: flags.json });
      },
    );
}

/** The LibreChat that flags or the environment name. */
async function sourceOf(cli: Cli, { uri, from, database }: SourceFlags): Promise<LibrechatExportOptions['source']> {
  if (uri !== undefined && from !== undefined) throw new EtlError('ETL_USAGE', '--uri and --from do not go together');
  if (from !== undefined) return { from: from.length === 1 ? (from[0] ?? '') : [...from] };
  const address = uri ?? (await cli.environment())['LIBRECHAT_MONGODB'];
  if (address === undefined || address === '')
    throw new EtlError('ETL_USAGE', 'no LibreChat is named', {
      hint: 'set LIBRECHAT_MONGODB (in the environment or .env), or give --uri mongodb://… or --from ./dump/LibreChat',
    });
  cli.hide([address]);
  return { uri: address, ...(database !== undefined && { database }) };
}

function oneOf<const Choice extends string>(...choices: readonly Choice[]): (text: string) => Choice {
  return (text) => {
    const found = choices.find((choice) => choice === text);
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`It must be one of ${choices.join(', ')}.`);
  };
}
