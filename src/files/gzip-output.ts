import { blockCompressor, type BlockCompressor } from './block-compressor.ts';
import type { BufferedOutput } from './buffered-output.ts';
import type { Output, SyncUnderWay } from './output.ts';
import { blockMemory, type SharedBlock } from './shared-block.ts';

// Smaller blocks compress worse, larger ones hold more in memory.
const blockBytes = 512 * 1024;

/** A block on its way to be a member. */
interface Compressing {
  readonly block: SharedBlock;
  readonly member: Promise<Uint8Array>;
}

/**
 * Compresses on the way to another output: independent gzip members, one after the other, which together are one gzip file.
 *
 * Blocks end after 512 KiB of text and where they are told to, so that a file cut back to such an end and continued is the
 * same as one written without a break.
 */
export class GzipOutput implements Output {
  readonly #target: BufferedOutput;
  readonly #compressor: BlockCompressor;
  #block: SharedBlock | undefined;
  #used = 0;
  readonly #free: SharedBlock[] = [];
  #compressing: Compressing[] = [];

  constructor(target: BufferedOutput, level: number, compressor: BlockCompressor = blockCompressor(level)) {
    this.#target = target;
    this.#compressor = compressor;
  }

  get length(): number {
    return this.#target.length;
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (bytes.length >= blockBytes - this.#used) return this.#writeOver(bytes);
    this.#open.set(bytes, this.#used);
    this.#used += bytes.length;
    return undefined;
  }

  /** All that is given is copied. */
  whenTaken(done: () => void): void {
    done();
  }

  writeText(text: string): Promise<void> | undefined {
    // A UTF-16 unit takes at most 3 bytes.
    if (text.length * 3 >= blockBytes - this.#used) return this.write(Buffer.from(text));
    this.#used += this.#open.write(text, this.#used);
    return undefined;
  }

  async endBlock(): Promise<void> {
    if (this.#used > 0) await this.#compress();
    await this.#settle(0);
    // A gzip file has at least one member, even of nothing.
    if (this.#target.length === 0) {
      await this.#compress();
      await this.#settle(0);
    }
  }

  async sync(): Promise<void> {
    await this.endBlock();
    await this.#target.sync();
  }

  async beginSync(): Promise<SyncUnderWay> {
    await this.endBlock();
    return this.#target.beginSync();
  }

  async cutBack(length: number): Promise<void> {
    this.#used = 0;
    await this.#settle(0);
    await this.#target.cutBack(length);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#compressing.map(({ member }) => member));
    await this.#compressor.close();
    await this.#target.close();
  }

  /** Writes what ends the block, and perhaps more of them. */
  async #writeOver(bytes: Uint8Array): Promise<void> {
    let from = 0;
    while (bytes.length - from >= blockBytes - this.#used) {
      const to = from + blockBytes - this.#used;
      this.#open.set(bytes.subarray(from, to), this.#used);
      this.#used = blockBytes;
      from = to;
      await this.#compress();
    }
    this.#open.set(bytes.subarray(from), this.#used);
    this.#used += bytes.length - from;
  }

  /** The block being filled. */
  get #open(): SharedBlock {
    this.#block ??= this.#free.pop() ?? blockMemory(blockBytes);
    return this.#block;
  }

  async #compress(): Promise<void> {
    const block = this.#open;
    const member = this.#compressor.compress(block.subarray(0, this.#used));
    this.#block = undefined;
    this.#used = 0;
    // What goes wrong is thrown where the member is waited for.
    member.catch(() => undefined);
    this.#compressing.push({ block, member });
    await this.#settle(this.#compressor.concurrency - 1);
  }

  /** Writes finished blocks, in order, until no more than `left` are being compressed. */
  async #settle(left: number): Promise<void> {
    while (this.#compressing.length > left) {
      const next = this.#compressing.shift();
      if (next === undefined) return;
      // The member may lie in the block's own memory: only then is that free.
      await this.#target.writeCopy(await next.member);
      this.#free.push(next.block);
    }
  }
}
