import { stat } from 'node:fs/promises';

import type { Estimate } from '../stage.ts';
import { InputFile } from './input-file.ts';
import { inputPaths, standardInput } from './input-paths.ts';

/** How much there is to read, from the files' sizes. Nothing is known of pipes, and of compressed files only how they lie there. */
export async function inputEstimate(given: string | readonly string[]): Promise<Estimate> {
  const paths = await inputPaths(given);
  if (paths[0] === standardInput) return { plan: 'the standard input, as it comes' };
  let bytes = 0;
  let compressed = 0;
  let pipes = 0;
  for (const path of paths) {
    if (await isPipe(path)) {
      pipes += 1;
      continue;
    }
    const input = await InputFile.open(path);
    try {
      bytes += input.size ?? 0;
      if (await input.isCompressed()) compressed += 1;
    } finally {
      await input.close();
    }
  }
  const files = paths.length === 1 ? (paths[0] ?? '') : `${paths.length} files in order, from ${paths[0]}`;
  const notes = [`${bytes} bytes`];
  if (compressed > 0) notes.push(`${compressed} compressed`);
  if (pipes > 0) notes.push(pipes === 1 ? '1 pipe' : `${pipes} pipes`);
  const plan = `${files} (${notes.join(', ')})`;
  return compressed + pipes > 0 ? { plan } : { bytes, plan, isQuick: true };
}

/** Opens each input: for `check`. */
export async function checkInputs(given: string | readonly string[]): Promise<string> {
  const { plan } = await inputEstimate(given);
  return `can read ${plan}`;
}

/** A named pipe that is opened and closed again has lost its writer before the run comes to it: it is left alone. */
async function isPipe(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFIFO() === true;
}
