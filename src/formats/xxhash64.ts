import type { Engine } from './json-chunk.ts';
import { instantiateWasm, type WasmMemory } from './webassembly.ts';

/** XXH64 with seed 0 of bytes that come in pieces; the lower 32 bits, as zstd frames carry them. */
export interface Xxhash64 {
  /** Starts over with no bytes. */
  reset(): void;
  update(bytes: Uint8Array): void;
  digest(): number;
}

interface HashModule {
  readonly memory: WasmMemory;
  blockAddress(): number;
  blockBytes(): number;
  reset(): void;
  update(length: number): void;
  digest(): number;
}

/** A hash of nothing yet. */
export function createXxhash64(engine: Engine = 'wasm'): Xxhash64 {
  const module = engine === 'wasm' ? instantiateWasm<HashModule>('xxhash64') : undefined;
  if (!module) return new BigIntXxhash64();
  const size = module.blockBytes();
  const block = new Uint8Array(module.memory.buffer, module.blockAddress(), size);
  module.reset();
  return {
    reset: () => module.reset(),
    update(bytes) {
      for (let from = 0; from < bytes.length; from += size) {
        const piece = bytes.subarray(from, from + size);
        block.set(piece);
        module.update(piece.length);
      }
    },
    digest: () => module.digest() >>> 0,
  };
}

const PRIME_1 = 0x9e3779b185ebca87n;
const PRIME_2 = 0xc2b2ae3d27d4eb4fn;
const PRIME_3 = 0x165667b19e3779f9n;
const PRIME_4 = 0x85ebca77c2b2ae63n;
const PRIME_5 = 0x27d4eb2f165667c5n;
const START = [wrap(PRIME_1 + PRIME_2), PRIME_2, 0n, wrap(-PRIME_1)];

class BigIntXxhash64 implements Xxhash64 {
  private lanes: readonly bigint[] = START;
  private total = 0n;
  private left = Buffer.alloc(0);

  reset(): void {
    this.lanes = START;
    this.total = 0n;
    this.left = Buffer.alloc(0);
  }

  update(bytes: Uint8Array): void {
    this.total += BigInt(bytes.length);
    const input = Buffer.concat([this.left, bytes]);
    let p = 0;
    for (; p + 32 <= input.length; p += 32) {
      this.lanes = this.lanes.map((lane, i) => round(lane, input.readBigUInt64LE(p + i * 8)));
    }
    this.left = input.subarray(p);
  }

  digest(): number {
    const [a = 0n, b = 0n, c = 0n, d = 0n] = this.lanes;
    let hash = PRIME_5;
    if (this.total >= 32n) {
      hash = rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n);
      for (const lane of this.lanes) hash = wrap((wrap(hash) ^ round(0n, lane)) * PRIME_1 + PRIME_4);
    }
    hash = wrap(hash + this.total);
    const { left } = this;
    let p = 0;
    for (; p + 8 <= left.length; p += 8) {
      hash = wrap(rotate(hash ^ round(0n, left.readBigUInt64LE(p)), 27n) * PRIME_1 + PRIME_4);
    }
    if (p + 4 <= left.length) {
      hash = wrap(rotate(hash ^ wrap(BigInt(left.readUInt32LE(p)) * PRIME_1), 23n) * PRIME_2 + PRIME_3);
      p += 4;
    }
    for (; p < left.length; p++) hash = wrap(rotate(hash ^ wrap(BigInt(left[p] ?? 0) * PRIME_5), 11n) * PRIME_1);
    hash = wrap((hash ^ (hash >> 33n)) * PRIME_2);
    hash = wrap((hash ^ (hash >> 29n)) * PRIME_3);
    return Number((hash ^ (hash >> 32n)) & 0xffffffffn);
  }
}

function round(lane: bigint, input: bigint): bigint {
  return wrap(rotate(wrap(lane + input * PRIME_2), 31n) * PRIME_1);
}

function rotate(value: bigint, bits: bigint): bigint {
  return wrap(value << bits) | (value >> (64n - bits));
}

function wrap(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}
