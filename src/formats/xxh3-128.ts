// The numbers of the algorithm. https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
const secret = Buffer.from(
  'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c' +
    '3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364' +
    'eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e',
  'hex',
);
const mask = 0xffff_ffff_ffff_ffffn;
const low = 0xffff_ffffn;
const p32 = [0x9e37_79b1n, 0x85eb_ca77n, 0xc2b2_ae3dn] as const;
const p64 = [
  0x9e37_79b1_85eb_ca87n,
  0xc2b2_ae3d_27d4_eb4fn,
  0x1656_67b1_9e37_79f9n,
  0x85eb_ca77_c2b2_ae63n,
  0x27d4_eb2f_1656_67c5n,
] as const;

/** Both halves of a running hash. */
interface Halves {
  lo: bigint;
  hi: bigint;
}

/**
 * XXH3 with 128 bits, seed 0, as 32 hex digits: what LangGraph makes ids of tasks and questions from. For short input; it is
 * not written for speed.
 */
export function xxh3Hash128(input: Uint8Array | string): string {
  const bytes = typeof input === 'string' ? Buffer.from(input) : Buffer.from(input);
  const { lo, hi } = hash(bytes);
  return (((hi & mask) << 64n) | (lo & mask)).toString(16).padStart(32, '0');
}

function hash(bytes: Buffer): Halves {
  const { length } = bytes;
  if (length === 0) return { lo: xxh64Avalanche(key(64) ^ key(72)), hi: xxh64Avalanche(key(80) ^ key(88)) };
  if (length <= 3) return upTo3(bytes);
  if (length <= 8) return upTo8(bytes);
  if (length <= 16) return upTo16(bytes);
  if (length <= 128) return upTo128(bytes);
  if (length <= 240) return upTo240(bytes);
  return long(bytes);
}

function upTo3(bytes: Buffer): Halves {
  const { length } = bytes;
  const [first = 0] = bytes;
  const middle = bytes[length >> 1] ?? 0;
  const last = bytes[length - 1] ?? 0;
  const lo = ((first << 16) | (middle << 24) | last | (length << 8)) >>> 0;
  const swapped = Buffer.alloc(4);
  swapped.writeUInt32LE(lo);
  const turned = swapped.readUInt32BE();
  const hi = ((turned << 13) | (turned >>> 19)) >>> 0;
  const flip = (at: number): bigint => BigInt((secret.readUInt32LE(at) ^ secret.readUInt32LE(at + 4)) >>> 0);
  return { lo: xxh64Avalanche(BigInt(lo) ^ flip(0)), hi: xxh64Avalanche(BigInt(hi) ^ flip(8)) };
}

function upTo8(bytes: Buffer): Halves {
  const { length } = bytes;
  const both = BigInt(bytes.readUInt32LE(0)) + (BigInt(bytes.readUInt32LE(length - 4)) << 32n);
  const product = (both ^ key(16) ^ key(24)) * (p64[0] + BigInt(length << 2));
  let lo = product & mask;
  const hi = ((product >> 64n) + (lo << 1n)) & mask;
  lo ^= hi >> 3n;
  lo = ((lo ^ (lo >> 35n)) * 0x9fb2_1c65_1e98_df25n) & mask;
  return { lo: lo ^ (lo >> 28n), hi: avalanche(hi) };
}

function upTo16(bytes: Buffer): Halves {
  const { length } = bytes;
  let last = word(bytes, length - 8);
  const product = (word(bytes, 0) ^ last ^ key(32) ^ key(40)) * p64[0];
  let lo = (product + (BigInt(length - 1) << 54n)) & mask;
  last ^= key(48) ^ key(56);
  const hi = ((product >> 64n) + last + (last & low) * (p32[1] - 1n)) & mask;
  const swapped = Buffer.alloc(8);
  swapped.writeBigUInt64LE(hi);
  lo ^= swapped.readBigUInt64BE();
  const second = lo * p64[1];
  return { lo: avalanche(second & mask), hi: avalanche(((second >> 64n) + hi * p64[1]) & mask) };
}

function upTo128(bytes: Buffer): Halves {
  const { length } = bytes;
  const sum: Halves = { lo: (BigInt(length) * p64[0]) & mask, hi: 0n };
  for (const [more, at] of [
    [96, 48],
    [64, 32],
    [32, 16],
    [0, 0],
  ] as const)
    if (length > more) mix(sum, bytes, at, length - at - 16, 2 * at);
  return finish(sum, length);
}

