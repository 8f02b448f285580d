import type { Command } from 'commander';

import { EtlError } from '../errors.ts';
import { bundlesAt } from '../jobs/bundles-to-import.ts';
import { onyxVerifySource } from '../jobs/onyx-verify-source.ts';
import { verifyOnyx, type OnyxDifference, type OnyxVerifyReport } from '../jobs/onyx-verify.ts';
import { createCommand, wholeNumber } from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { formatCount } from './format.ts';
import { listenForInterrupts } from './interrupts.ts';
import { safe, type Cli } from './io.ts';
import { addDatabase, databaseOf, type DatabaseFlags } from './onyx-database.ts';

interface VerifyFlags extends DatabaseFlags {
  readonly bundlePath?: readonly string[];
  readonly uri?: string;
  readonly from?: readonly string[];
  readonly onlyUser?: readonly string[];
  readonly userEmail?: string;
  readonly max: number;
  readonly json?: boolean;
}

/** `etl onyx verify` */
export function onyxVerifyCommand(cli: Cli): Command {
  const command = createCommand(cli, 'verify', {
    summary: 'compare the chats in Onyx with what they were imported from',
    details:
      'Conversation by conversation: owners, titles, times, assistants, the tree, the order, texts by digest, tool calls, citations, feedback, files. ' +
      'Names each row that is not as it was imported, also when a person has changed it since. Ends with 4 when something differs',
    examples: [
      'etl onyx verify --bundle-path ./exports/librechat',
      'etl onyx verify --from ./dump/LibreChat --only-user ana@example.org --json',
    ],
  })
    .option('--bundle-path <folder...>', 'the bundles that were imported')
    .option('--uri <uri>', 'a live LibreChat: mongodb://…/LibreChat')
    .option('--from <path...>', 'a mongodump folder, or mongoexport files')
    .option('--only-user <email...>', 'only the chats of these people')
    .option('--user-email <email>', 'whose account all chats were imported into, as it was said to `etl onyx import`')
    .option('--max <n>', 'differences to list, for each bundle', wholeNumber(0), 20)
    .option('--json', 'print the result as JSON, a line for each bundle');
  return addDatabase(command).action(async (flags: VerifyFlags) => {
    const { bundlePath = [], uri, from } = flags;
    const given = [bundlePath.length > 0, uri !== undefined, from !== undefined].filter(Boolean).length;
    if (given !== 1)
      throw new EtlError(
        'ETL_USAGE',
        given === 0 ? 'nothing is named to compare with' : 'expected one thing to compare with',
        {
          hint: 'give --bundle-path FOLDER, --uri mongodb://…, or --from ./dump/LibreChat',
        },
      );
    if (uri !== undefined) cli.hide([uri]);
    const { connectionString, schema } = await databaseOf(cli, flags);
    const { abort, stop, end } = listenForInterrupts(cli, (text) => cli.say(text));
    const users = flags.onlyUser === undefined ? undefined : [...flags.onlyUser];
    const sources =
      given === 1 && bundlePath.length > 0
        ? (await bundlesAt(bundlePath)).map((path) => ({ bundle: path }))
        : [uri === undefined ? { from: [...(from ?? [])] } : { uri }];
    try {
      for (const where of sources) {
        const report = await verifyOnyx(onyxVerifySource(where, users), {
          connectionString,
          schema,
          signal: AbortSignal.any([abort, stop]),
          maxDifferences: flags.max,
          owner: flags.userEmail,
        });
        if (flags.json === true) cli.print(cli.mask(JSON.stringify(report)));
        else sayReport(cli, report);
        if (!report.ok) cli.exitCode = exitCodes.differs;
      }
    } finally {
      end();
    }
  });
}

function sayReport(cli: Cli, { ok, checked, leftOut, differences }: OnyxVerifyReport): void {
  for (const difference of differences.first) cli.print(differenceText(difference));
  if (differences.total > differences.first.length)
    cli.print(`… and ${formatCount(differences.total - differences.first.length)} more`);
  const { conversations, chats, messages } = checked;
  const looked = `${formatCount(conversations)} conversations, ${formatCount(chats)} chats, ${formatCount(messages)} messages`;
  const left = leftOut === 0 ? '' : `; ${formatCount(leftOut)} were left out by the options of the import`;
  if (ok) cli.say(`${cli.colors.green('ok')}: Onyx holds what was imported (${looked}${left})`);
  else {
    const kinds = Object.entries(differences.byKind).map(([kind, count]) => `${count} ${kind}`);
    cli.say(
      `${cli.colors.red(`${formatCount(differences.total)} differences`)} (${kinds.join(', ')}): ${looked}${left}`,
    );
  }
}

function differenceText({ kind, key, sessionId, messageId, sourceId, fields }: OnyxDifference): string {
  const chat = sessionId === null ? '' : ` (chat ${sessionId})`;
  const row = [sourceId === null ? '' : ` message ${sourceId}`, messageId === null ? '' : ` (row ${messageId})`].join(
    '',
  );
  return safe(`${kind}: ${key}${chat}${row}${fields.length === 0 ? '' : `: ${fields.join(', ')}`}`);
}
