import type { Command } from 'commander';

import { createCommand } from './command.ts';
import type { Cli } from './io.ts';
import { onyxCreateUsersCommand } from './onyx-create-users.ts';
import { onyxImportCommand } from './onyx-import.ts';
import { onyxRepairCommand } from './onyx-repair.ts';
import { onyxUndoCommand } from './onyx-undo.ts';
import { onyxVerifyCommand } from './onyx-verify.ts';

/** `etl onyx …`: pipelines and jobs that are filled in from flags and the environment. */
export function onyxCommand(cli: Cli): Command {
  const group = createCommand(cli, 'onyx', {
    summary: 'accounts and chats of bundles into Onyx; verify, repair, undo',
    details:
      "Onyx's database is named by ONYX_DATABASE_URL, or by --db-host, --db-port, --db-user, --db-password and --db-name; its API by " +
      'ONYX_API_BASE and ONYX_API_KEY. The variables may stand in .env',
    examples: [
      'etl onyx create-users --bundle-path ./exports/librechat',
      'etl onyx import --bundle-path ./exports/librechat',
    ],
  });
  group.addCommand(onyxCreateUsersCommand(cli));
  group.addCommand(onyxImportCommand(cli));
  group.addCommand(onyxVerifyCommand(cli));
  group.addCommand(onyxRepairCommand(cli));
  group.addCommand(onyxUndoCommand(cli));
  return group;
}
