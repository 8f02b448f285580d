import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { EtlError } from '../../errors.ts';
import { readJsonValues } from '../../files/read-json-values.ts';
import {
  addBundleCounts,
  BUNDLE_SCHEMA,
  CHECKSUMS_FILE,
  distinctName,
  INDEX_FILE,
  REMOVED_FILE,
  userSlug,
  USERS_FILE,
  type BundleCounts,
  type BundleIndexEntry,
  type BundleManifest,
} from '../../formats/bundle.ts';
import { bundleLineHead } from '../../formats/bundle-line.ts';
import type { Json } from '../../json.ts';
import type { LibrechatChatRecord, LibrechatRecord, LibrechatUserRef } from '../../models/librechat-chat.ts';
import type { BundleSettings } from './bundle-settings.ts';
import type { BundleState } from './bundle-state.ts';
import { JournalledFiles } from './journalled-files.ts';
import { keepOnly } from './keep-only.ts';
import type { PreviousIndex } from './previous-index.ts';
import { syncPaths } from './sync-paths.ts';
import { UserSection, type Checksum } from './user-section.ts';
import { writeManifest } from './write-manifest.ts';

interface BundleOptions {
  /** The folder that is written to. */
  readonly path: string;
  readonly layout: 'users' | 'single';
  readonly compress: 'none' | 'gzip';
  readonly scope: Json | undefined;
  readonly settings: BundleSettings;
  /** The bundle before, for one with the changes only. */
  readonly previous: PreviousIndex | undefined;
}

interface Opened {
  readonly files: JournalledFiles;
  readonly folders: Map<string, string>;
  /** Paths to bring to the disk before the next commit. */
  readonly unsynced: Set<string>;
}

/** Writes a bundle's files; {@link commit} gives where they stand once they are on the disk. */
export class BundleWriter {
  readonly #options: BundleOptions;
  readonly #exportedAt: string;
  readonly #head: Buffer;
  readonly #files: JournalledFiles;
  /** Folders by the user's id, of all users that were begun. */
  readonly #folders: Map<string, string>;
  readonly #takenFolders: Set<string>;
  readonly #unsynced: Set<string>;
  #counts: BundleCounts;
  #completeBytes: number;
  #section: UserSection | undefined;

  private constructor(options: BundleOptions, state: BundleState, { files, folders, unsynced }: Opened) {
    this.#options = options;
    this.#exportedAt = state.exportedAt;
    this.#head = bundleLineHead(state.exportedAt);
    this.#counts = state.counts;
    this.#completeBytes = state.completeBytes;
    this.#files = files;
    this.#folders = folders;
    this.#unsynced = unsynced;
    this.#takenFolders = new Set(folders.values());
  }

  /** Opens a bundle where `state` says that it stands, and takes away what came after that. */
  static async open(options: BundleOptions, state: BundleState): Promise<BundleWriter> {
    const { path, layout } = options;
    await mkdir(path, { recursive: true });
    const unsynced = new Set<string>();
    const written = (...paths: readonly string[]): void => {
      for (const one of paths) unsynced.add(one);
    };
    const files = await JournalledFiles.open(path, state.lengths, written);
    try {
      const folders = new Map<string, string>();
      if (state.lengths[USERS_FILE] !== undefined) {
        for await (const user of readJsonValues(join(path, USERS_FILE))) {
          // We wrote these lines.
          const { id, folder } = user as { readonly id: string; readonly folder: string };
          folders.set(id, folder);
        }
      }
      const own = Object.keys(state.lengths);
      const section = state.section === null ? [] : [...Object.keys(state.section.lengths), 'files'];
      await keepOnly(path, new Set(layout === 'single' ? [...own, ...section] : [...own, ...folders.values()]));
      const writer = new BundleWriter(options, state, { files, folders, unsynced });
      if (state.section !== null) writer.#section = await UserSection.resume(state.section, writer.#paths());
      return writer;
    } catch (error) {
      await files.close();
      throw error;
    }
  }

  /**
   * Writes one record. False when it is left out, because the bundle before has the same.
   *
   * @throws {EtlError} `ETL_SOURCE_INVALID` for a user who comes back after others.
   */
  async add(record: LibrechatRecord): Promise<boolean> {
    if (record.type === 'user') {
      const { buffer, byteOffset, byteLength } = record.profile;
      // Whoever makes such records vouches for an object.
      const profile = JSON.parse(Buffer.from(buffer, byteOffset, byteLength).toString()) as Record<string, unknown>;
      const section = await this.#sectionOf(record.user, profile);
      await section.addUser(record);
      return true;
    }
    return this.#addChat(record);
  }

