import { opendir } from 'node:fs/promises';

import { systemCode } from '../errors.ts';

/** Nothing is at `path`, or a folder with nothing in it. What cannot be looked at counts as there. */
export async function isGone(path: string): Promise<boolean> {
  try {
    const folder = await opendir(path);
    try {
      return (await folder.read()) === null;
    } finally {
      await folder.close();
    }
  } catch (error) {
    return systemCode(error) === 'ENOENT';
  }
}