function upTo240(bytes: Buffer): Halves {
  const { length } = bytes;
  const sum: Halves = { lo: (BigInt(length) * p64[0]) & mask, hi: 0n };
  for (let round = 0; round < Math.floor(length / 32); round++) {
    mix(sum, bytes, 32 * round, 32 * round + 16, round < 4 ? 32 * round : 3 + 32 * (round - 4));
    if (round !== 3) continue;
    sum.lo = avalanche(sum.lo);
    sum.hi = avalanche(sum.hi);
  }
  mix(sum, bytes, length - 16, length - 32, 103);
  return finish(sum, length);
}

function long(bytes: Buffer): Halves {
  const { length } = bytes;
  const sums = [p32[2], p64[0], p64[1], p64[2], p64[3], p32[1], p64[4], p32[0]] as bigint[];
  const blocks = Math.floor((length - 1) / 1024);
  for (let block = 0; block < blocks; block++) {
    for (let stripe = 0; stripe < 16; stripe++) accumulate(sums, bytes, block * 1024 + stripe * 64, stripe * 8);
    for (const [index, sum] of sums.entries())
      sums[index] = ((sum ^ (sum >> 47n) ^ key(128 + 8 * index)) * p32[0]) & mask;
  }
  const stripes = Math.floor((length - 1 - blocks * 1024) / 64);
  for (let stripe = 0; stripe < stripes; stripe++) accumulate(sums, bytes, blocks * 1024 + stripe * 64, stripe * 8);
  accumulate(sums, bytes, length - 64, 121);
  const merged = (at: number, start: bigint): bigint => {
    let sum = start;
    for (let i = 0; i < 8; i += 2)
      sum += fold((sums[i] ?? 0n) ^ key(at + 8 * i), (sums[i + 1] ?? 0n) ^ key(at + 8 * i + 8));
    return avalanche(sum & mask);
  };
  const size = BigInt(length);
  return { lo: merged(11, (size * p64[0]) & mask), hi: merged(117, ~(size * p64[1]) & mask) };
}

function accumulate(sums: bigint[], bytes: Buffer, at: number, keyAt: number): void {
  for (let i = 0; i < 8; i++) {
    const data = word(bytes, at + 8 * i);
    const mixed = data ^ key(keyAt + 8 * i);
    sums[i ^ 1] = ((sums[i ^ 1] ?? 0n) + data) & mask;
    sums[i] = ((sums[i] ?? 0n) + (mixed & low) * (mixed >> 32n)) & mask;
  }
}

function mix(sum: Halves, bytes: Buffer, first: number, second: number, keyAt: number): void {
  const half = (at: number, from: number): bigint =>
    fold(word(bytes, at) ^ key(from), word(bytes, at + 8) ^ key(from + 8));
  sum.lo = ((sum.lo + half(first, keyAt)) & mask) ^ ((word(bytes, second) + word(bytes, second + 8)) & mask);
  sum.hi = ((sum.hi + half(second, keyAt + 16)) & mask) ^ ((word(bytes, first) + word(bytes, first + 8)) & mask);
}

function finish({ lo, hi }: Halves, length: number): Halves {
  const second = avalanche((lo * p64[0] + hi * p64[3] + BigInt(length) * p64[1]) & mask);
  return { lo: avalanche((lo + hi) & mask), hi: -second & mask };
}

function fold(a: bigint, b: bigint): bigint {
  const product = a * b;
  return (product & mask) ^ (product >> 64n);
}

function avalanche(value: bigint): bigint {
  const mixed = ((value ^ (value >> 37n)) * 0x1656_6791_9e37_79f9n) & mask;
  return mixed ^ (mixed >> 32n);
}

function xxh64Avalanche(value: bigint): bigint {
  let mixed = ((value ^ (value >> 33n)) * p64[1]) & mask;
  mixed = ((mixed ^ (mixed >> 29n)) * p64[2]) & mask;
  return mixed ^ (mixed >> 32n);
}

function word(bytes: Buffer, at: number): bigint {
  return bytes.readBigUInt64LE(at);
}

function key(at: number): bigint {
  return secret.readBigUInt64LE(at);
}
