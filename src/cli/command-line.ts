import type { Command } from 'commander';

import { createCommand } from './command.ts';
import { commands } from './commands.ts';
import { createCli, type Cli, type Io } from './io.ts';
import { printError } from './print-error.ts';
import { version } from './version.ts';

/**
 * Runs the command `etl` with these arguments and gives its exit code (see `exitCodes`). It never ends the process and never
 * throws.
 */
export async function commandLine(argv: readonly string[], io: Io): Promise<number> {
  const words = argv.filter((word) => word !== '--debug');
  const cli = createCli(io, words);
  try {
    const program = await programFor(words, cli);
    await program.parseAsync(words, { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    return printError(error, cli, words.length < argv.length);
  }
}

/** The program with the command that was called; the others only as their lines in the help. */
async function programFor(argv: readonly string[], cli: Cli): Promise<Command> {
  const program = createCommand(cli, 'etl', {
    summary: 'Moves AI-chat history between systems, and proves that nothing was lost',
    examples: ['etl init librechat-dump', 'etl check librechat-dump.yaml', 'etl run librechat-dump.yaml'],
  })
    .usage('COMMAND [options]')
    .version(version(), '-V, --version', 'show the version')
    .option('--debug', 'show where errors come from')
    .helpCommand('help COMMAND', 'show the help of a command');
  const called = argv.find((word) => !word.startsWith('-') && word !== 'help');
  for (const { name, summary, load } of commands) {
    const make = name === called ? await load() : undefined;
    program.addCommand(make?.(cli) ?? createCommand(cli, name, { summary }));
  }
  return program;
}
