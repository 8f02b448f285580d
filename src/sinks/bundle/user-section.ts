import { hash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import {
  addBundleCounts,
  CONVERSATIONS_FILE,
  FILES_FOLDER,
  FILES_MANIFEST_FILE,
  noBundleCounts,
  SUMMARY_FILE,
  type BundleCounts,
} from '../../formats/bundle.ts';
import { bundleSummary } from '../../formats/bundle-summary.ts';
import type { LibrechatChatRecord, LibrechatFileRef, LibrechatUserRecord } from '../../models/librechat-chat.ts';
import type { BundleSettings } from './bundle-settings.ts';
import { FileCopies } from './file-copies.ts';
import { FilePlaces } from './file-places.ts';
import { JournalledFiles, type Lengths } from './journalled-files.ts';
import { keepOnly } from './keep-only.ts';

/** Where a folder of a bundle stood at a commit. */
export interface SectionState {
  /** The user's id; null for the one folder of all. */
  readonly userId: string | null;
  readonly email: string | null;
  readonly folder: string;
  readonly lengths: Lengths;
  readonly counts: BundleCounts;
  /** Bytes of the conversations, not compressed. */
  readonly offset: number;
}

/** One line of `checksums.sha256`: a file's path below the bundle. */
export interface Checksum {
  readonly path: string;
  readonly sha256: string;
}

interface Paths {
  readonly settings: BundleSettings;
  readonly bundlePath: string;
  readonly exportedAt: string;
  /** Told of every file that was copied, for the checksums. */
  readonly checksum: (checksum: Checksum) => Promise<void>;
  /** Told of paths that are to be on the disk before the next commit. */
  readonly written: (...paths: readonly string[]) => void;
}

/** A folder of the bundle that is being written: a user's, or the one of all users. */
export class UserSection {
  readonly userId: string | null;
  readonly folder: string;
  readonly #email: string | null;
  readonly #paths: Paths;
  readonly #files: JournalledFiles;
  readonly #copies: FileCopies;
  #counts: BundleCounts;
  #offset: number;

  private constructor(state: SectionState, paths: Paths, files: JournalledFiles, copies: FileCopies) {
    this.userId = state.userId;
    this.folder = state.folder;
    this.#email = state.email;
    this.#counts = state.counts;
    this.#offset = state.offset;
    this.#paths = paths;
    this.#files = files;
    this.#copies = copies;
  }

  static async start(
    user: { readonly id: string | null; readonly email: string | null },
    folder: string,
    paths: Paths,
  ): Promise<UserSection> {
    await mkdir(join(paths.bundlePath, folder), { recursive: true });
    paths.written(join(paths.bundlePath, folder));
    return UserSection.resume(
      { userId: user.id, email: user.email, folder, lengths: {}, counts: noBundleCounts, offset: 0 },
      paths,
    );
  }

  /** Goes on where a commit left the folder; what came after it is taken away. */
  static async resume(state: SectionState, paths: Paths): Promise<UserSection> {
    const { settings, bundlePath } = paths;
    const path = join(bundlePath, state.folder);
    const files = await JournalledFiles.open(path, state.lengths, paths.written, settings.gzipLevel);
    try {
      const places = await FilePlaces.read(join(path, FILES_MANIFEST_FILE + settings.ending), state.lengths);
      const copies = new FileCopies(join(path, FILES_FOLDER), settings, places);
      await keepOnly(join(path, FILES_FOLDER), places.folders);
      // The one folder of all is the bundle's own: its other files are somebody else's to clear.
      if (state.folder !== '.') await keepOnly(path, new Set([...Object.keys(state.lengths), FILES_FOLDER]));
      for (const name of [CONVERSATIONS_FILE, FILES_MANIFEST_FILE]) await files.touch(name + settings.ending);
      return new UserSection(state, paths, files, copies);
    } catch (error) {
      await files.close();
      throw error;
    }
  }

  /** Counts a user whose records go here. */
  addOwner(): void {
    this.#count({ users: 1 });
  }

  /** Writes a user's own records. */
  async addUser({ related, files }: LibrechatUserRecord): Promise<void> {
    for (const { name, lines } of related) {
      if (!/^[a-z][a-z_]{0,39}$/.test(name) || takenNames.has(name))
        throw new Error(`"${name}" is no name for a file of related records`);
      for (const line of lines) await this.#files.append(`${name}.jsonl${this.#paths.settings.ending}`, line);
    }
    await this.#addFiles(files);
  }

  /** Writes a chat, and gives where its line is in the folder's conversations. */
  async addChat(
    { line, files, counts }: LibrechatChatRecord,
    head: Buffer,
  ): Promise<{ offset: number; bytes: number }> {
    // The head begins the object that the line begins with.
    const [first = head, ...rest] = line;
    const pieces = [head, first.subarray(1), ...rest];
    await this.#files.append(CONVERSATIONS_FILE + this.#paths.settings.ending, ...pieces);
    const offset = this.#offset;
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    this.#offset += bytes + 1;
    this.#count({ conversations: 1, ...counts });
    await this.#addFiles(files);
    return { offset, bytes };
  }

  /** Calls `done` when no line of a chat is held on to any more; never when one could not be written. */
  whenTaken(done: () => void): void {
    this.#files.whenTaken(CONVERSATIONS_FILE + this.#paths.settings.ending, done);
  }

  /** Brings the folder to the disk and gives where it stands. */
  async commit(): Promise<SectionState> {
    await this.#settleFiles(0);
    const lengths = await this.#files.sync();
    return {
      userId: this.userId,
      email: this.#email,
      folder: this.folder,
      lengths,
      counts: this.#counts,
      offset: this.#offset,
    };
  }

  /** Completes the folder: its summary, and the checksums of its files. */
  async finish(): Promise<{ readonly counts: BundleCounts; readonly bytes: number }> {
    await this.#settleFiles(0);
    let written = this.#counts.fileBytes;
    for (const { name, bytes, sha256 } of await this.#files.finish()) {
      written += bytes;
      await this.#checksum(name, sha256);
    }
    const summary = bundleSummary({
      exportedAt: this.#paths.exportedAt,
      userId: this.userId,
      email: this.#email,
      counts: this.#counts,
    });
    const text = `${JSON.stringify(summary, null, 2)}\n`;
    const path = join(this.#paths.bundlePath, this.folder, SUMMARY_FILE);
    await writeFile(path, text);
    this.#paths.written(path);
    await this.#checksum(SUMMARY_FILE, hash('sha256', text));
    await this.#files.close();
    return { counts: this.#counts, bytes: written + Buffer.byteLength(text) };
  }

  async close(): Promise<void> {
    await this.#copies.close();
    await this.#files.close();
  }

  async #addFiles(files: readonly LibrechatFileRef[]): Promise<void> {
    for (const file of files) {
      this.#copies.start(file);
      if (this.#copies.waiting > maxWaiting) await this.#settleFiles(maxWaiting);
    }
  }

  /** Writes the entries of files that are done, in the order they were named, until no more than `left` are waited for. */
  async #settleFiles(left: number): Promise<void> {
    while (this.#copies.waiting > left) {
      const { line, copied, added } = await this.#copies.next();
      await this.#files.append(FILES_MANIFEST_FILE + this.#paths.settings.ending, Buffer.from(line));
      this.#count({ files: 1, filesCopied: copied ? 1 : 0, fileBytes: added?.bytes ?? 0 });
      if (added === undefined) continue;
      await this.#checksum(added.path, added.sha256);
      const path = join(this.#paths.bundlePath, this.folder, added.path);
      this.#paths.written(path, join(path, '..'), join(path, '..', '..'));
    }
  }

  #count(counts: Partial<BundleCounts>): void {
    this.#counts = addBundleCounts(this.#counts, counts);
  }

  #checksum(name: string, sha256: string): Promise<void> {
    return this.#paths.checksum({ path: this.folder === '.' ? name : `${this.folder}/${name}`, sha256 });
  }
}

/** Files looked for and copied ahead of what is written. */
const maxWaiting = 64;
const takenNames = new Set(['conversations', 'files_manifest', 'users', 'removed', 'conversations_index']);
