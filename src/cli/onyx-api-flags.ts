import type { Command } from 'commander';

import { EtlError } from '../errors.ts';
import type { Cli } from './io.ts';

/** The options that name Onyx's API, as {@link addApi} declares them. */
export interface ApiFlags {
  readonly apiBase?: string;
}

/** Gives a command the option that names Onyx's API. */
export function addApi(command: Command): Command {
  return command.option('--api-base <url>', 'where Onyx is, instead of what ONYX_API_BASE says');
}

/**
 * The API that the flag or the environment names, with the key of `ONYX_API_KEY`; nothing when nothing names one.
 *
 * @throws {EtlError} `ETL_USAGE` when there is an address and no key.
 */
export async function findApi(
  cli: Cli,
  { apiBase }: ApiFlags,
): Promise<{ readonly apiBase: string; readonly apiKey: string } | undefined> {
  const environment = await cli.environment();
  const base = apiBase ?? environment['ONYX_API_BASE'] ?? '';
  const apiKey = environment['ONYX_API_KEY'] ?? '';
  if (apiKey !== '') cli.hide([apiKey]);
  if (base === '') return undefined;
  if (apiKey === '') {
    throw new EtlError('ETL_USAGE', `there is no key for the API of ${base}`, {
      hint: 'set ONYX_API_KEY (in the environment or .env): an administrator makes one under Admin, API Keys',
    });
  }
  return { apiBase: base, apiKey };
}
