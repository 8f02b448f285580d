import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

import { EtlError, systemCode } from '../errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The variables a pipeline file may use: those of the process, and below them those of the `.env` file in `directory`.
 *
 * @throws {EtlError} `ETL_CONFIG_NOT_FOUND` when there is a `.env` that cannot be read.
 */
export async function environmentIn(directory: string, own: Environment): Promise<Environment> {
  const file = join(directory, '.env');
  try {
    return { ...parseEnv(await readFile(file, 'utf8')), ...own };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return own;
    throw new EtlError('ETL_CONFIG_NOT_FOUND', 'cannot read the environment file', { where: { file }, cause: error });
  }
}
