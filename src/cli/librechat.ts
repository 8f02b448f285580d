import type { Command } from 'commander';

import { createCommand } from './command.ts';
import type { Cli } from './io.ts';
import { librechatExportCommand } from './librechat-export.ts';
import { librechatUsersCommand } from './librechat-users.ts';
import { librechatVerifyCommand } from './librechat-verify.ts';

/** `etl librechat users | export | verify`: pipelines that are filled in from flags and the environment. */
export function librechatCommand(cli: Cli): Command {
  const group = createCommand(cli, 'librechat', {
    summary: 'list users of a LibreChat, export its chats, verify exports',
    details:
      'The database is named by --uri or LIBRECHAT_MONGODB, or a dump by --from; folders of uploads by --asset-root or ' +
      'LIBRECHAT_ASSET_ROOTS, separated by colons. Both variables may stand in .env',
    examples: ['etl librechat users', 'etl librechat export --all-users --copy-files', 'etl librechat verify'],
  });
  group.addCommand(librechatUsersCommand(cli));
  group.addCommand(librechatExportCommand(cli));
  group.addCommand(librechatVerifyCommand(cli));
  return group;
}
