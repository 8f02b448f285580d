import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

import { systemCode } from '../errors.ts';
import { FILES_MANIFEST_FILE, type BundleFileEntry } from '../formats/bundle.ts';
import type { BundleFolder } from './bundle-folders.ts';
import { readJsonTexts } from './read-json-values.ts';

/** Entries of other tools' bundles lack some fields. */
export type FoundFileEntry = Partial<BundleFileEntry> & { readonly file_id: string };

interface Place {
  readonly offset: number;
  readonly bytes: number;
}

/**
 * A folder's manifest of files, to look entries up in.
 *
 * Of a plain one only the places of the entries are kept in memory, for an entry can hold megabytes of extracted text; the
 * entries of a compressed one are.
 */
export class BundleFileEntries {
  readonly #file: FileHandle | undefined;
  readonly #places: ReadonlyMap<string, readonly (Place | FoundFileEntry)[]>;

  private constructor(file: FileHandle | undefined, places: ReadonlyMap<string, readonly (Place | FoundFileEntry)[]>) {
    this.#file = file;
    this.#places = places;
  }

  /** Whoever opens it closes it. Without a manifest it has no entries. */
  static async open(folder: BundleFolder, signal: AbortSignal): Promise<BundleFileEntries> {
    const path = join(folder.path, FILES_MANIFEST_FILE + folder.ending);
    let file: FileHandle;
    try {
      file = await open(path);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return new BundleFileEntries(undefined, new Map());
      throw error;
    }
    const isCompressed = folder.ending !== '';
    try {
      const places = new Map<string, (Place | FoundFileEntry)[]>();
      for await (const { bytes, offset } of readJsonTexts(path, signal)) {
        const entry = JSON.parse(bytes.toString()) as Partial<FoundFileEntry> | null;
        if (typeof entry?.file_id !== 'string') continue;
        const place = isCompressed ? { ...entry, file_id: entry.file_id } : { offset, bytes: bytes.length };
        const known = places.get(entry.file_id);
        if (known === undefined) places.set(entry.file_id, [place]);
        else known.push(place);
      }
      if (isCompressed) await file.close();
      return new BundleFileEntries(isCompressed ? undefined : file, places);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The entries with these ids, in the manifest's order for each. */
  async find(fileIds: Iterable<string>): Promise<ReadonlyMap<string, readonly FoundFileEntry[]>> {
    const found = new Map<string, readonly FoundFileEntry[]>();
    for (const id of new Set(fileIds)) {
      const places = this.#places.get(id) ?? [];
      const entries: FoundFileEntry[] = [];
      for (const place of places) entries.push('offset' in place ? await this.#read(place) : place);
      found.set(id, entries);
    }
    return found;
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async #read({ offset, bytes }: Place): Promise<FoundFileEntry> {
    const buffer = Buffer.allocUnsafe(bytes);
    for (let read = 0; read < bytes; ) {
      const { bytesRead } = (await this.#file?.read(buffer, read, bytes - read, offset + read)) ?? { bytesRead: 0 };
      if (bytesRead === 0) throw new Error('the manifest of files became shorter while it was read');
      read += bytesRead;
    }
    // Parsed once before, when its place was noted.
    return JSON.parse(buffer.toString()) as FoundFileEntry;
  }
}
