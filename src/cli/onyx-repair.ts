import type { Command } from 'commander';

import { EtlError } from '../errors.ts';
import { repairOnyx, type OnyxRepairKind } from '../jobs/onyx-repair.ts';
import { createCommand, wholeNumber } from './command.ts';
import { formatCount } from './format.ts';
import { listenForInterrupts } from './interrupts.ts';
import { safe, type Cli } from './io.ts';
import { addDatabase, databaseOf, type DatabaseFlags } from './onyx-database.ts';
import { dryRunOption } from './onyx-dry-run.ts';

interface RepairFlags extends DatabaseFlags {
  readonly chatSessionId?: readonly string[];
  readonly userEmail?: string;
  readonly allSessions?: boolean;
  readonly apply?: boolean;
  readonly max: number;
  readonly json?: boolean;
}

const kinds: Readonly<Record<OnyxRepairKind, { readonly summary: string; readonly details: string }>> = {
  'latest-child': {
    summary: 'have each message show one of its children',
    details:
      'A chat whose messages name no child opens empty. Where the named one is right it stays, else the newest is taken',
  },
  citations: {
    summary: 'have citations name documents that are there',
    details:
      'Citations in a form that Onyx cannot read keep a chat from opening. Missing links are made, dead ones go, and marks in the text get theirs',
  },
  'message-text': {
    summary: 'take marks and JSON out of texts',
    details: 'Marks of citations that nothing shows, and content parts that were written as JSON, become plain text',
  },
};

/** `etl onyx repair latest-child | citations | message-text` */
export function onyxRepairCommand(cli: Cli): Command {
  const group = createCommand(cli, 'repair', {
    summary: 'mend chats that Onyx shows wrongly, whoever brought them in',
    details:
      'Says what it would change; --apply changes it. Only what is broken is touched, and what was there before is kept in etl.onyx_repair',
    examples: [
      'etl onyx repair latest-child --all-sessions',
      'etl onyx repair citations --user-email ana@example.org --apply',
    ],
  });
  for (const [kind, text] of Object.entries(kinds)) group.addCommand(kindCommand(cli, kind as OnyxRepairKind, text));
  return group;
}

function kindCommand(cli: Cli, kind: OnyxRepairKind, { summary, details }: (typeof kinds)[OnyxRepairKind]): Command {
  const command = createCommand(cli, kind, {
    summary,
    details,
    examples: [
      `etl onyx repair ${kind} --all-sessions`,
      `etl onyx repair ${kind} --user-email ana@example.org --apply`,
    ],
  })
    .option('--chat-session-id <id...>', 'these chats')
    .option('--user-email <email>', 'all chats of this user')
    .option('--all-sessions', "everybody's chats")
    .addOption(dryRunOption())
    .option('--apply', 'change what is wrong; without it, it is only named')
    .option('--max <n>', 'messages to list', wholeNumber(0), 20)
    .option('--json', 'print each message as a line of JSON, and the result as the last');
  return addDatabase(command).action((flags: RepairFlags) => repair(cli, kind, flags));
}

async function repair(cli: Cli, kind: OnyxRepairKind, flags: RepairFlags): Promise<void> {
  const { chatSessionId, userEmail, allSessions = false, apply = false, max, json = false } = flags;
  const given = [chatSessionId !== undefined, userEmail !== undefined, allSessions].filter(Boolean).length;
  if (given !== 1)
    throw new EtlError('ETL_USAGE', given === 0 ? 'no chats are named' : 'expected one way to name chats', {
      hint: 'give --chat-session-id ID, --user-email ana@example.org, or --all-sessions',
    });
  const wrong = chatSessionId?.find((id) => !/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(id));
  if (wrong !== undefined)
    throw new EtlError('ETL_USAGE', `expected the id of a chat, a UUID, received ${JSON.stringify(wrong)}`);
  const { connectionString, schema } = await databaseOf(cli, flags);
  const { abort, stop, end } = listenForInterrupts(cli, (text) => cli.say(text));
  let listed = 0;
  const list = (text: string, value: object): void => {
    listed += 1;
    if (json) cli.print(JSON.stringify(value));
    else if (listed <= max) cli.print(safe(text));
  };
  try {
    const report = await repairOnyx({
      connectionString,
      schema,
      kind,
      ...(chatSessionId !== undefined && { sessions: [...chatSessionId] }),
      ...(userEmail !== undefined && { userEmail }),
      apply,
      signal: AbortSignal.any([abort, stop]),
      onRepair: ({ row: { id, session }, why }) =>
        list(`chat ${session} message ${id}: ${why}`, { chat: session, message: id, why }),
      onProblem: ({ session, why }) =>
        list(`chat ${session}: ${why} (cannot be mended row by row; import it anew)`, { chat: session, problem: why }),
    });
    if (json) return cli.print(JSON.stringify(report));
    if (listed > max) cli.print(`… and ${formatCount(listed - max)} more`);
    const { chats, messages, repaired, problems } = report;
    const looked = `${formatCount(messages)} messages of ${formatCount(chats)} chats`;
    const more = problems === 0 ? '' : `; ${formatCount(problems)} problems that it cannot mend`;
    const done = `${formatCount(repaired)} ${apply ? 'repaired' : 'would be repaired'}`;
    const hint = apply || repaired === 0 ? '' : '. Give --apply to do it';
    cli.say(`${looked}: ${done}${more}${hint}`);
  } finally {
    end();
  }
}
