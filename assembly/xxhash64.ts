// XXH64 with seed 0, fed in blocks: the checksum at the end of zstd frames. src/formats/xxhash64.ts is the same with BigInt.
// https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md

const PRIME_1: u64 = 0x9e3779b185ebca87;
const PRIME_2: u64 = 0xc2b2ae3d27d4eb4f;
const PRIME_3: u64 = 0x165667b19e3779f9;
const PRIME_4: u64 = 0x85ebca77c2b2ae63;
const PRIME_5: u64 = 0x27d4eb2f165667c5;

// The block, with room in front for the up to 31 bytes that the last one left over.
const BLOCK: usize = 1024;
const BLOCK_BYTES: i32 = 131072;

let a: u64 = 0;
let b: u64 = 0;
let c: u64 = 0;
let d: u64 = 0;
let total: u64 = 0;
let left: usize = 0;

export function blockAddress(): usize {
  return BLOCK;
}

export function blockBytes(): i32 {
  return BLOCK_BYTES;
}

export function reset(): void {
  a = PRIME_1 + PRIME_2;
  b = PRIME_2;
  c = 0;
  d = 0 - PRIME_1;
  total = 0;
  left = 0;
}

// @ts-ignore: decorator
@inline
function round(lane: u64, input: u64): u64 {
  return rotl<u64>(lane + input * PRIME_2, 31) * PRIME_1;
}

/** Takes the block's first `length` bytes. What is left over is kept just before the block. */
export function update(length: i32): void {
  let p = BLOCK - left;
  const end = BLOCK + <usize>length;
  total += <u64>length;
  while (p + 32 <= end) {
    a = round(a, load<u64>(p));
    b = round(b, load<u64>(p + 8));
    c = round(c, load<u64>(p + 16));
    d = round(d, load<u64>(p + 24));
    p += 32;
  }
  left = end - p;
  memory.copy(BLOCK - left, p, left);
}

// @ts-ignore: decorator
@inline
function merge(hash: u64, lane: u64): u64 {
  return (hash ^ round(0, lane)) * PRIME_1 + PRIME_4;
}

/** The lower half of the hash, which is what a frame carries. */
export function digest(): u32 {
  let hash = PRIME_5;
  if (total >= 32) {
    hash = rotl<u64>(a, 1) + rotl<u64>(b, 7) + rotl<u64>(c, 12) + rotl<u64>(d, 18);
    hash = merge(merge(merge(merge(hash, a), b), c), d);
  }
  hash += total;
  let p = BLOCK - left;
  while (p + 8 <= BLOCK) {
    hash = rotl<u64>(hash ^ round(0, load<u64>(p)), 27) * PRIME_1 + PRIME_4;
    p += 8;
  }
  if (p + 4 <= BLOCK) {
    hash = rotl<u64>(hash ^ (<u64>load<u32>(p) * PRIME_1), 23) * PRIME_2 + PRIME_3;
    p += 4;
  }
  while (p < BLOCK) {
    hash = rotl<u64>(hash ^ (<u64>load<u8>(p) * PRIME_5), 11) * PRIME_1;
    p++;
  }
  hash = (hash ^ (hash >> 33)) * PRIME_2;
  hash = (hash ^ (hash >> 29)) * PRIME_3;
  return <u32>(hash ^ (hash >> 32));
}
