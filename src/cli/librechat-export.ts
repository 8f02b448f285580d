import { InvalidArgumentError, type Command } from 'commander';

import { EtlError } from '../errors.ts';
import {
  exportFolder,
  exportRejects,
  includable,
  lastExport,
  librechatExport,
  namedUsers,
  type LibrechatExportOptions,
} from '../jobs/librechat-export.ts';
import { createCommand, wholeNumber } from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { safe, type Cli } from './io.ts';
import { addLibrechatSource, librechatSourceOf, pathName, type SourceFlags } from './librechat-source.ts';
import { addRunOptions, runPlan, type RunFlags } from './run-plan.ts';

/** Where exports go unless somewhere else is named. */
export const exportsFolder = './exports';

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
  readonly include?: readonly string[];
  readonly branches: 'all' | 'active' | 'split';
  readonly outputDir: string;
  readonly path?: string;
  readonly layout: 'users' | 'single';
  readonly compress?: boolean;
  readonly assetRoot?: readonly string[];
  readonly copyFiles: boolean;
  readonly download?: readonly string[];
  readonly downloadPrivate?: boolean;
  readonly acceptTruncated?: boolean;
  readonly rejects?: string;
  readonly maxRejects?: number;
}

/** `etl librechat export` */
export function librechatExportCommand(cli: Cli): Command {
  const command = addLibrechatSource(
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
    .option('--include-archived', 'archived conversations too', true)
    .option('--no-include-archived', 'no archived conversations')
    .option('--include-temporary', 'temporary conversations too')
    .option('--include <what...>', `what else of each user: ${includable.join(', ')}`)
    .option(
      '--branches <which>',
      'all (every message), active (what is shown) or split (a chat for each branch)',
      oneOf('all', 'active', 'split'),
      'all',
    )
    .option('--output-dir <folder>', 'where exports go, each in a folder named after its time', pathName, exportsFolder)
    .option('--path <folder>', 'the folder of this export itself')
    .option('--layout <which>', 'users (a folder for each) or single (one for all)', oneOf('users', 'single'), 'users')
    .option('--compress', 'compress the lines with gzip')
    .option('--asset-root <folder...>', 'where uploads lie (LIBRECHAT_ASSET_ROOTS)')
    .option('--copy-files', 'copy uploads into the bundle', true)
    .option('--no-copy-files', 'hash uploads, and copy none')
    .option(
      '--download <host...>',
      'fetch files in S3, CloudFront, Azure or Firebase from these hosts (*.amazonaws.com), or all',
    )
    .option('--download-private', 'fetch from addresses inside a network, too')
    .option('--accept-truncated', 'complete the export of a dump that was cut short')
    .option(
      '--rejects <file>',
      'where records go that cannot be read (default: rejects.jsonl in <folder>.etl)',
      pathName,
    )
    .option('--max-rejects <n>', 'fail when there are more of them', wholeNumber(0));
  return addRunOptions(command).action(async (flags: ExportFlags) => {
    const options = await exportOptions(cli, flags);
    const path = flags.path ?? (await exportFolder(flags.outputDir, options, new Date()));
    const onReject = { to: flags.rejects ?? exportRejects(path), max: flags.maxRejects };
    await runPlan(cli, librechatExport(path, { ...options, onReject }), flags);
    if (
      (cli.exitCode === exitCodes.done || cli.exitCode === exitCodes.rejects) &&
      flags.quiet !== true &&
      flags.dryRun !== true
    )
      cli.say(`the bundle is in ${safe(path)}`);
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
  if (flags.sinceLast === true && flags.acceptTruncated === true)
    throw new EtlError(
      'ETL_USAGE',
      '--since-last and --accept-truncated do not go together: what was cut off would pass for gone',
    );
  if (flags.sinceLast === true && flags.branches !== 'all')
    throw new EtlError('ETL_USAGE', `--since-last and --branches ${flags.branches} do not go together`, {
      hint: 'What changed is found by LibreChat’s own documents: --branches all.',
    });
  const scope: LibrechatExportOptions['scope'] = {
    ...(isSome && { users: await namedUsers(userEmail ?? [], usersFile) }),
    ...(conversation !== undefined && { conversation }),
    ...(maxConversations !== undefined && { maxConversations }),
    ...(since !== undefined && { since }),
    includeArchived,
    includeTemporary: includeTemporary === true,
    ...(flags.include !== undefined && { include: includeOf(flags.include) }),
  };
  const environment = await cli.environment();
  const assetRoots =
    flags.assetRoot ?? (environment['LIBRECHAT_ASSET_ROOTS'] ?? '').split(':').filter((root) => root !== '');
  return {
    source: {
      ...(await librechatSourceOf(cli, flags)),
      ...(flags.acceptTruncated === true && { acceptTruncated: true }),
    },
    scope,
    sink: {
      assetRoots: [...assetRoots],
      copyFiles: flags.copyFiles,
      ...downloadOf(flags),
      layout: flags.layout,
      compress: flags.compress === true ? 'gzip' : 'none',
      ...(flags.sinceLast === true && { since: await lastExport(flags.outputDir, scope) }),
    },
    branches: flags.branches,
  };
}

function includeOf(given: readonly string[]): NonNullable<LibrechatExportOptions['scope']['include']> {
  return given
    .flatMap((names) => names.split(','))
    .map((name) => {
      const known = includable.find((one) => one === name.trim());
      if (known !== undefined) return known;
      throw new EtlError('ETL_USAGE', `--include ${name}: expected one of ${includable.join(', ')}`);
    });
}

function downloadOf({
  download,
  downloadPrivate = false,
}: ExportFlags): Pick<LibrechatExportOptions['sink'], 'download'> {
  if (download === undefined && downloadPrivate)
    throw new EtlError('ETL_USAGE', '--download-private says nothing without --download');
  if (download === undefined) return {};
  const link = download.find((host) => /[/\s]/.test(host));
  if (link !== undefined)
    throw new EtlError('ETL_USAGE', `--download ${link}: expected the name of a host, such as *.amazonaws.com, or all`);
  return { download: { hosts: download.includes('all') ? 'all' : [...download], privateAddresses: downloadPrivate } };
}

function oneOf<const Choice extends string>(...choices: readonly Choice[]): (text: string) => Choice {
  return (text) => {
    const found = choices.find((choice) => choice === text);
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`It must be one of ${choices.join(', ')}.`);
  };
}
