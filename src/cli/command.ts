import { Command, InvalidArgumentError } from 'commander';

import type { Cli } from './io.ts';

/** What makes a command for the program: a file in this folder exports one. */
export type CommandMaker = (cli: Cli) => Command;

interface CommandText {
  readonly summary: string;
  /** More than the summary, where it is needed. */
  readonly details?: string | undefined;
  /** Shown before everything else in the help. */
  readonly examples?: readonly string[] | undefined;
}

/** A command with this program's manners: nothing ends the process, help begins with examples. */
export function createCommand(cli: Cli, name: string, { summary, details, examples = [] }: CommandText): Command {
  const command = new Command(name)
    .summary(summary)
    .description(details === undefined ? summary : `${summary}. ${details}`)
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .showSuggestionAfterError()
    .exitOverride()
    .configureHelp({ sortSubcommands: false, helpWidth: 110 })
    .configureOutput({
      writeOut: (text) => cli.stdout.write(text),
      writeErr: (text) => cli.stderr.write(text),
      // What is wrong is said once, in the same form as all other errors.
      outputError: () => undefined,
    });
  if (examples.length > 0)
    command.addHelpText('before', `Examples:\n${examples.map((example) => `  ${example}\n`).join('')}`);
  return command;
}

/** A whole number of at least `least`, for options such as `--limit`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least}.`);
  };
}
