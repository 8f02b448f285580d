import { readJsonValues } from '../../files/read-json-values.ts';
import { distinctName, FILES_FOLDER, safeFileName, type BundleFileEntry } from '../../formats/bundle.ts';
import type { LibrechatFileRef } from '../../models/librechat-chat.ts';
import type { Lengths } from './journalled-files.ts';

/** Which of a user's files are in the bundle, and where. */
export class FilePlaces {
  /** Folders below `files/` that hold something. */
  readonly folders = new Set<string>();
  /** The same, as file systems that do not tell cases apart compare them: bundles are moved to such, too. */
  readonly #taken = new Set<string>();
  readonly #keys = new Set<string>();
  /** Where bytes are, by their digest. */
  readonly #places = new Map<string, string>();

  /** What the committed part of a folder's manifest of files says. */
  static async read(path: string, lengths: Lengths): Promise<FilePlaces> {
    const places = new FilePlaces();
    if (Object.keys(lengths).length === 0) return places;
    for await (const record of readJsonValues(path)) {
      // We wrote these lines, and nothing has been committed since but by us.
      const { key, sha256, copied_rel_path: place } = record as BundleFileEntry;
      places.#keys.add(key);
      if (sha256 !== null && place !== null) places.#add(sha256, place);
    }
    return places;
  }

  /** False for a file that was named before. */
  isNew({ key }: LibrechatFileRef): boolean {
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    return true;
  }

  /** Where these bytes are already. */
  find(sha256: string): string | undefined {
    return this.#places.get(sha256);
  }

  /** A place of its own for a file: `files/<file_id>/<name>`. */
  give({ key, fileId, name, paths }: LibrechatFileRef, sha256: string): string {
    const wanted = safeFileName(fileId);
    const isTaken = this.#taken.has(withoutCase(wanted)) || wanted.endsWith('.part');
    const folder = isTaken ? distinctName(wanted, key) : wanted;
    const place = `${FILES_FOLDER}/${folder}/${safeFileName(name ?? paths[0]?.split('/').at(-1) ?? fileId)}`;
    this.#add(sha256, place);
    return place;
  }

  #add(sha256: string, place: string): void {
    const folder = place.split('/')[1] ?? '';
    this.folders.add(folder);
    this.#taken.add(withoutCase(folder));
    this.#places.set(sha256, place);
  }
}

function withoutCase(name: string): string {
  return name.normalize('NFC').toLowerCase();
}
