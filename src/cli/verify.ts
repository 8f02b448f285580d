import type { Command } from 'commander';

import { components } from '../components.ts';
import { maskFor } from '../config/mask.ts';
import { EtlError } from '../errors.ts';
import { readManifest } from '../files/bundle-folders.ts';
import { verifyBundle } from '../jobs/verify-bundle.ts';
import type { VerifyDifference, VerifyReport } from '../jobs/verify-report.ts';
import { verifySource } from '../jobs/verify-source.ts';
import { isThreadBundle, verifyThreads } from '../jobs/verify-threads.ts';
import { createCommand, wholeNumber } from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { formatCount } from './format.ts';
import { listenForInterrupts } from './interrupts.ts';
import { safe, type Cli } from './io.ts';
import { stoppable } from './stoppable.ts';

interface VerifyFlags {
  readonly against?: string | readonly string[] | undefined;
  readonly database?: string | undefined;
  readonly max: number;
  readonly json?: boolean | undefined;
}

/** `etl verify BUNDLE` */
export function verifyCommand(cli: Cli): Command {
  return createCommand(cli, 'verify', {
    summary: 'prove that a bundle is whole, or equal to its source',
    details:
      'Hashes every file, makes every digest again and compares every count. With --against each chat is compared with the source, and ' +
      'what differs is named. Bundles of LangGraph threads are told by their manifest. Ends with 4 when something differs',
    examples: [
      'etl verify ./exports/librechat',
      'etl verify ./exports/librechat --against mongodb://localhost:27017/LibreChat',
      'etl verify ./exports/librechat --against ./dump/LibreChat --json',
      'etl verify ./exports/threads',
    ],
  })
    .argument('<bundle>', 'folder of the bundle')
    .option('--against <source...>', 'mongodb://…, a folder of mongodump, files of mongoexport, or another bundle')
    .option('--max <n>', 'differences to list', wholeNumber(0), 20)
    .option('--json', 'print the result as JSON')
    .action(async (bundle: string, flags: VerifyFlags) => {
      if (await isThreadBundle(bundle)) await runVerifyThreads(cli, bundle, flags);
      else await runVerify(cli, bundle, flags);
    });
}

/** Verifies a bundle and says what was found. Sets the exit code. */
export async function runVerify(
  cli: Cli,
  bundle: string,
  { against, database, max, json = false }: VerifyFlags,
): Promise<void> {
  const { abort, stop, end } = listenForInterrupts(cli, (text) => cli.say(text));
  try {
    const options = { signal: AbortSignal.any([abort, stop]), maxDifferences: max };
    const report = await verifyBundle(
      bundle,
      against === undefined ? options : { ...options, against: await other(bundle, against, database) },
    );
    if (json) cli.print(cli.mask(JSON.stringify(report)));
    else sayReport(cli, report);
    if (!report.ok) cli.exitCode = exitCodes.differs;
  } finally {
    end();
  }
}

async function runVerifyThreads(cli: Cli, bundle: string, { against, max, json }: VerifyFlags): Promise<void> {
  if (against !== undefined) {
    throw new EtlError('ETL_USAGE', `${bundle} holds LangGraph threads: --against is for bundles of chats`, {
      hint: `compare it with etl langgraph validate --backup-file ${bundle} --target-url … (or --target-file)`,
    });
  }
  await stoppable(cli, 'the verification', async ({ stop, abort }) => {
    const signal = AbortSignal.any([stop, abort]);
    const { ok, checked, differences, ...report } = await verifyThreads(bundle, { signal, maxDifferences: max });
    if (json === true) cli.print(cli.mask(JSON.stringify({ ...report, ok, checked, differences })));
    else {
      const looked = `${formatCount(checked.threads)} threads, ${formatCount(checked.checkpoints)} checkpoints, ${formatCount(checked.files)} files`;
      sayDifferences(cli, differences);
      if (ok) cli.say(`${cli.colors.green('ok')}: ${safe(bundle)} is whole (${looked})`);
      else cli.say(`${kindsText(cli, differences)} in ${safe(bundle)}: ${looked}`);
    }
    if (!ok) cli.exitCode = exitCodes.differs;
  });
}

async function other(
  bundle: string,
  against: string | readonly string[],
  database: string | undefined,
): Promise<NonNullable<NonNullable<Parameters<typeof verifyBundle>[1]>['against']>> {
  // A manifest that cannot be read is found, and said, by the verification itself.
  const manifest = await readManifest(bundle).catch(() => undefined);
  const name = typeof against === 'string' ? against : against.join(', ');
  return { source: await verifySource(against, manifest, components, database), name: maskFor([])(name) };
}

function sayReport(cli: Cli, { ok, checked, differences, against, bundle }: VerifyReport): void {
  const { chats, messages, files, sourceChats, sourceRejected } = checked;
  const looked = `${formatCount(chats)} chats, ${formatCount(messages)} messages, ${formatCount(files)} files`;
  const left = sourceRejected === 0 ? '' : `; ${formatCount(sourceRejected)} of its records cannot be had`;
  const beside = against === null ? '' : `, beside ${formatCount(sourceChats)} chats of ${safe(against)}${left}`;
  sayDifferences(cli, differences);
  if (ok)
    cli.say(
      `${cli.colors.green('ok')}: ${safe(bundle)} ${against === null ? 'is whole' : 'is whole and equal to its source'} (${looked}${beside})`,
    );
  else cli.say(`${kindsText(cli, differences)} in ${safe(bundle)}: ${looked}${beside}`);
}

function sayDifferences(cli: Cli, { total, first }: VerifyReport['differences']): void {
  for (const difference of first) cli.print(cli.mask(differenceText(difference)));
  if (total > first.length) cli.print(`… and ${formatCount(total - first.length)} more`);
}

function kindsText({ colors }: Cli, { total, byKind }: VerifyReport['differences']): string {
  const kinds = Object.entries(byKind).map(([kind, count]) => `${count} ${kind}`);
  return `${colors.red(`${formatCount(total)} ${total === 1 ? 'difference' : 'differences'}`)} (${kinds.join(', ')})`;
}

function differenceText({ kind, where, detail, fields = [], moreFields = 0 }: VerifyDifference): string {
  const lines = [`${kind}: ${safe(where)}: ${safe(detail)}`];
  for (const { what, id, field, how, here, there } of fields) {
    const values = [here === undefined ? '' : `bundle ${here}`, there === undefined ? '' : `source ${there}`].filter(
      (text) => text !== '',
    );
    const place = [what, id, field].filter((text) => text !== undefined).join(' ');
    lines.push(`  ${safe(place)} ${how}${values.length > 0 ? `: ${safe(values.join(', '))}` : ''}`);
  }
  if (moreFields > 0) lines.push(`  … and ${formatCount(moreFields)} more of this chat`);
  return lines.join('\n');
}
