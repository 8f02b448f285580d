import type { Command } from 'commander';

import { onyxRuns, undoOnyx, type OnyxUndoReport } from '../jobs/onyx-undo.ts';
import { createCommand } from './command.ts';
import { formatCount } from './format.ts';
import { listenForInterrupts } from './interrupts.ts';
import { safe, type Cli } from './io.ts';
import { addDatabase, databaseOf, type DatabaseFlags } from './onyx-database.ts';
import { dryRunOption } from './onyx-dry-run.ts';

interface UndoFlags extends DatabaseFlags {
  readonly run?: string;
  readonly apply?: boolean;
  readonly changedToo?: boolean;
  readonly json?: boolean;
}

/** `etl onyx undo` */
export function onyxUndoCommand(cli: Cli): Command {
  const command = createCommand(cli, 'undo', {
    summary: 'take an import back',
    details:
      'Deletes the chats of one run with all that belongs to them; the same import then brings them in anew. Without --apply it says what ' +
      'would be done, without --run it lists the runs. Chats that somebody has gone on with stay',
    examples: ['etl onyx undo', 'etl onyx undo --run 0b5f9d1e-0d5e-4c0a-8a3f-6f6e79780001 --apply'],
  })
    .option('--run <id>', 'the run, as the list has it')
    .addOption(dryRunOption())
    .option('--apply', 'do it')
    .option('--changed-too', 'chats that somebody has gone on with, too')
    .option('--json', 'print the result as JSON');
  return addDatabase(command).action(async (flags: UndoFlags) => {
    const { connectionString, schema } = await databaseOf(cli, flags);
    if (flags.run === undefined) return listRuns(cli, connectionString, schema, flags.json === true);
    const { abort, stop, end } = listenForInterrupts(cli, (text) => cli.say(text));
    try {
      const report = await undoOnyx({
        connectionString,
        schema,
        run: flags.run,
        apply: flags.apply === true,
        changedToo: flags.changedToo === true,
        signal: AbortSignal.any([abort, stop]),
        onWarning: (message) => cli.say(`${cli.colors.yellow('warning')} ${safe(message)}`),
      });
      if (flags.json === true) cli.print(JSON.stringify(report));
      else sayReport(cli, report);
    } finally {
      end();
    }
    return undefined;
  });
}

async function listRuns(cli: Cli, connectionString: string, schema: string, json: boolean): Promise<void> {
  const runs = await onyxRuns(connectionString, schema);
  for (const run of runs) {
    const { run: id, pipeline, chats, to } = run;
    cli.print(
      json
        ? JSON.stringify(run)
        : safe(`${id}  ${formatCount(chats).padStart(9)} chats  ${to.slice(0, 19)}  ${pipeline}`),
    );
  }
  if (!json) cli.say(runs.length === 0 ? 'nothing was imported' : 'give --run ID to see what would be taken back');
}

function sayReport(cli: Cli, { applied, chats, messages, kept }: OnyxUndoReport): void {
  for (const id of kept) cli.print(`stays, somebody has gone on with it: ${id}`);
  const what = `${formatCount(chats)} chats, ${formatCount(messages)} messages`;
  const stay = kept.length === 0 ? '' : `; ${formatCount(kept.length)} chats stay (--changed-too takes them, too)`;
  cli.say(applied ? `taken back: ${what}${stay}` : `would be taken back: ${what}${stay}. Give --apply to do it`);
}
