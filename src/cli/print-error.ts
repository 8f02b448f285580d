import { CommanderError } from 'commander';
import type { ZodError } from 'zod';

import { describeCause, describePlace, EtlError } from '../errors.ts';
import { exitCodeOfError, exitCodes } from './exit-codes.ts';
import { safe, type Cli } from './io.ts';

/**
 * Says what went wrong, and gives the exit code. The stack is shown only when asked for (`debug`). `called`: the command whose help
 * tells how it is called.
 */
export function printError(
  error: unknown,
  cli: Cli,
  { debug, called }: { readonly debug: boolean; readonly called: string },
): number {
  if (error instanceof CommanderError) return usageError(error, cli, called);
  if (error instanceof EtlError) {
    const all = problemsOf(error);
    for (const problem of all) cli.say(errorText(problem, cli));
    if (all.length > 1) cli.say(`${all.length} problems`);
    if (debug) cli.say(safe(stackOf(error)));
    return exitCodeOfError(error.code);
  }
  if (isZodError(error)) return optionsError(error, cli, called);
  cli.say(`${cli.colors.red('unexpected error')}: ${safe(describeCause(error))}`);
  cli.say(debug ? safe(stackOf(error)) : '  this is a mistake in the program; --debug shows where');
  return exitCodes.failed;
}

/** Code and what, where, cause, what to do: coloured. */
export function errorText(error: EtlError, { colors }: Pick<Cli, 'colors'>): string {
  const lines = [`${colors.red(colors.bold(error.code))}: ${safe(error.message)}`];
  const place = describePlace(error.where);
  if (place !== '') lines.push(`  at ${colors.cyan(safe(place))}`);
  const cause = error.cause instanceof AggregateError ? '' : describeCause(error.cause);
  if (cause !== '' && !error.message.includes(cause)) lines.push(`  cause: ${safe(cause)}`);
  if (error.hint !== '') lines.push(`  ${colors.green(safe(error.hint))}`);
  return lines.join('\n');
}

/** The error itself, or the several problems it stands for. */
function problemsOf(error: EtlError): readonly EtlError[] {
  if (!(error.cause instanceof AggregateError)) return [error];
  const problems = error.cause.errors.filter((problem) => problem instanceof EtlError);
  return problems.length === 0 ? [error] : problems;
}

function usageError(error: CommanderError, cli: Cli, called: string): number {
  // Help and the version were asked for and are printed already.
  if (error.exitCode === 0) return exitCodes.done;
  if (error.code === 'commander.help') return exitCodes.usage;
  const [what = '', hint] = error.message.replace(/^error: /, '').split('\n');
  const todo = hint?.replace(/[()]/g, '') ?? `See \`${called} --help\`.`;
  cli.say(errorText(new EtlError('ETL_USAGE', what, { hint: todo }), cli));
  return exitCodes.usage;
}

/** What a command put into an option of a component that does not take it. */
function optionsError({ issues }: ZodError, cli: Cli, called: string): number {
  for (const { path, message } of issues) {
    const [name, ...inner] = path;
    const what = inner.length === 0 ? `"${String(name)}"` : `"${String(name)}" (${inner.join('.')})`;
    const expected = message.startsWith('expected') ? ` ${message}` : `: ${message}`;
    cli.say(errorText(new EtlError('ETL_USAGE', `${what}${expected}`, { hint: `See \`${called} --help\`.` }), cli));
  }
  return exitCodes.usage;
}

/** By its name: commands that need no options of components start without zod. */
function isZodError(error: unknown): error is ZodError {
  return error instanceof Error && error.name === 'ZodError' && 'issues' in error;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? String(error);
  return error.cause === undefined ? stack : `${stack}\ncaused by: ${stackOf(error.cause)}`;
}
