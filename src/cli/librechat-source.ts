import { type Command, InvalidArgumentError } from 'commander';

import { EtlError } from '../errors.ts';
import type { LibrechatExportOptions } from '../jobs/librechat-export.ts';
import type { Cli } from './io.ts';

/** Which LibreChat is meant, as {@link addLibrechatSource} declares it. */
export interface SourceFlags {
  readonly uri?: string;
  readonly from?: readonly string[];
  readonly database?: string;
}

/** Gives a command the options that name a LibreChat. */
export function addLibrechatSource(command: Command): Command {
  return command
    .option('--uri <uri>', 'the live database: mongodb://…/LibreChat (LIBRECHAT_MONGODB)')
    .option('--from <path...>', 'a mongodump folder, or mongoexport files')
    .option('--database <name>', 'the database, when the URI does not name it');
}

/** The LibreChat that flags or the environment name. */
export async function librechatSourceOf(
  cli: Cli,
  { uri, from, database }: SourceFlags,
): Promise<LibrechatExportOptions['source']> {
  if (uri !== undefined && from !== undefined) throw new EtlError('ETL_USAGE', '--uri and --from do not go together');
  if (from !== undefined) return { from: from.length === 1 ? (from[0] ?? '') : [...from] };
  const address = uri ?? (await cli.environment())['LIBRECHAT_MONGODB'];
  if (address === undefined || address === '')
    throw new EtlError('ETL_USAGE', 'no LibreChat is named', {
      hint: 'set LIBRECHAT_MONGODB (in the environment or .env), or give --uri mongodb://… or --from ./dump/LibreChat',
    });
  cli.hide([address]);
  return { uri: address, ...(database !== undefined && { database }) };
}

/** The name of a file or a folder, for options such as `--output-dir`. */
export function pathName(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must be a path.');
  return text;
}
