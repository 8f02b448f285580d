import { Option, type Command } from 'commander';

import { EtlError } from '../errors.ts';
import { wholeNumber } from './command.ts';
import { addApi, type ApiFlags } from './onyx-api-flags.ts';
import { addDatabase, type DatabaseFlags } from './onyx-database.ts';
import { addRunOptions, type RunFlags } from './run-plan.ts';

/** What `etl onyx import` is given. */
export interface ImportFlags extends DatabaseFlags, ApiFlags, RunFlags {
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

/** The flags of `etl onyx import`. */
export function addImportFlags(command: Command): Command {
  command
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
  return addRunOptions(addDatabase(addApi(command)));
}

/**
 * What becomes of chats with branches: `--branches`, or one of the two flags that say the same.
 *
 * @throws {EtlError} `ETL_USAGE` when they contradict each other.
 */
export function branchesOf({
  branches,
  skipBranching,
  splitBranches,
}: ImportFlags): NonNullable<ImportFlags['branches']> {
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
