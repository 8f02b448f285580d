import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

import { systemCode } from './errors.ts';

/**
 * Makes a folder and those above it that are missing. One that is there is fine.
 *
 * Node's own recursive `mkdir` tries for ever where a folder cannot be made and the system says that its parent is missing,
 * as it does below `/proc`.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' && dirname(path) !== path) {
      await makeFolder(dirname(path));
      await mkdir(path);
      return;
    }
    // Node gives EEXIST for a file too; only its recursive form tells the two apart, and here it has nothing to make.
    if (code === 'EEXIST') await mkdir(path, { recursive: true });
    else throw error;
  }
}
