import { open, type FileHandle } from 'node:fs/promises';

import { EtlError } from '../errors.ts';
import { keyBytes } from './key-digest.ts';
import { readFully } from './read-fully.ts';

const readKeys = 64 * 1024;

/**
 * An append-only file of digests in the order they were first seen. Its length at a batch is all there is to save; cut back
 * to that length, it is what it was at that batch.
 */
export class KeyLog {
  readonly #file: FileHandle;
  #count: number;
  #isClosed = false;

  constructor(file: FileHandle, count: number) {
    this.#file = file;
    this.#count = count;
  }

  /** Keys in it. */
  get count(): number {
    return this.#count;
  }

  /** All keys, many at a time. */
  async *keys(): AsyncGenerator<Uint32Array> {
    for (let from = 0; from < this.#count; from += readKeys) {
      const bytes = Buffer.alloc(Math.min(readKeys, this.#count - from) * keyBytes);
      await readFully(this.#file, bytes, from * keyBytes);
      yield new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    }
  }

  async append(words: Uint32Array): Promise<void> {
    if (words.length === 0) return;
    const bytes = Buffer.from(words.buffer, words.byteOffset, words.byteLength);
    let written = 0;
    while (written < bytes.length) {
      const { bytesWritten } = await this.#file.write(
        bytes,
        written,
        bytes.length - written,
        this.#count * keyBytes + written,
      );
      written += bytesWritten;
    }
    this.#count += bytes.length / keyBytes;
  }

  /** Brings it to the disk. */
  async sync(): Promise<void> {
    if (!this.#isClosed) await this.#file.datasync();
  }

  async close(): Promise<void> {
    await this.sync();
    this.#isClosed = true;
    await this.#file.close();
  }
}

/**
 * Opens the log with its first `count` keys and cuts off the rest.
 *
 * @throws {EtlError} `ETL_LEDGER_INVALID` when it is shorter: it is not the one that the run left.
 */
export async function openKeyLog(path: string, count: number): Promise<KeyLog> {
  const file = await open(path, count === 0 ? 'w+' : 'r+', 0o600).catch((error: unknown) => {
    throw new EtlError('ETL_LEDGER_INVALID', 'cannot open the keys that this run has seen', {
      where: { file: path },
      cause: error,
    });
  });
  try {
    const { size } = await file.stat();
    const length = count * keyBytes;
    if (size < length) {
      throw new EtlError(
        'ETL_LEDGER_INVALID',
        `expected ${count} keys of this run, found ${Math.floor(size / keyBytes)}`,
        { where: { file: path } },
      );
    }
    await file.truncate(length);
    return new KeyLog(file, count);
  } catch (error) {
    await file.close();
    throw error;
  }
}
