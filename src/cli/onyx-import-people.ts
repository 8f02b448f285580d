import type { OnyxPreview } from '../jobs/onyx-import-preview.ts';
import { missingOwnersError, namesOf, type MissingOwners } from '../jobs/onyx-missing-owners.ts';

import { exitCodeOfError } from './exit-codes.ts';
import { formatCount } from './format.ts';
import { safe, type Cli } from './io.ts';
import { errorText } from './print-error.ts';

/** Says before an import who will stop it. */
export function warnOfMissing(cli: Cli, { emails, withoutEmail }: MissingOwners): void {
  if (emails.length + withoutEmail === 0) return;
  const stops = 'the import stops at the first chat of theirs that was not imported before (see --users)';
  cli.say(`${cli.colors.yellow('warning')} ${safe(`without an account: ${whoOf(emails, withoutEmail)}; ${stops}`)}`);
}

/** Says after an import who was left out of it, and how to bring them in. */
export function sayLeftOut(cli: Cli, { emails, withoutEmail }: MissingOwners): void {
  if (emails.length + withoutEmail === 0) return;
  const then = '`etl onyx create-users` makes accounts, and the same command then brings their chats in';
  cli.say(safe(`without an account: ${whoOf(emails, withoutEmail)}${emails.length === 0 ? '' : `; ${then}`}`));
}

/** Says what an import would find in Onyx. */
export function sayPreview(
  cli: Cli,
  found: {
    readonly place: string | undefined;
    readonly preview: OnyxPreview;
    readonly users: 'require' | 'create' | 'skip';
  },
): void {
  const { looked, imported, leftOut, missing, withoutEmail } = found.preview;
  const homeless = sumOf(missing);
  const nameless = sumOf(withoutEmail);
  const isMade = found.users === 'create';
  const fresh = looked - imported - leftOut - nameless - (isMade ? 0 : homeless);
  const emails = [...missing.keys()].sort();
  const lines = [
    ...(found.place === undefined ? [] : [`looked at ${found.place}`]),
    `would be imported: ${formatCount(fresh)} of ${formatCount(looked)} conversations`,
    ...(imported === 0 ? [] : [`imported before: ${formatCount(imported)}`]),
    ...(leftOut === 0 ? [] : [`left out by --branches or --archived: ${formatCount(leftOut)}`]),
    ...(homeless === 0
      ? []
      : [
          `${isMade ? 'accounts would be made' : 'without an account'}: ${formatCount(emails.length)} people with ${formatCount(homeless)} conversations: ${namesOf(emails)}`,
        ]),
    ...(nameless === 0 ? [] : [`of owners without an e-mail address: ${formatCount(nameless)}`]),
  ];
  for (const line of lines) cli.say(`  ${safe(line)}`);
}

/** Ends a dry run as the import would end that it stands for. */
export function requireNobodyMissing(cli: Cli, { missing, withoutEmail }: OnyxPreview): void {
  if (missing.size + withoutEmail.size === 0) return;
  const error = missingOwnersError([...missing.keys()].sort(), withoutEmail.size);
  cli.say(errorText(error, cli));
  cli.exitCode = exitCodeOfError(error.code);
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function whoOf(emails: readonly string[], withoutEmail: number): string {
  const nameless = withoutEmail === 0 ? [] : [`${formatCount(withoutEmail)} without an e-mail address`];
  const named = emails.length === 0 ? [] : [`${formatCount(emails.length)} people (${namesOf(emails)})`];
  return [...named, ...nameless].join(', ');
}
