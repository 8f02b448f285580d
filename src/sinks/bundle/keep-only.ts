import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { systemCode } from '../../errors.ts';

/** Removes everything in a folder but these. */
export async function keepOnly(folder: string, names: ReadonlySet<string>): Promise<void> {
  for (const name of await entriesOf(folder)) {
    if (!names.has(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** What is in a folder; nothing when there is no folder. */
export async function entriesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
