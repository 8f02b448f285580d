import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { BufferedOutput } from '../../files/buffered-output.ts';
import { GzipOutput } from '../../files/gzip-output.ts';
import type { Output } from '../../files/output.ts';
import { openTargetFile } from '../../files/target-file.ts';
import { HashedTarget } from './hashed-target.ts';

/** Bytes committed in each file, by its name. */
export type Lengths = Readonly<Record<string, number>>;

interface OpenFile {
  readonly output: Output;
  readonly target: HashedTarget;
}

const LINE_FEED = Buffer.from('\n');

/**
 * Files of a folder that grow line by line, each opened when it gets its first one.
 *
 * Their lengths together are the folder's place in a journal: opened again with them, every file is cut back to what was
 * committed.
 */
export class JournalledFiles {
  readonly #folder: string;
  readonly #written: (...paths: readonly string[]) => void;
  readonly #gzipLevel: number | undefined;
  readonly #files = new Map<string, OpenFile>();

  private constructor(folder: string, written: (...paths: readonly string[]) => void, gzipLevel: number | undefined) {
    this.#folder = folder;
    this.#written = written;
    this.#gzipLevel = gzipLevel;
  }

  /**
   * `written` is told of paths that are to be on the disk before the next commit, besides what `sync` brings there.
   *
   * @throws {EtlError} `ETL_SINK_CHANGED` when a file is shorter than what was committed.
   */
  static async open(
    folder: string,
    committed: Lengths,
    written: (...paths: readonly string[]) => void,
    gzipLevel?: number,
  ): Promise<JournalledFiles> {
    const files = new JournalledFiles(folder, written, gzipLevel);
    try {
      for (const [name, length] of Object.entries(committed)) await files.#open(name, length);
    } catch (error) {
      await files.close();
      throw error;
    }
    return files;
  }

  /** Makes the file if it is not there: it may stay empty. */
  async touch(name: string): Promise<void> {
    if (!this.#files.has(name)) await this.#open(name, undefined);
  }

  /** Writes the pieces one after the other, and a line feed. */
  async append(name: string, ...pieces: readonly Uint8Array[]): Promise<void> {
    const { output } = this.#files.get(name) ?? (await this.#open(name, undefined));
    for (const piece of pieces) {
      const waiting = output.write(piece);
      if (waiting !== undefined) await waiting;
    }
    const written = output.write(LINE_FEED);
    if (written !== undefined) await written;
  }

  /** Calls `done` when nothing that was given to a file so far is held on to any more; never when it could not be written. */
  whenTaken(name: string, done: () => void): void {
    const file = this.#files.get(name);
    if (file === undefined) done();
    else file.output.whenTaken(done);
  }

  /** Brings everything to the disk and gives the lengths to commit. */
  async sync(): Promise<Lengths> {
    await Promise.all(
      Array.from(this.#files.values(), async ({ output }) => {
        await output.endBlock();
        await output.sync();
      }),
    );
    return Object.fromEntries(Array.from(this.#files, ([name, { output }]) => [name, output.length]));
  }

  /** Name, length and SHA-256 of every file, in the order of names. All is written, and to be brought to the disk. */
  async finish(): Promise<readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[]> {
    // Waiting for the disk once for each of thousands of small files would take most of a run.
    for (const [name, { target }] of this.#files) {
      target.leaveSync();
      this.#written(join(this.#folder, name));
    }
    await this.sync();
    return Array.from(this.#files, ([name, { target }]) => ({ name, ...target.digest() })).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    );
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#files.values(), ({ output }) => output.close()));
    this.#files.clear();
  }

  async #open(name: string, committed: number | undefined): Promise<OpenFile> {
    const path = join(this.#folder, name);
    if (committed === undefined) {
      // Made here, so that its name is brought to the disk with the next commit and not at once.
      await writeFile(path, '');
      this.#written(this.#folder);
    }
    const { file, length } = await openTargetFile(path, 'replace', committed);
    try {
      const target = await HashedTarget.over(file, path, length);
      const plain = new BufferedOutput(target, length);
      const output = this.#gzipLevel === undefined ? plain : new GzipOutput(plain, this.#gzipLevel);
      const opened = { output, target };
      this.#files.set(name, opened);
      return opened;
    } catch (error) {
      await file.close();
      throw error;
    }
  }
}
