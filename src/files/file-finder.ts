import { closeSync } from 'node:fs';
import { basename, isAbsolute, relative, resolve } from 'node:path';

import pLimit from 'p-limit';

import { EtlError, systemCode } from '../errors.ts';
import { LruCache } from '../lru-cache.ts';
import type { ContentStore } from './content-store.ts';
import { inputError } from './file-error.ts';
import { hashDescriptor } from './hash-file.ts';
import { RootedFiles, type FileProblem } from './resolve-in-roots.ts';

/** What was found where a file should be. `path` is below one of the roots, or, with `copyTo`, below that. */
export type StoredFile =
  | { readonly sha256: string; readonly bytes: number; readonly path: string }
  | { readonly unavailable: FileProblem };

const remembered = 10_000;

/** Looks for files, several at a time, each once. */
export class FileFinder {
  readonly #roots: readonly string[];
  readonly #files: RootedFiles;
  readonly #store: ContentStore | undefined;
  readonly #limit: ReturnType<typeof pLimit>;
  readonly #known = new LruCache<string, Promise<StoredFile>>(remembered);

  constructor(roots: readonly string[], store: ContentStore | undefined, concurrency: number) {
    this.#roots = roots.map((root) => resolve(root));
    this.#files = new RootedFiles(this.#roots);
    this.#store = store;
    this.#limit = pLimit(concurrency);
  }

  /** The first of these paths that is there. */
  find(paths: readonly string[], signal: AbortSignal): Promise<StoredFile> {
    const key = paths.join('\0');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const finding = this.#limit(() => this.#look(paths, signal));
    this.#known.set(key, finding);
    // A failure is told to whoever asked, and not kept.
    finding.catch(() => this.#known.delete(key));
    return finding;
  }

  async #look(paths: readonly string[], signal: AbortSignal): Promise<StoredFile> {
    let problem: FileProblem = 'missing';
    for (const path of new Set(paths.flatMap((given) => this.#candidates(given)))) {
      signal.throwIfAborted();
      // A trouble that is not one file's own, such as too many open files, ends the run.
      const opened = await this.#files.open(path).catch((error: unknown) => Promise.reject(inputError(error, path)));
      if ('problem' in opened) {
        if (problem === 'missing') ({ problem } = opened);
        continue;
      }
      try {
        if (this.#store !== undefined) return await this.#store.copy(opened.descriptor, opened.path, signal);
        return { ...(await hashDescriptor(opened.descriptor, { signal })), path };
      } catch (error) {
        if (error instanceof EtlError || signal.aborted) throw error;
        if (systemCode(error) !== 'EIO') throw inputError(error, opened.path);
        problem = 'unreadable';
      } finally {
        // Nothing was written: closing is no wait.
        closeSync(opened.descriptor);
      }
    }
    return { unavailable: problem };
  }

  /** Ways to read a path: as it stands below a root, with the root's own name in front, with a query behind. */
  #candidates(given: string): string[] {
    const below = isAbsolute(given)
      ? this.#roots.map((root) => relative(root, given)).filter((path) => !path.startsWith('..'))
      : [];
    const plain = given.replaceAll('\\', '/').replace(/^\/+/, '');
    const inside = this.#roots
      .filter((root) => plain.startsWith(`${basename(root)}/`))
      .map((root) => plain.slice(basename(root).length + 1));
    const paths = [...below, plain, ...inside];
    return [
      ...paths,
      ...paths.filter((path) => path.includes('?')).map((path) => path.slice(0, path.lastIndexOf('?'))),
    ];
  }
}
