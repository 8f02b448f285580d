import { open, rm, type FileHandle } from 'node:fs/promises';

import { headerBytes, readEntry, sizeOfEntry, type Entry } from './entry.ts';
import { readFully } from './read-fully.ts';

const readBytes = 256 * 1024;

/** Entries in order in a file of their own. */
export interface EntryRun {
  readonly path: string;
  readonly file: FileHandle;
  readonly bytes: number;
}

/** Writes entries, which come in order, to a new file: a block while the next one is made, so that two of them stay valid. */
export async function writeEntryRun(
  path: string,
  blocks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal,
): Promise<EntryRun> {
  const file = await open(path, 'w+', 0o600);
  let writing: Promise<void> = Promise.resolve();
  try {
    let bytes = 0;
    for await (const block of blocks) {
      await writing;
      signal.throwIfAborted();
      writing = file.writeFile(block);
      // Thrown where it is awaited.
      writing.catch(() => undefined);
      bytes += block.length;
    }
    await writing;
    return { path, file, bytes };
  } catch (error) {
    await writing.catch(() => undefined);
    await file.close();
    throw error;
  }
}

export async function removeEntryRun({ path, file }: EntryRun): Promise<void> {
  await file.close();
  await rm(path, { force: true });
}

/** Reads a run entry by entry. Entries are views on buffers that are not used again, so they stay valid. */
export class EntryReader {
  /** Place of the run among those merged: of entries with one key, those of an earlier run come first. */
  readonly order: number;
  /** The entry to be taken next; none before the first {@link fill} and at the end. */
  entry: Entry | undefined;
  readonly #run: EntryRun;
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;
  #position = 0;

  constructor(run: EntryRun, order: number) {
    this.#run = run;
    this.order = order;
  }

  /** Goes on to the next entry, if it is in memory. */
  advance(): boolean {
    const left = this.#buffer.length - this.#at;
    const isThere = left >= headerBytes && left >= sizeOfEntry(this.#buffer, this.#at);
    this.entry = isThere ? readEntry(this.#buffer, this.#at) : undefined;
    if (isThere) this.#at += sizeOfEntry(this.#buffer, this.#at);
    return isThere;
  }

  /** Reads on and goes to the next entry; false at the end of the run. */
  async fill(): Promise<boolean> {
    if (this.advance()) return true;
    const rest = this.#buffer.subarray(this.#at);
    const unread = this.#run.bytes - this.#position;
    if (unread === 0) return false;
    // A larger entry: what is missing of it is known once its header is there.
    const missing = rest.length >= headerBytes ? sizeOfEntry(rest, 0) - rest.length : 0;
    const buffer = Buffer.allocUnsafeSlow(rest.length + Math.min(unread, Math.max(readBytes, missing)));
    rest.copy(buffer);
    const fresh = buffer.subarray(rest.length);
    await readFully(this.#run.file, fresh, this.#position);
    this.#position += fresh.length;
    this.#buffer = buffer;
    this.#at = 0;
    return this.fill();
  }
}
