import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { outputError } from './file-error.ts';
import { hashDescriptor, type FileDigest } from './hash-file.ts';

/** How a copy is called: by its digest alone, or by its own name in a folder named by the digest. */
export type CopyName = 'sha256' | 'name';

/**
 * A folder of copies, each under the digest of its bytes: `ab/abcd…` or `ab/abcd…/<name>`.
 *
 * A copy appears under its name when it is whole and on the disk. Copying the same file again changes nothing, so a run may
 * be repeated from anywhere.
 */
export class ContentStore {
  readonly #folder: string;
  readonly #names: CopyName;
  /** Folders with new names in them since the last {@link sync}. */
  readonly #touched = new Set<string>();

  constructor(folder: string, names: CopyName) {
    this.#folder = folder;
    this.#names = names;
  }

  /** Copies an open file. Gives the copy's path in the folder, with `/`, and the digest of what was copied. */
  async copy(descriptor: number, path: string, signal: AbortSignal): Promise<FileDigest & { readonly path: string }> {
    const part = join(this.#folder, `.${randomUUID()}.part`);
    try {
      await mkdir(this.#folder, { recursive: true });
      const digest = await this.#write(descriptor, part, signal);
      const { sha256 } = digest;
      const place = `${sha256.slice(0, 2)}/${sha256}${this.#names === 'name' ? `/${basename(path)}` : ''}`;
      const target = join(this.#folder, place);
      if ((await sizeOf(target)) !== digest.bytes) {
        await this.#makeFolder(dirname(target));
        await rename(part, target);
        this.#touched.add(dirname(target));
      }
      return { ...digest, path: place };
    } catch (error) {
      throw signal.aborted ? error : outputError(error, this.#folder);
    } finally {
      // Gone already when all went well; where it cannot be removed, an error is on its way that says why.
      await rm(part, { force: true }).catch(() => undefined);
    }
  }

  /** Brings the names of new copies to the disk; their bytes are there. */
  async sync(): Promise<void> {
    const folders = [...this.#touched];
    this.#touched.clear();
    for (const path of folders) {
      const folder = await open(path, 'r');
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    }
  }

  async #write(descriptor: number, part: string, signal: AbortSignal): Promise<FileDigest> {
    const file = await open(part, 'wx', 0o600);
    try {
      const digest = await hashDescriptor(descriptor, { signal, copy: file });
      await file.datasync();
      return digest;
    } finally {
      await file.close();
    }
  }

  async #makeFolder(folder: string): Promise<void> {
    const made = await mkdir(folder, { recursive: true });
    for (let at = folder; made !== undefined && at !== this.#folder; at = dirname(at)) this.#touched.add(dirname(at));
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch {
    // Not there, or not to be asked: the copy is put in its place.
    return undefined;
  }
}
