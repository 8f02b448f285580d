import { closeSync, fstatSync, realpath } from 'node:fs';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { promisify } from 'node:util';

import { systemCode } from '../errors.ts';
import { LruCache } from '../lru-cache.ts';
import { openWithoutLinks } from './hash-file.ts';

const realPath = promisify(realpath.native);
const foldersKept = 10_000;

/** Why a file is not taken: `refused` is a path that leads out of the folders, or is none. */
export type FileProblem = 'missing' | 'refused' | 'unreadable' | 'notAFile';

/** Where a file is, or why it is not taken. */
export type Resolved = { readonly path: string; readonly root: string } | { readonly problem: FileProblem };

/** An open file: whoever gets it closes it. */
export type OpenedFile =
  | { readonly path: string; readonly root: string; readonly descriptor: number }
  | { readonly problem: FileProblem };

/**
 * Looks for a relative path below several folders and gives the real path of the first regular file there.
 *
 * Nothing outside the folders is ever given: `..`, absolute paths, NUL, and links that lead out are `refused`.
 */
export async function resolveInRoots(roots: readonly string[], path: string): Promise<Resolved> {
  const opened = await new RootedFiles(roots).open(path);
  if ('problem' in opened) return opened;
  closeSync(opened.descriptor);
  return { path: opened.path, root: opened.root };
}

/**
 * Files below several folders, and nothing else.
 *
 * What is opened is what was checked: a path is made real first (its folder's is remembered), it must lie below a folder's
 * real path, and it is then opened without following a link. Names are taken as they stand: nothing is percent-decoded.
 */
export class RootedFiles {
  readonly #roots: readonly string[];
  readonly #folders = new LruCache<string, string>(foldersKept);

  constructor(roots: readonly string[]) {
    this.#roots = roots;
  }

  /** Opens the first regular file of that relative path. */
  async open(path: string): Promise<OpenedFile> {
    if (!isInside(path)) return { problem: 'refused' };
    let problem: FileProblem = 'missing';
    for (const root of this.#roots) {
      const opened = await this.#openIn(root, path);
      if (!('problem' in opened)) return opened;
      // "missing" says least: what is wrong with a path that does exist comes first.
      if (opened.problem !== 'missing') problem = opened.problem;
    }
    return { problem };
  }

  async #openIn(root: string, path: string): Promise<OpenedFile> {
    try {
      const realRoot = await this.#realFolder(root);
      const folder = await this.#realFolder(dirname(join(realRoot, path)));
      const direct = join(folder, basename(path));
      if (!isBelow(direct, realRoot)) return { problem: 'refused' };
      return await openRegular(direct, root).catch(async (error: unknown) => {
        if (systemCode(error) !== 'ELOOP') throw error;
        const target = await realPath(direct);
        return isBelow(target, realRoot) ? openRegular(target, root) : { problem: 'refused' };
      });
    } catch (error) {
      const problem = problems.get(systemCode(error) ?? '');
      if (problem === undefined) throw error;
      return { problem };
    }
  }

  async #realFolder(folder: string): Promise<string> {
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    const real = await realPath(folder);
    this.#folders.set(folder, real);
    return real;
  }
}

/** Troubles with one file. Others, such as too many open files, are the run's. */
const problems: ReadonlyMap<string, FileProblem> = new Map([
  ['ENOENT', 'missing'],
  ['ENOTDIR', 'missing'],
  ['ENAMETOOLONG', 'missing'],
  // A ring of links, or a link put in the place of a file just now.
  ['ELOOP', 'refused'],
  ['EACCES', 'unreadable'],
  ['EPERM', 'unreadable'],
  ['EIO', 'unreadable'],
  // A file of a network drive that is another there by now.
  ['ESTALE', 'unreadable'],
  ['EISDIR', 'notAFile'],
  // A socket, a device without driver.
  ['ENXIO', 'notAFile'],
]);

async function openRegular(path: string, root: string): Promise<OpenedFile> {
  const descriptor = await openWithoutLinks(path);
  if (fstatSync(descriptor).isFile()) return { path, root, descriptor };
  closeSync(descriptor);
  return { problem: 'notAFile' };
}

/** A relative path that does not lead out of where it begins, on any system. */
function isInside(path: string): boolean {
  if (path === '' || path.includes('\0') || isAbsolute(path) || /^([A-Za-z]:|[/\\])/.test(path)) return false;
  return !path.split(/[/\\]/).includes('..');
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
