import { gzipMember } from '../formats/compression.ts';
import type { Output } from './output.ts';

// A block ends with the batch that reaches this much text. Smaller blocks compress worse, larger ones hold more in memory.
const blockBytes = 512 * 1024;
// Blocks compressed at the same time, on the threads of libuv's pool.
const concurrency = 4;

/**
 * Compresses on the way to another output: independent gzip members, one after the other, which together are one gzip file.
 *
 * Blocks are cut between batches by the amount of text since the last cut, so that a file cut back to the end of a block and
 * continued is the same as one written without a break.
 */
export class GzipOutput implements Output {
  readonly #target: Output;
  readonly #level: number;
  #block = Buffer.allocUnsafeSlow(2 * blockBytes);
  #used = 0;
  #compressing: Promise<Buffer>[] = [];

  constructor(target: Output, level: number) {
    this.#target = target;
    this.#level = level;
  }

  get length(): number {
    return this.#target.length;
  }

  write(bytes: Uint8Array): undefined {
    this.#reserve(bytes.length);
    this.#block.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  writeText(text: string): undefined {
    this.#reserve(text.length * 3);
    this.#used += this.#block.write(text, this.#used);
  }

  endBatch(): Promise<void> | undefined {
    return this.#used < blockBytes ? undefined : this.#compress();
  }

  async endBlock(): Promise<void> {
    if (this.#used > 0) await this.#compress();
    await this.#settle(0);
    // A gzip file has at least one member, even of nothing.
    if (this.#target.length === 0) await this.#target.write(await gzipMember(Buffer.alloc(0), this.#level));
  }

  async sync(): Promise<void> {
    await this.endBlock();
    await this.#target.sync();
  }

  async cutBack(length: number): Promise<void> {
    this.#used = 0;
    await this.#settle(0);
    await this.#target.cutBack(length);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#compressing);
    await this.#target.close();
  }

  async #compress(): Promise<void> {
    const block = gzipMember(this.#block.subarray(0, this.#used), this.#level);
    block.catch(() => undefined);
    this.#compressing.push(block);
    this.#block = Buffer.allocUnsafeSlow(2 * blockBytes);
    this.#used = 0;
    await this.#settle(concurrency - 1);
  }

  /** Writes finished blocks, in order, until no more than `left` are being compressed. */
  async #settle(left: number): Promise<void> {
    while (this.#compressing.length > left) {
      const block = await this.#compressing.shift();
      if (block !== undefined) await this.#target.write(block);
    }
  }

  #reserve(bytes: number): void {
    const needed = this.#used + bytes;
    if (needed <= this.#block.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#block.length * 2));
    this.#block.copy(larger, 0, 0, this.#used);
    this.#block = larger;
  }
}
