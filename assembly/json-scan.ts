// A validating JSON scanner that takes its input in blocks and finds where values end.
//
// It accepts exactly the grammar of RFC 8259 (what JSON.parse accepts), byte by byte; whether strings are UTF-8 is
// checked elsewhere. All state is in globals, so a block may end anywhere. src/formats/json-scanner-typescript.ts is the same
// machine in plain TypeScript, but for what it skips because it was just read: change both together.
//
// Two modes. Lines: a value ends at a raw line feed, whatever state the machine is in. Values: a value ends at a comma
// or a closing bracket of the container around it; after a mistake the machine follows strings and brackets to there.

// Memory: container kinds by depth, then events, then the block.
const STACK: usize = 1024;
const MAX_DEPTH: i32 = 65535;
const EVENTS: usize = 1024 + 65536;
const BLOCK_BYTES: i32 = 65536;
const BLOCK: usize = EVENTS + 65536 * 4;

// Behind the block, and what a vector may read beyond it: where values closed in the one read before, see `repeated`.
const NOTES: usize = BLOCK + <usize>BLOCK_BYTES + 64;
const NOTE_BYTES: usize = 12;
const NOTES_END: usize = NOTES + 4096 * NOTE_BYTES;
// Containers so deep are noted: the kinds of all of them are one word.
const NOTED_DEPTH: i32 = 3;

const IN_OBJECT: u8 = 1;

// Verdicts, in the two upper bits of an event; the lower bits are the position in the block.
const VALID: u32 = 0;
const INVALID: u32 = 1;
const UNSURE: u32 = 2;
const EMPTY: u32 = 3;

// States.
const VALUE: i32 = 0;
const FIRST_VALUE: i32 = 1;
const FIRST_KEY: i32 = 2;
const KEY: i32 = 3;
const COLON: i32 = 4;
const AFTER: i32 = 5;
const STRING: i32 = 6;
const ESCAPE: i32 = 7;
const HEX: i32 = 8;
const LITERAL: i32 = 9;
const MINUS: i32 = 10;
const ZERO: i32 = 11;
const INTEGER: i32 = 12;
const POINT: i32 = 13;
const FRACTION: i32 = 14;
const EXPONENT: i32 = 15;
const EXPONENT_SIGN: i32 = 16;
const EXPONENT_DIGITS: i32 = 17;
const LOST: i32 = 18;
const LOST_STRING: i32 = 19;
const LOST_ESCAPE: i32 = 20;

let byLine: bool = true;
let savedState: i32 = VALUE;
let savedDepth: i32 = 0;
// The string being read is a key.
let savedInKey: bool = false;
// Hex digits still to come in a \u escape.
let savedHexLeft: i32 = 0;
// Rest of a literal, next byte lowest.
let savedLiteral: u32 = 0;
// Why the machine is lost: INVALID or UNSURE.
let savedVerdict: u32 = VALID;
let stoppedAt: i32 = 0;
// The last eight bytes of a key to look for, and whether the value of such a key comes next. 0: none.
let mark: u64 = 0;
let isAtMark: bool = false;
let marked: bool = false;
// A line break between values, in values mode.
let broken: bool = false;

export function blockAddress(): usize {
  return BLOCK;
}

export function blockBytes(): i32 {
  return BLOCK_BYTES;
}

export function eventsAddress(): usize {
  return EVENTS;
}

/** Starts over, before a value. The mark: eight bytes, the first lowest, or 0. */
export function reset(lines: bool, markLow: u32, markHigh: u32): void {
  byLine = lines;
  mark = (<u64>markHigh << 32) | <u64>markLow;
  isAtMark = false;
  marked = false;
  broken = false;
  savedState = VALUE;
  savedDepth = 0;
  savedVerdict = VALID;
}

/** Where the last scan stopped: the block's length, or just after a closing bracket in values mode. */
export function stopped(): i32 {
  return stoppedAt;
}

/** Whether a key that ends with the mark may have had text that is not empty for a value. */
export function mayHoldMark(): bool {
  return marked;
}

/** Whether there was a line break between two values, outside of text. */
export function hasBreaks(): bool {
  return broken;
}

/** What the value read so far would be if the input ended here. */
export function finish(): u32 {
  return verdictAtEnd(savedState, savedDepth, savedVerdict);
}

function verdictAtEnd(state: i32, depth: i32, verdict: u32): u32 {
  if (state >= LOST) return verdict;
  if (depth > 0) return INVALID;
  if (state == VALUE) return EMPTY;
  const isWhole =
    state == AFTER || state == ZERO || state == INTEGER || state == FRACTION || state == EXPONENT_DIGITS;
  return isWhole ? VALID : INVALID;
}

