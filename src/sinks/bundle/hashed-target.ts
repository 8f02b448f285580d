import { createHash, type Hash } from 'node:crypto';
import { open } from 'node:fs/promises';

import type { OutputTarget } from '../../files/output.ts';

/** Hashes what passes on its way to a file that is written from front to back, so that it need not be read again. */
export class HashedTarget implements OutputTarget {
  readonly #target: OutputTarget;
  readonly #hash: Hash;
  #length: number;
  #isCut = false;
  /** Something was written since the last sync. */
  #isChanged = true;
  /** Somebody else brings the file to the disk. */
  #isSyncLeft = false;

  private constructor(target: OutputTarget, hash: Hash, length: number) {
    this.#target = target;
    this.#hash = hash;
    this.#length = length;
  }

  /** `length` bytes are in the file at `path` already: they are read once. */
  static async over(target: OutputTarget, path: string, length: number): Promise<HashedTarget> {
    const hash = createHash('sha256');
    if (length > 0) {
      const file = await open(path);
      try {
        for await (const bytes of file.createReadStream({
          end: length - 1,
          autoClose: false,
          highWaterMark: 1024 * 1024,
        }))
          hash.update(bytes as Buffer);
      } finally {
        await file.close();
      }
    }
    return new HashedTarget(target, hash, length);
  }

  /** SHA-256 of the file so far, and its length. */
  digest(): { readonly sha256: string; readonly bytes: number } {
    if (this.#isCut) throw new Error('the file was cut back: its digest is not known');
    return { sha256: this.#hash.copy().digest('hex'), bytes: this.#length };
  }

  async write(pieces: readonly Uint8Array[], position: number): Promise<void> {
    for (const piece of pieces) {
      this.#hash.update(piece);
      this.#length += piece.length;
    }
    this.#isChanged = true;
    await this.#target.write(pieces, position);
  }

  async sync(): Promise<void> {
    if (this.#isSyncLeft || !this.#isChanged) return;
    // What is written meanwhile is a change again.
    this.#isChanged = false;
    try {
      await this.#target.sync();
    } catch (error) {
      this.#isChanged = true;
      throw error;
    }
  }

  /** From now on `sync` only has everything written: whoever calls this brings the file to the disk later. */
  leaveSync(): void {
    this.#isSyncLeft = true;
  }

  async truncate(length: number): Promise<void> {
    this.#isCut = true;
    this.#isChanged = true;
    await this.#target.truncate(length);
  }

  close(): Promise<void> {
    return this.#target.close();
  }
}
