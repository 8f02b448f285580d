// The output, bit by bit: the first bit is the lowest of the first byte.

let address: usize = 0;
let bits: u64 = 0;
/** Bits that are in `bits` and not in memory yet, fewer than 8. */
let count: u64 = 0;

/** Starts writing at `to`. */
export function begin(to: usize): void {
  address = to;
  bits = 0;
  count = 0;
}

/** Writes the lowest `length` (at most 48) bits of `value`, which has no others. */
export function put(value: u64, length: u32): void {
  bits |= value << count;
  count += length;
  store<u64>(address, bits);
  address += <usize>(count >> 3);
  bits >>= count & 56;
  count &= 7;
}

/** Fills the last byte up. */
export function end(): void {
  if (count > 0) address++;
  bits = 0;
  count = 0;
}

/** Where the next byte goes; whole after `end`. */
export function position(): usize {
  return address;
}

/** Copies whole bytes, after `end`. */
export function putBytes(from: usize, length: usize): void {
  memory.copy(address, from, length);
  address += length;
}

/** Writes the tokens from `token` to `last` with the codes in two tables; see blocks.ts. */
export function putTokens(token: usize, last: usize, literals: usize, distances: usize): void {
  // In locals, which are registers.
  let a = address;
  let b = bits;
  let n = count;
  for (; token < last; token += 4) {
    const t = load<u32>(token);
    const literal = load<u32>(literals + (<usize>(t & 511) << 2));
    const literalBits = <u64>(literal >> 24);
    const distance = distances + (<usize>((t >> 9) & 31) << 4);
    // In 64 bits, where the sum does not overflow: see `distanceEntry`.
    const code = load<u64>(distance) + (<u64>(t >> 14) << <u64>load<u8>(distance, 8));
    b |= (<u64>(literal & 0xffffff) | (code << literalBits)) << n;
    n += literalBits + <u64>load<u8>(distance, 9);
    store<u64>(a, b);
    a += <usize>(n >> 3);
    b >>= n & 56;
    n &= 7;
  }
  address = a;
  bits = b;
  count = n;
}
