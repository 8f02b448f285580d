import { stat } from 'node:fs/promises';

import type { Command } from 'commander';

import { EtlError } from '../errors.ts';
import { readRejects } from '../jobs/reject-file.ts';
import { retryRejects, type RetryReport } from '../jobs/retry-rejects.ts';
import { createCommand, wholeNumber } from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { formatCount, formatRecords, padWidth } from './format.ts';
import { listenForInterrupts } from './interrupts.ts';
import { safe, type Cli } from './io.ts';
import { load } from './load.ts';
import { progressDisplay } from './progress-display.ts';

/** `etl rejects ls | show | retry` */
export function rejectsCommand(cli: Cli): Command {
  return createCommand(cli, 'rejects', {
    summary: 'look at rejected records, and try them again',
    examples: ['etl rejects ls import.yaml', 'etl rejects show rejects.jsonl -n 3', 'etl rejects retry import.yaml'],
  })
    .addCommand(listCommand(cli))
    .addCommand(showCommand(cli))
    .addCommand(retryCommand(cli));
}

function listCommand(cli: Cli): Command {
  return createCommand(cli, 'ls', {
    summary: 'count the rejected records by reason',
    examples: ['etl rejects ls import.yaml'],
  })
    .argument('<file>', 'pipeline file (YAML), or a reject file')
    .option('--json', 'print the counts as JSON')
    .action(async (file: string, { json = false }: { readonly json?: boolean }) => {
      const reasons = await countReasons(await rejectFileOf(cli, file));
      if (json) cli.print(JSON.stringify(reasons));
      else cli.print(cli.mask(reasonsText(reasons)));
    });
}

interface ShowFlags {
  readonly n: number;
  readonly stage?: string;
  readonly code?: string;
}

function showCommand(cli: Cli): Command {
  return createCommand(cli, 'show', {
    summary: 'print rejected records as JSON lines: stage, code, reason, at, record',
    examples: ['etl rejects show import.yaml -n 3', 'etl rejects show rejects.jsonl --stage map | jq .record'],
  })
    .argument('<file>', 'pipeline file (YAML), or a reject file')
    .option('-n <records>', 'how many records', wholeNumber(1), 10)
    .option('--stage <name>', 'only those of this stage')
    .option('--code <code>', 'only those with this code')
    .action(async (file: string, { n, stage, code }: ShowFlags) => {
      let shown = 0;
      for await (const reject of readRejects(await rejectFileOf(cli, file))) {
        if ((stage ?? reject.stage) !== reject.stage || (code ?? reject.code) !== reject.code) continue;
        cli.print(reject.text);
        shown += 1;
        if (shown === n) return;
      }
    });
}

function retryCommand(cli: Cli): Command {
  return createCommand(cli, 'retry', {
    summary: 'send rejected records through the stages again',
    details:
      'They start at the stage that rejected them; those that get through are added to the target and taken out of the file',
    examples: ['etl rejects retry import.yaml'],
  })
    .argument('<file>', 'pipeline file (YAML)')
    .option('--json', 'print the result as JSON')
    .action(async (file: string, { json = false }: { readonly json?: boolean }) => {
      const pipeline = await load(cli, file);
      const display = progressDisplay(cli);
      const { stop, abort, end } = listenForInterrupts(cli, (text) => display.say(text));
      try {
        const report = await retryRejects(pipeline, {
          signal: abort,
          stopSignal: stop,
          onStart: (live) => display.start(live),
        });
        display.end();
        if (json) cli.print(JSON.stringify(report));
        cli.say(retryText(report));
        if (report.status === 'stopped') cli.exitCode = exitCodes.interrupted;
        else if (report.left > 0) cli.exitCode = exitCodes.rejects;
      } finally {
        end();
        display.end();
      }
    });
}

/** A pipeline file names its reject file, which may not be there yet; anything else is one. */
async function rejectFileOf(cli: Cli, file: string): Promise<string> {
  if (!/\.ya?ml$/i.test(file)) {
    await stat(file).catch((cause: unknown) => {
      throw new EtlError('ETL_SOURCE_NOT_FOUND', 'there is no such reject file', { where: { file }, cause });
    });
    return file;
  }
  const { onReject } = (await load(cli, file)).plan;
  if (onReject !== 'stop') return onReject.to;
  throw new EtlError('ETL_USAGE', 'this pipeline keeps no rejected records (`onReject: stop`)', {
    where: { file },
    hint: 'set onReject: { to: FILE }',
  });
}

interface Reason {
  readonly stage: string;
  readonly code: string;
  readonly reason: string;
  readonly hint?: string;
  count: number;
}

async function countReasons(file: string): Promise<Reason[]> {
  const reasons = new Map<string, Reason>();
  for await (const { stage, code, reason, hint } of readRejects(file)) {
    const key = JSON.stringify([stage, code, reason]);
    const known = reasons.get(key);
    if (known === undefined) reasons.set(key, { stage, code, reason, ...(hint !== undefined && { hint }), count: 1 });
    else known.count += 1;
  }
  return [...reasons.values()].sort((left, right) => right.count - left.count);
}

function reasonsText(reasons: readonly Reason[]): string {
  if (reasons.length === 0) return 'no rejected records';
  const counts = reasons.map(({ count }) => formatCount(count));
  const width = Math.max(...counts.map((count) => count.length));
  const lines = reasons.flatMap(({ stage, code, reason, hint }, index) => [
    `${' '.repeat(width - (counts[index] ?? '').length)}${counts[index]}  ${padWidth(safe(stage), 12)}  ${code}  ${safe(reason)}`,
    ...(hint === undefined ? [] : [`${' '.repeat(width + 2)}${safe(hint)}`]),
  ]);
  const total = reasons.reduce((sum, { count }) => sum + count, 0);
  return [...lines, `${formatRecords(total)} in all`].join('\n');
}

function retryText({ status, retried, written, left, leftBySource }: RetryReport): string {
  const lines = [
    `${status}: ${formatRecords(retried)} tried again, ${formatCount(written)} written, ${formatCount(left)} left in the reject file`,
  ];
  if (leftBySource > 0) {
    const those = leftBySource === 1 ? '1 of them was' : `${formatCount(leftBySource)} of them were`;
    lines.push(`  ${those} rejected by the source: mend its input and run the pipeline anew`);
  }
  if (status === 'stopped') lines.push('  the same command goes on');
  return lines.join('\n');
}
