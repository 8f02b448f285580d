import { close } from 'node:fs';
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import pLimit from 'p-limit';

import type { FileDownloads } from '../../connections/file-downloads.ts';
import { hashDescriptor, isUnreadable } from '../../files/hash-file.ts';
import { RootedFiles } from '../../files/resolve-in-roots.ts';
import { withoutSignature } from '../../mappings/librechat-secrets.ts';
import type { LibrechatFileRef } from '../../models/librechat-chat.ts';
import type { BundleSettings } from './bundle-settings.ts';
import type { FilePlaces } from './file-places.ts';

/** A file that is done: its line, and what came into the folder with it. */
export interface SettledFile {
  /** The line of the files' manifest. */
  readonly line: string;
  readonly copied: boolean;
  /** Absent when nothing was added: no bytes, or the same bytes as an earlier file. */
  readonly added: { readonly path: string; readonly sha256: string; readonly bytes: number } | undefined;
}

const closeFile = promisify(close);

/** What was found where a file should be. */
interface Found {
  readonly sourcePath?: string;
  readonly sha256?: string;
  readonly bytes?: number;
  /** The copy, under a name for the time being. */
  readonly part?: string;
  readonly errors: readonly string[];
}

/**
 * Looks for a user's files below the folders of uploads, hashes them and copies them into the bundle, several at a time.
 *
 * They come out in the order they went in. Each is named once for a user; equal bytes are kept once, under the first name.
 */
export class FileCopies {
  readonly #folder: string;
  readonly #settings: BundleSettings;
  readonly #places: FilePlaces;
  readonly #limit: ReturnType<typeof pLimit>;
  readonly #roots: RootedFiles;
  readonly #waiting: { readonly file: LibrechatFileRef; readonly found: Promise<Found> }[] = [];
  #parts = 0;
  #isClosed = false;

  constructor(folder: string, settings: BundleSettings, places: FilePlaces) {
    this.#folder = folder;
    this.#settings = settings;
    this.#places = places;
    this.#limit = pLimit(settings.concurrency);
    this.#roots = new RootedFiles(settings.assetRoots);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Starts to look for a file, unless it was named before. */
  start(file: LibrechatFileRef): void {
    if (!this.#places.isNew(file)) return;
    const found = this.#limit(() => this.#find(file));
    // Thrown where it is awaited; until then it is not unhandled.
    found.catch(() => undefined);
    this.#waiting.push({ file, found });
  }

  /** Waits for the file that was started first. */
  async next(): Promise<SettledFile> {
    const first = this.#waiting[0];
    if (first === undefined) throw new Error('no file is waited for');
    const found = await first.found;
    this.#waiting.shift();
    const place = await this.#place(first.file, found);
    const { sha256, bytes } = found;
    const isNew = place !== undefined && sha256 !== undefined && bytes !== undefined && place.isNew;
    return {
      line: lineOf(first.file, found, place?.path),
      copied: place !== undefined,
      added: isNew ? { path: place.path, sha256, bytes } : undefined,
    };
  }

  /** Waits for what was started, so that nothing is written after this. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#waiting.map(({ found }) => found));
    this.#waiting.length = 0;
  }

  async #find(file: LibrechatFileRef): Promise<Found> {
    if (file.unavailable !== undefined) return { errors: [file.unavailable] };
    const found = await this.#look(file);
    const { downloads } = this.#settings;
    if (found.errors.length === 0 || file.link === undefined || downloads === undefined) return found;
    return this.#fetch(file.link(), downloads);
  }

  /** Looks for a file below the folders of uploads. */
  async #look({ paths }: LibrechatFileRef): Promise<Found> {
    const { assetRoots, signal } = this.#settings;
    if (assetRoots.length === 0) return { errors: ['notLookedFor'] };
    // "missing" says least: what is wrong with a path that does exist comes first.
    let reason = 'missing';
    for (const path of paths) {
      signal.throwIfAborted();
      if (this.#isClosed) break;
      const opened = await this.#roots.open(path);
      if ('problem' in opened) {
        if (reason === 'missing') reason = opened.problem;
        continue;
      }
      try {
        return { sourcePath: path, ...(await this.#take(opened.descriptor)), errors: [] };
      } catch (error) {
        // That file's trouble; anything else, such as a full disk, is the run's.
        if (!isUnreadable(error)) throw error;
        reason = 'unreadable';
      } finally {
        await closeFile(opened.descriptor);
      }
    }
    return { errors: [reason] };
  }

  /** Fetches a file by its link. */
  async #fetch(link: string, downloads: FileDownloads): Promise<Found> {
    const { copyFiles, signal } = this.#settings;
    const copy = copyFiles ? await this.#newPart() : undefined;
    try {
      const fetched = await downloads.fetch(link, copy?.file, signal);
      if (!('problem' in fetched))
        return { ...fetched, sourcePath: withoutSignature(link), ...(copy && { part: copy.part }), errors: [] };
      if (copy !== undefined) await rm(copy.part, { force: true });
      return { errors: [fetched.problem] };
    } finally {
      await copy?.file.close();
    }
  }

  /** Hashes an open file. What is hashed is what is copied, even if the file changes meanwhile. */
  async #take(descriptor: number): Promise<Pick<Found, 'sha256' | 'bytes' | 'part'>> {
    const { copyFiles, signal } = this.#settings;
    if (!copyFiles) return hashDescriptor(descriptor, { signal });
    const { part, file: copy } = await this.#newPart();
    try {
      return { part, ...(await hashDescriptor(descriptor, { signal, copy })) };
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    } finally {
      await copy.close();
    }
  }

  /** A file to copy to, under a name for the time being. */
  async #newPart(): Promise<{ readonly part: string; readonly file: FileHandle }> {
    await mkdir(this.#folder, { recursive: true });
    const part = join(this.#folder, `${this.#parts++}.part`);
    return { part, file: await open(part, 'w') };
  }

  /** Gives a copy its place: its own, or that of the same bytes. */
  async #place(file: LibrechatFileRef, { part, sha256 }: Found): Promise<{ path: string; isNew: boolean } | undefined> {
    if (part === undefined || sha256 === undefined) return undefined;
    const known = this.#places.find(sha256);
    if (known !== undefined) {
      await rm(part, { force: true });
      return { path: known, isNew: false };
    }
    const path = this.#places.give(file, sha256);
    const target = join(dirname(this.#folder), path);
    await mkdir(dirname(target), { recursive: true });
    await rename(part, target);
    return { path, isNew: true };
  }
}

function lineOf(
  { key, fileId, metadata }: LibrechatFileRef,
  { sourcePath, bytes, sha256, errors }: Found,
  place: string | undefined,
): string {
  const rest = {
    source_path: sourcePath ?? null,
    bytes: bytes ?? null,
    sha256: sha256 ?? null,
    copied_rel_path: place ?? null,
    copied: place !== undefined,
    errors,
  };
  const text = Buffer.from(metadata.buffer, metadata.byteOffset, metadata.byteLength).toString();
  return `${JSON.stringify({ file_id: fileId, key }).slice(0, -1)},"metadata":${text},${JSON.stringify(rest).slice(1)}`;
}
