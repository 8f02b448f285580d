import type { BatchMemory } from './batch-memory.ts';

const mostAtFirst = 4_194_304;
const someMore = 65_536;

/** The bytes of a chunk while they are gathered, in memory that grows with them and goes with the chunk. */
export class ChunkBytes {
  buffer: Buffer;
  /** Bytes of the buffer that are in use. */
  used = 0;
  private readonly usualSize: number;
  private readonly memory: BatchMemory | undefined;

  constructor(batchBytes: number, memory: BatchMemory | undefined) {
    this.usualSize = Math.min(batchBytes, mostAtFirst) + someMore;
    this.memory = memory;
    this.buffer = this.newBuffer();
  }

  append(block: Uint8Array, from: number, to: number): void {
    this.reserve(to - from);
    this.buffer.set(block.subarray(from, to), this.used);
    this.used += to - from;
  }

  /** Makes room for so many more. The buffer may be another one afterwards. */
  reserve(bytes: number): void {
    const needed = this.used + bytes;
    if (needed <= this.buffer.length) return;
    const smaller = this.buffer;
    this.buffer = this.newBuffer(Math.max(needed, Math.ceil(smaller.length * 1.5)));
    smaller.copy(this.buffer, 0, 0, this.used);
    this.memory?.giveBack(smaller);
  }

  /** Gives the bytes away for good, and begins anew: the buffer itself when it is well filled, else a copy. */
  detach(): { readonly bytes: Buffer; readonly takeBack?: (() => void) | undefined } {
    const { memory, buffer } = this;
    const filled = buffer.subarray(0, this.used);
    this.used = 0;
    if (filled.length * 2 >= buffer.length) {
      this.buffer = this.newBuffer();
      return { bytes: filled, takeBack: memory && (() => memory.giveBack(buffer)) };
    }
    const copy = Buffer.allocUnsafeSlow(filled.length);
    filled.copy(copy);
    // A very long value may have left a large buffer behind.
    if (buffer.length > this.usualSize * 4) {
      this.buffer = this.newBuffer();
      memory?.giveBack(buffer);
    }
    return { bytes: copy };
  }

  private newBuffer(bytes = this.usualSize): Buffer {
    return this.memory?.take(bytes) ?? Buffer.allocUnsafeSlow(bytes);
  }
}
