import { constants } from 'node:fs';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import pLimit from 'p-limit';

import { systemCode } from '../../errors.ts';
import { hashFile } from '../../files/hash-file.ts';
import { readJsonValues } from '../../files/read-json-values.ts';
import { resolveInRoots } from '../../files/resolve-in-roots.ts';
import { distinctName, FILES_FOLDER, safeFileName, type BundleFileEntry } from '../../formats/bundle.ts';
import type { LibrechatFileRef } from '../../models/librechat-chat.ts';
import type { BundleSettings } from './bundle-settings.ts';
import type { Lengths } from './journalled-files.ts';

/** A file that is done: its line, and what came into the folder with it. */
export interface SettledFile {
  /** The line of the files' manifest. */
  readonly line: string;
  readonly copied: boolean;
  /** Absent when nothing was added: no bytes, or the same bytes as an earlier file. */
  readonly added: { readonly path: string; readonly sha256: string; readonly bytes: number } | undefined;
}

/** What was found where a file should be. */
interface Found {
  readonly sourcePath?: string;
  readonly sha256?: string;
  readonly bytes?: number;
  /** The copy, under a name for the time being. */
  readonly part?: string;
  readonly errors: readonly string[];
}

/** What a folder's manifest of files says already. */
interface Committed {
  readonly keys: Set<string>;
  /** Where bytes are, by their digest. */
  readonly places: Map<string, string>;
  /** Folders below `files/`. */
  readonly folders: Set<string>;
}

/** Reads the committed part of a folder's manifest of files. */
export async function committedFiles(path: string, lengths: Lengths): Promise<Committed> {
  const committed: Committed = { keys: new Set(), places: new Map(), folders: new Set() };
  if (Object.keys(lengths).length === 0) return committed;
  for await (const record of readJsonValues(path)) {
    // We wrote these lines, and nothing has been committed since but by us.
    const { key, sha256, copied_rel_path: place } = record as BundleFileEntry;
    committed.keys.add(key);
    if (sha256 === null || place === null) continue;
    committed.places.set(sha256, place);
    committed.folders.add(place.split('/')[1] ?? '');
  }
  return committed;
}

/**
 * Looks for a user's files below the folders of uploads, hashes them and copies them into the bundle, several at a time.
 *
 * They come out in the order they went in. Each is named once for a user; equal bytes are kept once, under the first name.
 */
export class FileCopies {
  readonly #folder: string;
  readonly #settings: BundleSettings;
  readonly #committed: Committed;
  readonly #limit: ReturnType<typeof pLimit>;
  readonly #waiting: { readonly file: LibrechatFileRef; readonly found: Promise<Found> }[] = [];
  #parts = 0;

  constructor(folder: string, settings: BundleSettings, committed: Committed) {
    this.#folder = folder;
    this.#settings = settings;
    this.#committed = committed;
    this.#limit = pLimit(settings.concurrency);
  }

  /** Folders below `files/` that hold something. */
  get folders(): ReadonlySet<string> {
    return this.#committed.folders;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Starts to look for a file, unless it was named before. */
  start(file: LibrechatFileRef): void {
    const { keys } = this.#committed;
    if (keys.has(file.key)) return;
    keys.add(file.key);
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
    this.#limit.clearQueue();
    // Those not begun will never settle; those begun are few.
    while (this.#limit.activeCount > 0) await new Promise((resolve) => setImmediate(resolve));
    this.#waiting.length = 0;
  }

  async #find({ paths, unavailable }: LibrechatFileRef): Promise<Found> {
    const { assetRoots, signal } = this.#settings;
    if (unavailable !== undefined) return { errors: [unavailable] };
    if (assetRoots.length === 0) return { errors: ['notLookedFor'] };
    const reasons: string[] = [];
    for (const path of paths) {
      signal.throwIfAborted();
      const place = await resolveInRoots(assetRoots, path);
      if ('problem' in place) {
        reasons.push(place.problem);
        continue;
      }
      try {
        return await this.#take(place.path, path);
      } catch (error) {
        const reason = unreadable.get(systemCode(error) ?? '');
        if (reason === undefined) throw error;
        reasons.push(reason);
      }
    }
    // "missing" says least: what is wrong with a path that does exist comes first.
    const reason = reasons.find((one) => one !== 'missing') ?? 'missing';
    return { errors: [reason] };
  }

  async #take(from: string, sourcePath: string): Promise<Found> {
    const { copyFiles, signal } = this.#settings;
    if (!copyFiles) return { sourcePath, ...(await hashFile(from, signal)), errors: [] };
    await mkdir(this.#folder, { recursive: true });
    const part = join(this.#folder, `${this.#parts++}.part`);
    // The copy is what is hashed: a file that changes meanwhile cannot come to a digest that is not its own.
    await copyFile(from, part, constants.COPYFILE_FICLONE);
    return { sourcePath, part, ...(await hashFile(part, signal)), errors: [] };
  }

  /** Gives a copy its place: its own, or that of the same bytes. */
  async #place(
    { key, fileId, name, paths }: LibrechatFileRef,
    { part, sha256 }: Found,
  ): Promise<{ path: string; isNew: boolean } | undefined> {
    if (part === undefined || sha256 === undefined) return undefined;
    const { places, folders } = this.#committed;
    const known = places.get(sha256);
    if (known !== undefined) {
      await rm(part, { force: true });
      return { path: known, isNew: false };
    }
    const wanted = safeFileName(fileId);
    const isTaken = folders.has(wanted) || wanted.endsWith('.part');
    const folder = isTaken ? distinctName(wanted, key) : wanted;
    const fileName = safeFileName(name ?? paths[0]?.split('/').at(-1) ?? fileId);
    await mkdir(join(this.#folder, folder), { recursive: true });
    await rename(part, join(this.#folder, folder, fileName));
    const path = `${FILES_FOLDER}/${folder}/${fileName}`;
    folders.add(folder);
    places.set(sha256, path);
    return { path, isNew: true };
  }
}

/** Errors of one file that is not as it should be; any other, such as a full disk, ends the run. */
const unreadable = new Map([
  ['EACCES', 'unreadable'],
  ['EPERM', 'unreadable'],
  ['EIO', 'unreadable'],
  ['ENOENT', 'missing'],
  ['EISDIR', 'notAFile'],
  ['ELOOP', 'refused'],
  ['ENAMETOOLONG', 'missing'],
]);

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
