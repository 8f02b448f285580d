import type { Command } from 'commander';

import { librechatUsers } from '../jobs/librechat-users.ts';
import { createCommand } from './command.ts';
import { formatCount, padWidth } from './format.ts';
import { listenForInterrupts } from './interrupts.ts';
import { safe, type Cli } from './io.ts';
import { addLibrechatSource, librechatSourceOf, type SourceFlags } from './librechat-source.ts';

/** `etl librechat users` */
export function librechatUsersCommand(cli: Cli): Command {
  return addLibrechatSource(
    createCommand(cli, 'users', {
      summary: 'list the users, and how many conversations are theirs',
      examples: ['etl librechat users', 'etl librechat users --from ./dump/LibreChat --json'],
    }),
  )
    .option('--json', 'print each user as a line of JSON')
    .action(async ({ json = false, ...flags }: SourceFlags & { readonly json?: boolean }) => {
      const { abort, stop, end } = listenForInterrupts(cli, (text) => cli.say(text));
      let users = 0;
      let conversations = 0;
      try {
        await librechatUsers(
          await librechatSourceOf(cli, flags),
          (user) => {
            users += 1;
            conversations += user.conversations;
            const { email, name, lastSavedAt, id } = user;
            const who = email ?? '(no account)';
            cli.print(
              json
                ? JSON.stringify(user)
                : `${safe(padWidth(who, 36))} ${formatCount(user.conversations).padStart(9)}  ${(lastSavedAt ?? '-').slice(0, 10).padEnd(10)}  ${safe(id)}  ${safe(name ?? '')}`.trimEnd(),
            );
          },
          {
            signal: AbortSignal.any([abort, stop]),
            onWarning: (_, message) => cli.say(`${cli.colors.yellow('warning')} ${safe(message)}`),
          },
        );
      } finally {
        end();
      }
      if (!json) cli.say(`${formatCount(users)} users, ${formatCount(conversations)} conversations`);
    });
}
