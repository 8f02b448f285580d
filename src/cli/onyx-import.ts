import type { Command } from 'commander';

import { onyxImport } from '../jobs/onyx-import.ts';
import { createCommand, wholeNumber } from './command.ts';
import type { Cli } from './io.ts';
import { addDatabase, databaseOf, type DatabaseFlags } from './onyx-database.ts';
import { addRunOptions, runPlan, type RunFlags } from './run-plan.ts';

interface ImportFlags extends DatabaseFlags, RunFlags {
  readonly bundlePath: readonly string[];
  readonly userEmail?: readonly string[];
  readonly maxConversations?: number;
  readonly personaId: number;
}

/** `etl onyx import` */
export function onyxImportCommand(cli: Cli): Command {
  const command = createCommand(cli, 'import', {
    summary: 'bring the chats of bundles into Onyx',
    details:
      'Each conversation arrives whole and once. The same command goes on where it was stopped; what was imported before is left alone, ' +
      'whatever became of it in Onyx',
    examples: [
      'etl onyx import --bundle-path ./exports/librechat --dry-run',
      'etl onyx import --bundle-path ./exports/ana ./exports/ben',
    ],
  })
    .requiredOption('--bundle-path <folder...>', 'the bundles, or folders of users out of bundles')
    .option('--user-email <email...>', 'only chats of these users')
    .option('--max-conversations <n>', 'only the first so many', wholeNumber(1))
    .option('--persona-id <id>', 'the assistant that the chats belong to; 0 is the built-in one', wholeNumber(0), 0);
  return addRunOptions(addDatabase(command)).action(async (flags: ImportFlags) => {
    const database = await databaseOf(cli, flags);
    let worst = 0;
    for (const path of flags.bundlePath) {
      const plan = onyxImport(path, {
        source: flags.userEmail === undefined ? {} : { userEmail: [...flags.userEmail] },
        sink: { ...database, persona: flags.personaId },
        maxConversations: flags.maxConversations,
      });
      await runPlan(cli, plan, flags);
      worst = Math.max(worst, cli.exitCode);
    }
    cli.exitCode = worst;
  });
}
