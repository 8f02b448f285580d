import type { Command } from 'commander';

import { closest } from '../closest.ts';
import { EtlError } from '../errors.ts';
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
  const words = argv.filter((word) => word !== '--debug' && word !== '--no-color');
  const hasColors = !argv.includes('--no-color');
  const cli = createCli(hasColors ? io : { ...io, env: { ...io.env, NO_COLOR: '1', FORCE_COLOR: '' } }, words);
  let program: Command | undefined;
  try {
    refuseHelpOfNothing(words);
    program = await programFor(words, cli);
    await program.parseAsync(words, { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    return printError(error, cli, { debug: argv.includes('--debug'), called: calledName(program, words) });
  }
}

/** The command that was called, as far as there is one: `etl`, `etl run`, `etl rejects ls`. */
function calledName(program: Command | undefined, words: readonly string[]): string {
  const names = ['etl'];
  let command = program;
  for (const word of words) {
    command = command?.commands.find((one) => one.name() === word);
    if (command === undefined) break;
    names.push(word);
  }
  return names.join(' ');
}

/** Of a command that is not there, commander would show the help of all. */
function refuseHelpOfNothing([first, name]: readonly string[]): void {
  const known = commands.map((command) => command.name);
  if (first !== 'help' || name === undefined || name.startsWith('-') || known.includes(name)) return;
  const near = closest(name, known);
  throw new EtlError('ETL_USAGE', `unknown command '${name}'`, {
    hint: near === undefined ? `there are: ${known.join(', ')}` : `Did you mean ${near}?`,
  });
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
    .option('--no-color', 'no colours')
    .helpCommand('help COMMAND', 'show the help of a command');
  const called = argv.find((word) => !word.startsWith('-') && word !== 'help');
  for (const { name, summary, load } of commands) {
    const make = name === called ? await load() : undefined;
    program.addCommand(make?.(cli) ?? createCommand(cli, name, { summary }));
  }
  return program;
}
