// Huffman codes with lengths up to a limit.
import { CODES, LEAVES, SORTED, TREE } from './layout';

// @ts-ignore: decorator
@inline
function get(array: usize, i: i32): u32 {
  return load<u32>(array + (<usize>i << 2));
}

// @ts-ignore: decorator
@inline
function set(array: usize, i: i32, value: u32): void {
  store<u32>(array + (<usize>i << 2), value);
}

/**
 * The lengths of the best code for `symbols` symbols that occur as often as `frequencies` (32 bits each, below 2^23) say; 0
 * for those that do not occur. A single symbol gets a code of one bit, which is what deflate wants for distances.
 */
export function makeLengths(frequencies: usize, symbols: i32, lengths: usize, maxLength: i32): void {
  memory.fill(lengths, 0, symbols);
  const used = sort(frequencies, symbols);
  if (used == 0) return;
  if (used == 1) {
    store<u8>(lengths + (get(SORTED, 0) & 511), 1);
    return;
  }
  makeDepths(used);
  countLeaves(used, maxLength);
  // The rarest symbols get the longest codes.
  let next = 0;
  for (let length = maxLength; length > 0; length--) {
    for (let left = get(LEAVES, length); left > 0; left--) {
      store<u8>(lengths + (get(SORTED, next) & 511), <u8>length);
      next++;
    }
  }
}

/** The symbols that occur, the rarest first: frequency, and symbol in the lowest 9 bits. */
function sort(frequencies: usize, symbols: i32): i32 {
  let used = 0;
  for (let symbol = 0; symbol < symbols; symbol++) {
    const frequency = get(frequencies, symbol);
    if (frequency == 0) continue;
    const key = (frequency << 9) | <u32>symbol;
    let i = used;
    for (; i > 0 && get(SORTED, i - 1) > key; i--) set(SORTED, i, get(SORTED, i - 1));
    set(SORTED, i, key);
    used++;
  }
  return used;
}

/**
 * The depths of the tree's inner nodes, the root last (at `used - 2`), by Moffat and Katajainen's method in one array: it
 * holds weights of nodes, then their parents, then their depths.
 */
function makeDepths(used: i32): void {
  let leaf = 0;
  let root = 0;
  for (let next = 0; next < used - 1; next++) {
    let weight: u32 = 0;
    for (let child = 0; child < 2; child++) {
      if (leaf >= used || (root < next && get(TREE, root) < get(SORTED, leaf) >> 9)) {
        weight += get(TREE, root);
        set(TREE, root, next);
        root++;
      } else {
        weight += get(SORTED, leaf) >> 9;
        leaf++;
      }
    }
    set(TREE, next, weight);
  }
  set(TREE, used - 2, 0);
  for (let node = used - 3; node >= 0; node--) set(TREE, node, get(TREE, get(TREE, node)) + 1);
}

/** How many leaves there are of each depth, those deeper than `maxLength` raised to it and others lowered for that. */
function countLeaves(used: i32, maxLength: i32): void {
  memory.fill(LEAVES, 0, 16 * 4);
  let node = used - 2;
  let available = 1;
  // The part of all codes that is taken, in codes of the greatest length.
  let taken: u32 = 0;
  for (let depth = 0; available > 0; depth++) {
    let inner = 0;
    for (; node >= 0 && get(TREE, node) == depth; node--) inner++;
    const length = min(depth, maxLength);
    set(LEAVES, length, get(LEAVES, length) + (available - inner));
    taken += (available - inner) << (maxLength - length);
    available = 2 * inner;
  }
  for (; taken > <u32>1 << maxLength; taken--) {
    // One of the longest goes beside a shorter one, which becomes longer by one.
    let length = maxLength - 1;
    while (get(LEAVES, length) == 0) length--;
    set(LEAVES, maxLength, get(LEAVES, maxLength) - 1);
    set(LEAVES, length, get(LEAVES, length) - 1);
    set(LEAVES, length + 1, get(LEAVES, length + 1) + 2);
  }
}

/** The canonical code of these lengths, at `CODES`, 16 bits each, the first bit lowest as deflate writes them. */
export function makeCodes(lengths: usize, symbols: i32): void {
  memory.fill(LEAVES, 0, 16 * 4);
  for (let symbol = 0; symbol < symbols; symbol++) {
    const length = load<u8>(lengths + symbol);
    set(LEAVES, length, get(LEAVES, length) + 1);
  }
  let code: u32 = 0;
  let codes: u32 = 0;
  for (let length = 1; length < 16; length++) {
    code = (code + codes) << 1;
    codes = get(LEAVES, length);
    // From here on the next code of that length.
    set(LEAVES, length, code);
  }
  for (let symbol = 0; symbol < symbols; symbol++) {
    const length = load<u8>(lengths + symbol);
    if (length == 0) continue;
    const next = get(LEAVES, length);
    set(LEAVES, length, next + 1);
    store<u16>(CODES + (<usize>symbol << 1), reversed(next, length));
  }
}

function reversed(code: u32, length: u32): u16 {
  let result: u32 = 0;
  for (let i: u32 = 0; i < length; i++) result |= ((code >> i) & 1) << (length - 1 - i);
  return <u16>result;
}
