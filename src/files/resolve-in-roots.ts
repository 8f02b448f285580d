import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, resolve, sep } from 'node:path';

import { systemCode } from '../errors.ts';

/** Where a file is, or why it is not taken. */
export type Resolved =
  | { readonly path: string; readonly root: string }
  | { readonly problem: 'missing' | 'refused' | 'unreadable' | 'notAFile' };

/**
 * Looks for a relative path below several folders and gives the real path of the first regular file there.
 *
 * Nothing outside the folders is ever given: `..`, absolute paths, NUL, and links that lead out are `refused`.
 */
export async function resolveInRoots(roots: readonly string[], path: string): Promise<Resolved> {
  if (
    path === '' ||
    path.includes('\0') ||
    isAbsolute(path) ||
    /^[A-Za-z]:/.test(path) ||
    /(?:^|[/\\])\.\.(?:[/\\]|$)/.test(path)
  ) {
    return { problem: 'refused' };
  }
  let problem: 'missing' | 'refused' | 'unreadable' | 'notAFile' = 'missing';
  for (const root of roots) {
    const found = await resolveInRoot(root, path);
    if ('path' in found) return found;
    if (found.problem !== 'missing') problem = found.problem;
  }
  return { problem };
}

async function resolveInRoot(root: string, path: string): Promise<Resolved> {
  try {
    const realRoot = await realpath(root);
    const real = await realpath(resolve(realRoot, path));
    if (!real.startsWith(realRoot.endsWith(sep) ? realRoot : realRoot + sep)) return { problem: 'refused' };
    return (await stat(real)).isFile() ? { path: real, root } : { problem: 'notAFile' };
  } catch (error) {
    switch (systemCode(error)) {
      case 'ENOENT':
      case 'ENOTDIR':
      case 'ENAMETOOLONG':
        return { problem: 'missing' };
      case 'ELOOP':
        return { problem: 'refused' };
      default:
        return { problem: 'unreadable' };
    }
  }
}