  /** Calls `done` when no record that was added so far is held on to any more; never when one could not be written. */
  whenTaken(done: () => void): void {
    // Those of folders that are complete are written.
    if (this.#section === undefined) done();
    else this.#section.whenTaken(done);
  }

  /** Brings everything to the disk and gives what a later run needs to go on. */
  async commit(): Promise<Omit<BundleState, 'records' | 'read'>> {
    const section = (await this.#section?.commit()) ?? null;
    const lengths = await this.#files.sync();
    await syncPaths(this.#unsynced);
    this.#unsynced.clear();
    return {
      exportedAt: this.#exportedAt,
      counts: this.#counts,
      completeBytes: this.#completeBytes,
      lengths,
      section,
      compared: this.#options.previous?.place ?? null,
    };
  }

  /**
   * Completes the bundle: the last folder, what is gone since the bundle before, and last of all the manifest. Gives the bytes
   * of the whole bundle.
   */
  async finish(): Promise<number> {
    await this.#finishSection();
    for await (const gone of this.#options.previous?.rest() ?? []) await this.#addRemoved(gone);
    for (const name of [USERS_FILE, INDEX_FILE, CHECKSUMS_FILE]) await this.#files.touch(name);
    for (const { name, sha256 } of await this.#files.finish()) {
      if (name !== CHECKSUMS_FILE) await this.#addChecksum({ path: name, sha256 });
    }
    const files = Object.fromEntries(
      (await this.#files.finish()).map(({ name, bytes, sha256 }) => [name, { bytes, sha256 }]),
    );
    const { layout, compress, scope, previous, path } = this.#options;
    const manifest: BundleManifest = {
      schema: BUNDLE_SCHEMA,
      exported_at: this.#exportedAt,
      kind: previous === undefined ? 'full' : 'delta',
      ...(previous !== undefined && { since: previous.bundle }),
      layout,
      compress,
      ...(scope !== undefined && { scope }),
      counts: this.#counts,
      files,
    };
    await syncPaths(this.#unsynced);
    const manifestBytes = await writeManifest(path, manifest);
    const listed = Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);
    return this.#completeBytes + listed + manifestBytes;
  }

  async close(): Promise<void> {
    await this.#section?.close();
    await this.#files.close();
  }

  async #addChat(chat: LibrechatChatRecord): Promise<boolean> {
    const { previous } = this.#options;
    const { user, key, conversationId, updatedAt, digest, counts } = chat;
    const entry = {
      user: user.id,
      key,
      conversation_id: conversationId,
      updated_at: updatedAt,
      messages: counts.messages,
      digest,
    };
    if (previous !== undefined) {
      for await (const gone of previous.before(entry)) await this.#addRemoved(gone);
      if (await previous.isUnchanged(entry)) {
        await this.#addToIndex({ ...entry, folder: null, offset: 0, bytes: 0 });
        return false;
      }
    }
    const section = await this.#sectionOf(user, { ...user });
    const place = await section.addChat(chat, this.#head);
    await this.#addToIndex({ ...entry, folder: section.folder, ...place });
    return true;
  }

  /** The folder a user's records go to, which is begun with the first of them. */
  async #sectionOf(user: LibrechatUserRef, profile: Readonly<Record<string, unknown>>): Promise<UserSection> {
    const isSingle = this.#options.layout === 'single';
    const current = isSingle || this.#section?.userId === user.id ? this.#section : undefined;
    const isKnown = this.#folders.has(user.id);
    if (current !== undefined && isKnown) return current;
    if (isKnown && !isSingle) {
      throw new EtlError(
        'ETL_SOURCE_INVALID',
        `records of user "${user.email ?? user.id}" came, then those of others, then more of theirs`,
        {
          hint: 'Sort or group the records by their owner, or write one folder for all: `layout: single`.',
        },
      );
    }
    if (current === undefined) await this.#finishSection();
    const folder = isSingle ? '.' : this.#newFolder(user);
    const { id } = user;
    // First the two that readers look for, whatever the profile holds.
    const line = Object.assign({ id, folder }, profile, { id, folder });
    await this.#files.append(USERS_FILE, Buffer.from(JSON.stringify(line)));
    this.#folders.set(id, folder);
    this.#takenFolders.add(folder);
    this.#section =
      current ?? (await UserSection.start(isSingle ? { id: null, email: null } : user, folder, this.#paths()));
    this.#section.addOwner();
    return this.#section;
  }

  #newFolder(user: LibrechatUserRef): string {
    const slug = userSlug(user);
    return this.#takenFolders.has(slug) ? distinctName(slug, user.id) : slug;
  }

  async #finishSection(): Promise<void> {
    const section = this.#section;
    if (section === undefined) return;
    const { counts, bytes } = await section.finish();
    this.#counts = addBundleCounts(this.#counts, counts);
    this.#completeBytes += bytes;
    this.#section = undefined;
  }

  async #addToIndex(entry: BundleIndexEntry): Promise<void> {
    await this.#files.append(INDEX_FILE, Buffer.from(JSON.stringify(entry)));
  }

  async #addRemoved({ user, key, conversation_id }: BundleIndexEntry): Promise<void> {
    await this.#files.append(REMOVED_FILE, Buffer.from(JSON.stringify({ user, key, conversation_id })));
  }

  async #addChecksum({ path, sha256 }: Checksum): Promise<void> {
    await this.#files.append(CHECKSUMS_FILE, Buffer.from(`${sha256}  ${path}`));
  }

  #paths(): Parameters<typeof UserSection.resume>[1] {
    return {
      settings: this.#options.settings,
      bundlePath: this.#options.path,
      exportedAt: this.#exportedAt,
      checksum: (checksum) => this.#addChecksum(checksum),
      written: (...paths) => {
        for (const path of paths) this.#unsynced.add(path);
      },
    };
  }
}
