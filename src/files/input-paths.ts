import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';

import { glob, isDynamicPattern } from 'tinyglobby';

import { EtlError, systemCode } from '../errors.ts';
import { inputError } from './file-error.ts';

/** `-`: the standard input. */
export const standardInput = '-';

/**
 * The files that paths and glob patterns name: in the order given, those of one pattern sorted by name, none twice. A path
 * that exists is taken as it is, even when it looks like a pattern.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` for a missing file or a pattern that nothing matches; `ETL_SOURCE_INVALID` for
 *   a folder, or for `-` beside other paths.
 */
export async function inputPaths(given: string | readonly string[]): Promise<readonly string[]> {
  const wanted = typeof given === 'string' ? [given] : given;
  if (wanted.includes(standardInput)) {
    if (wanted.length === 1) return [standardInput];
    throw new EtlError('ETL_SOURCE_INVALID', '`-`, the standard input, cannot be read together with files');
  }
  const found = new Map<string, string>();
  for (const path of wanted) {
    for (const match of await matches(path)) {
      const key = resolve(match);
      if (!found.has(key)) found.set(key, match);
    }
  }
  return [...found.values()];
}

async function matches(path: string): Promise<readonly string[]> {
  const problem = await cannotRead(path);
  if (problem === undefined) return [path];
  if (problem.code !== 'ETL_SOURCE_NOT_FOUND' || !isDynamicPattern(path)) throw problem;
  const files = await glob([path], { dot: true, expandDirectories: false });
  if (files.length === 0)
    throw new EtlError('ETL_SOURCE_NOT_FOUND', `no file matches ${path}`, { where: { file: path } });
  // By code unit, not by the machine's language: a resumed run must find the same order anywhere.
  return files.sort((left, right) => (left < right ? -1 : 1));
}

async function cannotRead(path: string): Promise<EtlError | undefined> {
  try {
    const found = await stat(path);
    if (!found.isDirectory()) return undefined;
    return new EtlError('ETL_SOURCE_INVALID', `${path} is a directory`, {
      where: { file: path },
      hint: `Name a file, or several with a pattern such as ${path.replace(/\/+$/, '')}/*.`,
    });
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return inputError(error, path);
  }
}