// @ts-ignore: decorator
@inline
function isDigit(c: i32): bool {
  return <u32>(c - 0x30) < 10;
}

// @ts-ignore: decorator
@inline
function isHex(c: i32): bool {
  return isDigit(c) || <u32>((c | 0x20) - 0x61) < 6;
}

// @ts-ignore: decorator
@inline
function isSpace(c: i32): bool {
  return c == 0x20 || c == 0x0a || c == 0x0d || c == 0x09;
}

// @ts-ignore: decorator
@inline
function isBreak(c: i32): bool {
  return c == 0x0a || c == 0x0d;
}

/** How many bytes, at most `most`, are the same in two places. */
// @ts-ignore: decorator
@inline
function repeated(one: usize, other: usize, most: usize): usize {
  let same: usize = 0;
  while (same < most) {
    const mask = i8x16.bitmask(i8x16.eq(v128.load(one + same), v128.load(other + same)));
    if (mask != 0xffff) {
      same += ctz(~mask);
      break;
    }
    same += 16;
  }
  return same < most ? same : most;
}

/** Scans the block's first `length` bytes; gives the number of events. */
export function scan(length: i32): i32 {
  let p: usize = BLOCK;
  // Values mode: where the value being read begins, if in this block, and behind the last note of where in it others closed.
  let first: usize = !byLine && savedState == VALUE && savedDepth == 0 ? BLOCK : 0;
  let notes: usize = NOTES;
  const end: usize = BLOCK + <usize>length;
  let out: usize = EVENTS;
  let state = savedState;
  let depth = savedDepth;
  let inKey = savedInKey;
  let hexLeft = savedHexLeft;
  let literal = savedLiteral;
  let verdict = savedVerdict;
  const name = mark;
  // No byte is -1: in values mode nothing ends a line.
  const lineEnd: i32 = byLine ? 0x0a : -1;
  const quotes = i8x16.splat(0x22);
  const backslashes = i8x16.splat(0x5c);
  const controls = i8x16.splat(0x1f);
  const newlines = i8x16.splat(0x0a);

  while (p < end) {
    const c: i32 = load<u8>(p);
    // A line feed ends the line wherever it is.
    if (c == lineEnd) {
      store<u32>(out, <u32>(p - BLOCK) | (verdictAtEnd(state, depth, verdict) << 30));
      out += 4;
      p++;
      state = VALUE;
      depth = 0;
      continue;
    }
    switch (state) {
      case STRING: {
        while (true) {
          const v = v128.load(p);
          const stops = v128.or(
            v128.or(i8x16.eq(v, quotes), i8x16.eq(v, backslashes)),
            i8x16.eq(i8x16.min_u(v, controls), v),
          );
          const mask = i8x16.bitmask(stops);
          if (mask != 0) {
            p += ctz(mask);
            break;
          }
          p += 16;
          if (p >= end) break;
        }
        if (p >= end) {
          p = end;
          continue;
        }
        const stop: i32 = load<u8>(p);
        if (stop == 0x22) {
          // What is before the block is not there any more: it may have been the mark.
          if (inKey && name != 0) isAtMark = p < BLOCK + 8 || load<u64>(p - 8) == name;
          p++;
          state = inKey ? COLON : AFTER;
          // The usual next byte, without going round.
          if (p < end) {
            const next: i32 = load<u8>(p);
            if (inKey && next == 0x3a) {
              p++;
              state = VALUE;
            } else if (!inKey && next == 0x2c && depth > 0) {
              p++;
              state = load<u8>(STACK + depth) == IN_OBJECT ? KEY : VALUE;
            }
          }
          continue;
        }
        if (stop == 0x5c) {
          p++;
          state = ESCAPE;
          if (p < end) {
            const e: i32 = load<u8>(p);
            if (e == 0x6e || e == 0x22 || e == 0x5c) {
              p++;
              state = STRING;
            }
          }
          continue;
        }
        if (stop == lineEnd) continue;
        verdict = INVALID;
        state = LOST_STRING;
        p++;
        continue;
      }
      case VALUE:
      case FIRST_VALUE: {
        if (c == 0x22) {
          inKey = false;
          state = STRING;
          p++;
          if (isAtMark) {
            if (p >= end || load<u8>(p) != 0x22) marked = true;
            isAtMark = false;
          }
          continue;
        }
        if (c == 0x7b || c == 0x5b) {
          if (depth == MAX_DEPTH) {
            verdict = UNSURE;
            state = LOST;
            continue;
          }
          depth++;
          store<u8>(STACK + depth, c == 0x7b ? IN_OBJECT : 0);
          state = c == 0x7b ? FIRST_KEY : FIRST_VALUE;
          p++;
          continue;
        }
        if (isDigit(c)) {
          state = c == 0x30 ? ZERO : INTEGER;
          p++;
          continue;
        }
        if (c == 0x2d) {
          state = MINUS;
          p++;
          continue;
        }
        if (c == 0x74 || c == 0x66 || c == 0x6e) {
          literal = c == 0x74 ? 0x657572 : c == 0x66 ? 0x65736c61 : 0x6c6c75;
          state = LITERAL;
          p++;
          continue;
        }
        if (c == 0x5d && state == FIRST_VALUE) {
          depth--;
          state = AFTER;
          p++;
          continue;
        }
        if (isSpace(c)) {
          broken |= isBreak(c);
          p++;
          continue;
        }
        if (depth == 0 && lineEnd < 0 && (c == 0x2c || c == 0x5d || c == 0x7d)) {
          store<u32>(out, <u32>(p - BLOCK) | (EMPTY << 30));
          out += 4;
          p++;
          first = p;
          notes = NOTES;
          if (c != 0x2c) {
            stoppedAt = <i32>(p - BLOCK);
            savedState = VALUE;
            savedDepth = 0;
            savedVerdict = VALID;
            return <i32>((out - EVENTS) >> 2);
          }
          continue;
        }
        verdict = INVALID;
        state = LOST;
        continue;
      }
      case AFTER: {
        if (c == 0x2c && depth > 0) {
          state = load<u8>(STACK + depth) == IN_OBJECT ? KEY : VALUE;
          p++;
          continue;
        }
        if (depth > 0 && c == (load<u8>(STACK + depth) == IN_OBJECT ? 0x7d : 0x5d)) {
          depth--;
          p++;
          if (depth <= NOTED_DEPTH && depth > 0 && first != 0 && !isAtMark && notes < NOTES_END) {
            store<u32>(notes, <u32>(p - first));
            store<i32>(notes + 4, depth);
            store<u32>(notes + 8, load<u32>(STACK + 1));
            notes += NOTE_BYTES;
          }
          continue;
        }
        if (isSpace(c)) {
          broken |= isBreak(c);
          p++;
          continue;
        }
        if (depth == 0 && lineEnd < 0 && (c == 0x2c || c == 0x5d || c == 0x7d)) {
          store<u32>(out, <u32>(p - BLOCK) | (VALID << 30));
          out += 4;
          p++;
          state = VALUE;
          if (c != 0x2c) {
            stoppedAt = <i32>(p - BLOCK);
            savedState = VALUE;
            savedDepth = 0;
            savedVerdict = VALID;
            return <i32>((out - EVENTS) >> 2);
          }
          // Where the next value begins with the same bytes, the machine is where it was after them: a thread's checkpoints
          // repeat each other for the most part.
          const before = first;
          first = p;
          if (before != 0) {
            const same = repeated(before, p, min(p - 1 - before, end - p));
            while (notes > NOTES && <usize>load<u32>(notes - NOTE_BYTES) > same) notes -= NOTE_BYTES;
            if (notes > NOTES) {
              p += <usize>load<u32>(notes - NOTE_BYTES);
              depth = load<i32>(notes - NOTE_BYTES + 4);
              store<u32>(STACK + 1, load<u32>(notes - NOTE_BYTES + 8));
              state = AFTER;
              isAtMark = false;
            }
          } else {
            notes = NOTES;
          }
          continue;
        }
        verdict = INVALID;
        state = LOST;
        continue;
      }
      case FIRST_KEY:
      case KEY: {
        if (c == 0x22) {
          inKey = true;
          state = STRING;
          p++;
          continue;
        }
        if (c == 0x7d && state == FIRST_KEY) {
          depth--;
          state = AFTER;
          p++;
          continue;
        }
        if (isSpace(c)) {
          broken |= isBreak(c);
          p++;
          continue;
        }
        verdict = INVALID;
        state = LOST;
        continue;
      }
      case COLON: {
        if (c == 0x3a) {
          state = VALUE;
          p++;
          continue;
        }
        if (isSpace(c)) {
          broken |= isBreak(c);
          p++;
          continue;
        }
        verdict = INVALID;
        state = LOST;
        continue;
      }
      case ESCAPE: {
        if (c == 0x75) {
          hexLeft = 4;
          state = HEX;
          p++;
          continue;
        }
        if (
          c == 0x6e || c == 0x22 || c == 0x5c || c == 0x74 || c == 0x72 || c == 0x2f || c == 0x62 || c == 0x66
        ) {
          state = STRING;
          p++;
          continue;
        }
        verdict = INVALID;
        state = LOST_STRING;
        p++;
        continue;
      }
      case HEX: {
        if (isHex(c)) {
          p++;
          if (--hexLeft == 0) state = STRING;
          continue;
        }
        verdict = INVALID;
        state = LOST_STRING;
        continue;
      }
      case LITERAL: {
        if (<u32>c == (literal & 0xff)) {
          literal >>= 8;
          if (literal == 0) state = AFTER;
          p++;
          continue;
        }
        verdict = INVALID;
        state = LOST;
        continue;
      }
      case MINUS: {
        if (isDigit(c)) {
          state = c == 0x30 ? ZERO : INTEGER;
          p++;
          continue;
        }
        verdict = INVALID;
        state = LOST;
        continue;
      }
      case INTEGER: {
        if (isDigit(c)) {
          p++;
          continue;
        }
        // What may follow is the same as after a zero.
        state = ZERO;
        continue;
      }
      case ZERO: {
        if (c == 0x2e) {
          state = POINT;
          p++;
          continue;
        }
        if ((c | 0x20) == 0x65) {
          state = EXPONENT;
          p++;
          continue;
        }
        state = AFTER;
        continue;
      }
      case POINT: {
        if (isDigit(c)) {
          state = FRACTION;
          p++;
          continue;
        }
        verdict = INVALID;
        state = LOST;
        continue;
      }
      case FRACTION: {
        if (isDigit(c)) {
          p++;
          continue;
        }
        if ((c | 0x20) == 0x65) {
          state = EXPONENT;
          p++;
          continue;
        }
        state = AFTER;
        continue;
      }
      case EXPONENT: {
        if (c == 0x2b || c == 0x2d) {
          state = EXPONENT_SIGN;
          p++;
          continue;
        }
        if (isDigit(c)) {
          state = EXPONENT_DIGITS;
          p++;
          continue;
        }
        verdict = INVALID;
        state = LOST;
        continue;
      }
      case EXPONENT_SIGN: {
        if (isDigit(c)) {
          state = EXPONENT_DIGITS;
          p++;
          continue;
        }
        verdict = INVALID;
        state = LOST;
        continue;
      }
      case EXPONENT_DIGITS: {
        if (isDigit(c)) {
          p++;
          continue;
        }
        state = AFTER;
        continue;
      }
      default: {
        if (lineEnd >= 0) {
          while (true) {
            const mask = i8x16.bitmask(i8x16.eq(v128.load(p), newlines));
            if (mask != 0) {
              p += ctz(mask);
              break;
            }
            p += 16;
            if (p >= end) break;
          }
          if (p > end) p = end;
          continue;
        }
        if (state == LOST_ESCAPE) {
          state = LOST_STRING;
          p++;
          continue;
        }
        if (state == LOST_STRING) {
          if (c == 0x22) state = LOST;
          else if (c == 0x5c) state = LOST_ESCAPE;
          p++;
          continue;
        }
        if (c == 0x22) {
          state = LOST_STRING;
          p++;
          continue;
        }
        if (c == 0x7b || c == 0x5b) {
          depth++;
          p++;
          continue;
        }
        if (c == 0x7d || c == 0x5d || c == 0x2c) {
          if (depth > 0) {
            if (c != 0x2c) depth--;
            p++;
            continue;
          }
          store<u32>(out, <u32>(p - BLOCK) | (verdict << 30));
          out += 4;
          p++;
          state = VALUE;
          verdict = VALID;
          first = p;
          notes = NOTES;
          if (c != 0x2c) {
            stoppedAt = <i32>(p - BLOCK);
            savedState = VALUE;
            savedDepth = 0;
            savedVerdict = VALID;
            return <i32>((out - EVENTS) >> 2);
          }
          continue;
        }
        p++;
        continue;
      }
    }
  }

  stoppedAt = length;
  savedState = state;
  savedDepth = depth;
  savedInKey = inKey;
  savedHexLeft = hexLeft;
  savedLiteral = literal;
  savedVerdict = verdict;
  return <i32>((out - EVENTS) >> 2);
}
