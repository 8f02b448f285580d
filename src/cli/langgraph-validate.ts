import { open } from 'node:fs/promises';

import type { Command } from 'commander';

import { threadSource, placeName, type ThreadPlace } from '../jobs/langgraph-export.ts';
import type { SideSource } from '../jobs/langgraph-read-side.ts';
import { validateThreads, type ThreadDifference, type ThreadValidation } from '../jobs/langgraph-validate.ts';
import { createCommand, wholeNumber } from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { formatCount } from './format.ts';
import { safe, type Cli } from './io.ts';
import {
  addServer,
  addSharedKey,
  addThreadScope,
  fileScope,
  serverOf,
  threadScope,
  type ServerFlags,
  type ThreadScopeFlags,
} from './langgraph-flags.ts';
import { stoppable } from './stoppable.ts';

interface ValidateFlags extends ThreadScopeFlags {
  readonly backupFile?: string;
  readonly targetFile?: string;
  readonly exact?: boolean;
  readonly max: number;
  readonly report?: string;
  readonly json?: boolean;
}

/** `etl langgraph validate` */
export function langgraphValidateCommand(cli: Cli): Command {
  const command = createCommand(cli, 'validate', {
    summary: 'compare the threads of two servers, or of a server and a backup, by content',
    details:
      'Which threads there are, then every history by digest, then the metadata; what differs is named, checkpoint by checkpoint. ' +
      'Ends with 4 when something differs',
    examples: [
      'etl langgraph validate --source-url https://old.example.org --target-url https://new.example.org',
      'etl langgraph validate --backup-file ./exports/threads --target-url http://localhost:2024 --exact',
    ],
  });
  return addThreadScope(addServer(addServer(addSharedKey(command), 'source'), 'target'))
    .option('--backup-file <path>', 'take a bundle or a threads_backup.json for the source')
    .option('--target-file <path>', 'take one for the target')
    .option('--exact', 'ids, times, steps, metadata and tasks of checkpoints, and the rows of threads too')
    .option('--max <n>', 'differences to list', wholeNumber(0), 20)
    .option('--report <file>', 'write every difference as a line of JSON')
    .option('--json', 'print the result as JSON')
    .action(async (flags: ValidateFlags & ServerFlags) => {
      const source = await sideOf(cli, 'source', flags.backupFile, flags);
      const target = await sideOf(cli, 'target', flags.targetFile, flags);
      const report = await validated(cli, source, target, flags);
      if (flags.json === true) cli.print(cli.mask(JSON.stringify(report)));
      else say(cli, report, placeName(source), placeName(target));
      if (!report.ok) cli.exitCode = exitCodes.differs;
    });
}

async function sideOf(
  cli: Cli,
  end: 'source' | 'target',
  path: string | undefined,
  flags: ValidateFlags & ServerFlags,
): Promise<ThreadPlace> {
  if (path !== undefined) return { path, scope: fileScope(flags) };
  return { ...(await serverOf(cli, end, flags)), ...threadScope(flags) };
}

function validated(
  cli: Cli,
  source: ThreadPlace,
  target: ThreadPlace,
  { exact, max, report }: ValidateFlags,
): Promise<ThreadValidation> {
  return stoppable(cli, 'the comparison', async ({ stop, abort }) => {
    const lines = report === undefined ? undefined : await open(report, 'w');
    const pending: string[] = [];
    const told = new Set<string>();
    try {
      const found = await validateThreads(sourceOf(source), sourceOf(target), {
        level: exact === true ? 'exact' : 'content',
        maxDifferences: max,
        signal: AbortSignal.any([stop, abort]),
        onWarning(_, message) {
          // A side is read once more where it differs.
          if (!told.has(message)) cli.say(`${cli.colors.yellow('warning')} ${safe(cli.mask(message))}`);
          told.add(message);
        },
        onDifference: (difference) => {
          if (lines !== undefined) pending.push(`${JSON.stringify(difference)}\n`);
        },
        onHidden: (hidden) => {
          if (lines !== undefined) pending.push(`${JSON.stringify(hidden)}\n`);
        },
      });
      await lines?.appendFile(pending.join(''));
      return found;
    } finally {
      await lines?.close();
    }
  });
}

/** A side as often as it is needed; of single threads, a server is asked for these only. */
function sourceOf(place: ThreadPlace): SideSource {
  return (ids) => {
    if (ids === undefined) return threadSource(place);
    if ('path' in place) return threadSource({ ...place, scope: { ...place.scope, ids } });
    return threadSource({ ...place, ids: [...ids] });
  };
}

function say(cli: Cli, validation: ThreadValidation, from: string, to: string): void {
  const { ok, source, target, differences, hidden } = validation;
  for (const { kind, thread_id, detail } of hidden.first)
    cli.print(cli.mask(`${kind}: thread ${safe(thread_id)}: ${detail}`));
  for (const difference of differences.first) cli.print(cli.mask(differenceText(difference)));
  if (differences.total > differences.first.length)
    cli.print(`… and ${formatCount(differences.total - differences.first.length)} more`);
  const looked = `${counted(source.threads, 'thread')} with ${counted(source.checkpoints, 'checkpoint')} in ${safe(from)}, ${formatCount(target.threads)} with ${formatCount(target.checkpoints)} in ${safe(to)}`;
  if (ok) {
    cli.say(`${cli.colors.green('ok')}: equal in ${comparedText(validation)} (${looked})`);
    return;
  }
  const kinds = Object.entries(differences.byKind).map(([kind, count]) => `${count} ${kind}`);
  cli.say(`${cli.colors.red(counted(differences.total, 'difference'))} (${kinds.join(', ')}): ${looked}`);
}

function counted(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`;
}

/** What was compared: everything but what cannot be. */
function comparedText({ level, madeAnew, hidden }: ThreadValidation): string {
  if (level === 'content') return 'content';
  const but = [
    ...(madeAnew > 0
      ? [`the rows of ${formatCount(madeAnew)} ${madeAnew === 1 ? 'thread that was' : 'threads that were'} made anew`]
      : []),
    ...(hidden.results > 0
      ? [`${formatCount(hidden.results)} ${hidden.results === 1 ? 'result' : 'results'} of tasks that JavaScript hides`]
      : []),
  ];
  return but.length === 0 ? 'everything' : `everything but ${but.join(' and ')}`;
}

function differenceText({ kind, thread_id, detail, fidelity }: ThreadDifference): string {
  const checkpoints = (fidelity?.differences ?? []).map(({ kind: what, ns, id, step, detail: how }) =>
    safe(
      `  ${what}: checkpoint ${id}${ns === '' ? '' : ` in ${ns}`}, step ${step ?? '?'}${how === undefined ? '' : `: ${how}`}`,
    ),
  );
  return [`${kind}: thread ${safe(thread_id)}: ${safe(detail)}`, ...checkpoints].join('\n');
}
