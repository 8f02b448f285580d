import { join } from 'node:path';

import { Option, type Command } from 'commander';

import { EtlError } from '../errors.ts';
import { apiAccounts, databaseAccounts, type OnyxAccounts } from '../jobs/onyx-accounts.ts';
import { onyxCreateUsers, type CreateUsersReport, type UserOutcome } from '../jobs/onyx-create-users.ts';
import { usersOfBundles, usersOfLibrechat, type NewUser, type NewUsers } from '../jobs/onyx-new-users.ts';
import { createCommand } from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { formatCount } from './format.ts';
import { safe, type Cli } from './io.ts';
import { addLibrechatSource, librechatSourceOf, type SourceFlags } from './librechat-source.ts';
import { addApi, findApi, type ApiFlags } from './onyx-api-flags.ts';
import { addDatabase, databaseOf, findDatabase, type DatabaseFlags } from './onyx-database.ts';
import { stoppable } from './stoppable.ts';

interface CreateUsersFlags extends SourceFlags, DatabaseFlags, ApiFlags {
  readonly bundlePath?: readonly string[];
  readonly skipEmail?: readonly string[];
  readonly output?: string;
  readonly via?: 'api' | 'database';
  readonly admin?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const words: Readonly<Record<Extract<UserOutcome, string>, string>> = {
  created: 'created',
  wouldCreate: 'would be created',
  exists: 'is there',
  skipped: 'skipped',
};

/** `etl onyx create-users` */
export function onyxCreateUsersCommand(cli: Cli): Command {
  const command = createCommand(cli, 'create-users', {
    summary: 'make accounts for those who have none',
    details:
      'For the people in bundles, or in a LibreChat. Each account gets a strong password of its own, which is in the file of --output ' +
      'and nowhere else. Those who have an account are left as they are: a second run makes nothing. Ends with 3 when Onyx refused some',
    examples: [
      'etl onyx create-users --bundle-path ./exports/librechat --dry-run',
      'etl onyx create-users --from ./dump/LibreChat --skip-email ana@example.org --output ./passwords.jsonl',
    ],
  })
    .option('--bundle-path <folder...>', 'for the people in these bundles')
    .option('--skip-email <email...>', 'make no account for these')
    .option('--output <file>', 'where the passwords go (default: created_users_TIME.jsonl)')
    .option('--dry-run', 'only say what would be done')
    .addOption(
      new Option(
        '--via <way>',
        'how: by the API (with all of its rules about who may sign up), or in the database (for people who sign in through a directory)',
      ).choices(['api', 'database']),
    )
    .option('--admin <email>', 'who becomes the administrator, when nobody has an account yet (with --via database)')
    .option('--json', 'print what became of each as a line of JSON');
  return addDatabase(addApi(addLibrechatSource(command))).action((flags: CreateUsersFlags) => createUsers(cli, flags));
}

async function createUsers(cli: Cli, flags: CreateUsersFlags): Promise<void> {
  const time = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '_');
  const output = flags.output ?? join(cli.cwd, `created_users_${time}.jsonl`);
  let created = 0;
  let isKnown = true;
  try {
    await stoppable(cli, 'making accounts', async ({ stop, abort }) => {
      const { users, withoutEmail } = await usersOf(cli, flags, stop);
      const accounts = await accountsOf(cli, flags, abort);
      isKnown = accounts.takesPasswords;
      try {
        const report = await onyxCreateUsers(accounts, {
          users,
          skipEmails: flags.skipEmail,
          output,
          admin: flags.admin,
          dryRun: flags.dryRun,
          signal: stop,
          onUser(user, outcome) {
            created += outcome === 'created' ? 1 : 0;
            cli.print(lineOf(user, outcome, flags.json === true));
          },
        });
        saySum(cli, report, withoutEmail);
        if (report.refused > 0) cli.exitCode = exitCodes.rejects;
      } finally {
        await accounts.close();
      }
    });
  } finally {
    // Also when it came to a bad end.
    if (created > 0) {
      cli.say(
        isKnown
          ? `the passwords are in ${safe(output)}, which only you can read`
          : 'the accounts have passwords that nobody knows: pgcrypto is not in the database',
      );
    }
  }
}

async function accountsOf(cli: Cli, flags: CreateUsersFlags, signal: AbortSignal): Promise<OnyxAccounts> {
  const api = flags.via === 'database' ? undefined : await findApi(cli, flags);
  if (api !== undefined) {
    const onRetry = (message: string): void => cli.say(`${cli.colors.yellow('warning')} ${safe(message)}`);
    return apiAccounts({ ...api, onRetry }, signal);
  }
  const isDatabase =
    flags.via === 'database' || (flags.via === undefined && (await findDatabase(cli, flags)) !== undefined);
  if (!isDatabase) {
    throw new EtlError('ETL_USAGE', 'no Onyx is named', {
      hint: 'set ONYX_API_BASE and ONYX_API_KEY (in the environment or .env), or ONYX_DATABASE_URL for --via database',
    });
  }
  const { connectionString, schema } = await databaseOf(cli, flags);
  return databaseAccounts(connectionString, schema, signal);
}

async function usersOf(cli: Cli, flags: CreateUsersFlags, signal: AbortSignal): Promise<NewUsers> {
  const { bundlePath, uri, from } = flags;
  if (bundlePath === undefined) return usersOfLibrechat(await librechatSourceOf(cli, flags), signal);
  if (uri !== undefined || from !== undefined)
    throw new EtlError('ETL_USAGE', '--bundle-path does not go together with --uri and --from');
  return usersOfBundles(bundlePath, signal);
}

function lineOf({ email }: NewUser, outcome: UserOutcome, json: boolean): string {
  const reason = typeof outcome === 'string' ? undefined : outcome.refused;
  const word = typeof outcome === 'string' ? outcome : 'refused';
  if (json) return JSON.stringify({ email, outcome: word, ...(reason !== undefined && { reason }) });
  return typeof outcome === 'string'
    ? `${words[outcome].padEnd(16)} ${safe(email)}`
    : `${'refused'.padEnd(16)} ${safe(email)}: ${safe(outcome.refused)}`;
}

function saySum(
  cli: Cli,
  { created, wouldCreate, exists, skipped, refused }: CreateUsersReport,
  withoutEmail: number,
): void {
  const parts = [
    [created, 'created'],
    [wouldCreate, 'would be created'],
    [exists, 'there already'],
    [skipped, 'skipped'],
    [refused, 'refused'],
    [withoutEmail, 'without an address'],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, what]) => `${formatCount(count)} ${what}`);
  cli.say(said.length === 0 ? 'nobody is there to make an account for' : said.join(', '));
}
