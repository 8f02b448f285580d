import picocolors from 'picocolors';

import { environmentIn, type Environment } from '../config/environment.ts';
import { maskFor } from '../config/mask.ts';
import { printable } from './format.ts';

type Colors = ReturnType<typeof picocolors.createColors>;

/** A place to write text to: the part of `process.stdout` that the command uses. */
export interface TextOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** What the command has of the outside world; tests give their own. */
export interface Io {
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  readonly env: Environment;
  /** Where `.env` is looked for. */
  readonly cwd: string;
  /** Gives `SIGINT` and `SIGTERM`. */
  readonly signals: {
    on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
    off(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  };
}

/** What every command works with. */
export interface Cli extends Io {
  /** As it was called, after `etl`. */
  readonly argv: readonly string[];
  /** For text on the standard error, where people read. */
  readonly colors: Colors;
  /** Colours for text on the standard output. */
  readonly outColors: Colors;
  /** What the process ends with. */
  exitCode: number;
  /** A result, on the standard output: as it is, with a line break. */
  print(text: string): void;
  /** Everything else, on the standard error: without secrets and control characters. */
  say(text: string): void;
  /** From now on these values are hidden in all that is said. */
  hide(secrets: readonly string[]): void;
  /** Hides what is to be hidden. */
  mask(text: string): string;
  /** The process's variables and those of `.env`. */
  environment(): Promise<Environment>;
}

export function createCli(io: Io, argv: readonly string[]): Cli {
  const secrets: string[] = [];
  let mask = maskFor(secrets);
  return {
    ...io,
    argv,
    colors: picocolors.createColors(wantsColors(io.stderr, io.env)),
    outColors: picocolors.createColors(wantsColors(io.stdout, io.env)),
    exitCode: 0,
    print: (text) => void io.stdout.write(`${text}\n`),
    say: (text) => void io.stderr.write(`${mask(text)}\n`),
    hide(more) {
      secrets.push(...more);
      mask = maskFor(secrets);
    },
    mask: (text) => mask(text),
    environment: () => environmentIn(io.cwd, io.env),
  };
}

/** `FORCE_COLOR` is on, `NO_COLOR` and `TERM=dumb` are off; else a terminal has colours and a file has none. */
function wantsColors(output: TextOutput, { FORCE_COLOR: force, NO_COLOR: no, TERM: term }: Environment): boolean {
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false';
  if ((no !== undefined && no !== '') || term === 'dumb') return false;
  return output.isTTY === true;
}

/** Text that came from data, files or servers, safe to say: colours are added around it afterwards. */
export function safe(text: string): string {
  return printable(text);
}
