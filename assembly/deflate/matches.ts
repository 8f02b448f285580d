// Finds matches: what is in the input once more, at most 32768 bytes before.
import { INPUT, TABLE_BITS } from './layout';

/** The longest that a match can be. */
export const MAX_LENGTH: usize = 258;
const MIN_LENGTH: u32 = 4;
const MAX_DISTANCE: u32 = 32768;

// @ts-ignore: decorator
@inline
function slotOf(table: usize, p: usize): usize {
  // The upper bits of a product with the golden ratio.
  return table + (<usize>((load<u32>(p) * 0x9e3779b1) >> (32 - TABLE_BITS)) << 1);
}

/** How many of the 16 bytes at two places are the same before one differs. */
// @ts-ignore: decorator
@inline
function sameBytes(a: usize, b: usize): u32 {
  return ctz(i8x16.bitmask(i8x16.eq(v128.load(a), v128.load(b))) ^ 0x1ffff);
}

/**
 * Stores the token for what is at `p` and gives the place behind it. A literal is its byte; a match is 253 + its length (so
 * that 256 is the shortest one there is, of 3), and above these 9 bits its distance.
 *
 * Without branches but for long matches: whether there is a match cannot be predicted, and a wrong guess costs as much as
 * all the rest. The position before the end of a match is remembered, and the one after its beginning; for a literal, both
 * are the literal's own.
 */
// @ts-ignore: decorator
@inline
export function findMatch(p: usize, table: usize, token: usize): usize {
  const slot = slotOf(table, p);
  const at = <u32>(p - INPUT);
  // Positions are kept modulo 65536. One never set is the last multiple of that: a candidate like any other.
  const distance = (at - <u32>load<u16>(slot)) & 0xffff;
  store<u16>(slot, <u16>at);
  let same = sameBytes(p, p - <usize>distance);
  const isMatch = <i32>(same >= MIN_LENGTH) & <i32>(distance - 1 < MAX_DISTANCE);
  if (same == 16) same = isMatch ? longMatch(p, p - <usize>distance) : 1;
  const length: u32 = select<u32>(same, 1, isMatch);
  store<u32>(token, select<u32>((same + 253) | (distance << 9), load<u8>(p), isMatch));
  const second = p + <usize>isMatch;
  store<u16>(slotOf(table, second), <u16>(second - INPUT));
  const last = p + <usize>length - 1;
  store<u16>(slotOf(table, last), <u16>(last - INPUT));
  return last + 1;
}

function longMatch(p: usize, candidate: usize): u32 {
  let length: usize = 16;
  while (length < MAX_LENGTH) {
    const same = sameBytes(p + length, candidate + length);
    length += same;
    if (same < 16) break;
  }
  return <u32>min(length, MAX_LENGTH);
}

/** The tokens from `p` to the end of its part. Gives the place behind the last of them. */
export function finishPart(p: usize, end: usize, table: usize, token: usize): usize {
  while (p + 4 <= end) {
    const next = findMatch(p, table, token);
    if (next > end) {
      // It goes on behind the part.
      store<u32>(token, (load<u32>(token) & ~511) | (<u32>(end - p) + 253));
      return token + 4;
    }
    p = next;
    token += 4;
  }
  for (; p < end; p++) {
    store<u32>(token, load<u8>(p));
    token += 4;
  }
  return token;
}
