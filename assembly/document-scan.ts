// Looks once at a document's JSON text and tells where the members are that somebody asked for, what a digest is made of,
// and whether there may be secrets in it. src/formats/document-scanner.ts does the same without it.
//
// The text is valid JSON: whoever made it has seen to that. Whatever the bytes are, nothing outside them is read. Memory: the
// table of names by their hash, the names, the results, then the text; the host keeps 32 readable bytes behind it.
import { isSame, putName, valueOfName } from './shared/name-table';

const NAMES: usize = 16384;
const NAMES_END: usize = 24576;
const PREFIXES: usize = 24576;
const PREFIX_BYTES: usize = 32;
const LINKS: usize = 25600;
const SLOTS: usize = 26624;
const SLOT_BYTES: usize = 12;
const RUNS: usize = 32768;
const RUNS_END: usize = 65536;
const INPUT: usize = 65536;

// What a name means: the lower byte is the slot + 1 of a member of the document.
const VOLATILE: u32 = 0x100;
const SECRET: u32 = 0x200;
const MARK: u32 = 0x400;

// What is known of a slot's value.
const HOLDS_MARK: u32 = 1;
const HOLDS_NULL: u32 = 2;

// Results of a scan.
const IS_DOCUMENT: i32 = 1;
const MAY_HOLD_SECRET: i32 = 2;
/** A name is written with escapes, or there are too many runs: the host looks itself. */
const IS_ODD: i32 = 4;

let namesEnd: usize = NAMES;
let prefixes: i32 = 0;
let links: i32 = 0;
let slots: i32 = 0;
let runsEnd: usize = RUNS;

export function inputAddress(): usize {
  return INPUT;
}

export function slotsAddress(): usize {
  return SLOTS;
}

/** Takes the name in the input's first bytes. False when there is no room for it. */
export function addName(length: i32, meaning: u32): bool {
  if (namesEnd + 16 + length > NAMES_END) return false;
  namesEnd = putName(namesEnd, INPUT, length, meaning);
  if ((meaning & 0xff) > <u32>slots) slots = meaning & 0xff;
  return true;
}

/** Takes what names begin with: 4 to 23 bytes. */
export function addPrefix(length: i32, meaning: u32): void {
  const at = PREFIXES + <usize>prefixes * PREFIX_BYTES;
  prefixes++;
  store<u32>(at, length);
  store<u32>(at + 4, meaning);
  memory.copy(at + 8, INPUT, length);
}

/** Takes the first three letters, in lower case, of a parameter that makes a link a key. */
export function addLink(): void {
  store<u32>(LINKS + <usize>links * 4, load<u32>(INPUT) & 0xffffff);
  links++;
}

// @ts-ignore: decorator
@inline
function meaningOf(p: usize, length: u32): u32 {
  const meaning = valueOfName(p, length);
  if (meaning != 0) return meaning;
  const head = load<u32>(p);
  for (let i = 0; i < prefixes; i++) {
    const at = PREFIXES + <usize>i * PREFIX_BYTES;
    if (load<u32>(at + 8) != head) continue;
    const needed = load<u32>(at);
    if (length >= needed && isSame(at + 8, p, needed)) return load<u32>(at + 4);
  }
  return 0;
}

/** Whether what follows `?` or `&` may be the name of a parameter that signs a link. */
function isLink(p: usize): bool {
  const three = (load<u32>(p) | 0x202020) & 0xffffff;
  for (let i = 0; i < links; i++) if (load<u32>(LINKS + <usize>i * 4) == three) return true;
  return false;
}

// @ts-ignore: decorator
@inline
function isSpace(c: i32): bool {
  return c == 0x20 || c == 0x0a || c == 0x0d || c == 0x09;
}

/** Looks at the first `length` bytes of the input. */
export function scan(length: i32): i32 {
  const end: usize = INPUT + <usize>length;
  const quotes = i8x16.splat(0x22);
  const backslashes = i8x16.splat(0x5c);
  const questions = i8x16.splat(0x3f);
  const ands = i8x16.splat(0x26);
  // What comes after the text must not look like a part of it.
  v128.store(end, i8x16.splat(0));
  v128.store(end + 16, i8x16.splat(0));
  memory.fill(SLOTS, 0, <usize>slots * SLOT_BYTES);
  runsEnd = RUNS;

  let p: usize = INPUT;
  while (p < end && isSpace(load<u8>(p))) p++;
  if (p >= end || load<u8>(p) != 0x7b) return 0;
  p++;
  let result: i32 = IS_DOCUMENT;
  let depth = 1;
  // The member of the document that is being read: its slot's address, where its name and its value begin.
  let slot: usize = 0;
  let nameStart: usize = 0;
  let valueStart: usize = 0;
  let isVolatile = false;
  let isList = false;
  let lastEnd: usize = p;
  let runStart: usize = 0;
  let runEnd: usize = 0;

  while (p < end) {
    const c: i32 = load<u8>(p);
    if (c == 0x22) {
      const start = p + 1;
      let hasEscape = false;
      p = start;
      while (p < end) {
        const v = v128.load(p);
        const mask = i8x16.bitmask(
          v128.or(
            v128.or(i8x16.eq(v, quotes), i8x16.eq(v, backslashes)),
            v128.or(i8x16.eq(v, questions), i8x16.eq(v, ands)),
          ),
        );
        if (mask == 0) {
          p += 16;
          continue;
        }
        p += ctz(mask);
        const stop: i32 = load<u8>(p);
        if (stop == 0x22) break;
        if (stop == 0x5c) {
          hasEscape = true;
          // Letters and signs that are written as escapes: \u0020 to \u007f.
          if ((load<u32>(p + 1) & 0xffffff) == 0x303075 && <u32>(load<u8>(p + 4) - 0x32) < 6) result |= MAY_HOLD_SECRET;
          p += 2;
          continue;
        }
        p++;
        if (isLink(p)) result |= MAY_HOLD_SECRET;
      }
      if (p >= end) break;
      const nameLength = <u32>(p - start);
      p++;
      let next = p;
      while (isSpace(load<u8>(next))) next++;
      if (load<u8>(next) != 0x3a) {
        lastEnd = p;
        continue;
      }
      p = next + 1;
      if (hasEscape) result |= IS_ODD | MAY_HOLD_SECRET;
      const meaning = meaningOf(start, nameLength);
      if ((meaning & SECRET) != 0) result |= MAY_HOLD_SECRET;
      if (depth != 1) {
        if ((meaning & MARK) != 0 && slot != 0) store<u32>(slot + 8, load<u32>(slot + 8) | HOLDS_MARK);
        continue;
      }
      while (isSpace(load<u8>(p))) p++;
      nameStart = start - 1;
      valueStart = p;
      isVolatile = (meaning & VOLATILE) != 0;
      isList = load<u8>(p) == 0x5b;
      const number = meaning & 0xff;
      slot = number == 0 ? 0 : SLOTS + <usize>(number - 1) * SLOT_BYTES;
      if (slot != 0) store<u32>(slot + 8, 0);
      continue;
    }
    if (isSpace(c) || (c == 0x2c && depth > 1)) {
      p++;
      continue;
    }
    if (c == 0x7b || c == 0x5b) {
      depth++;
      p++;
      continue;
    }
    const isClosing = c == 0x7d || c == 0x5d;
    if (isClosing && depth > 1) {
      depth--;
      p++;
      lastEnd = p;
      continue;
    }
    if (isClosing || c == 0x2c) {
      // The end of a member of the document, if one was begun.
      if (valueStart != 0) {
        if (slot != 0) {
          store<u32>(slot, <u32>(valueStart - INPUT));
          store<u32>(slot + 4, <u32>(lastEnd - INPUT));
        }
        if (isVolatile) {
          if (runStart != 0) {
            if (runsEnd == RUNS_END) result |= IS_ODD;
            else {
              store<u32>(runsEnd, <u32>runStart);
              store<u32>(runsEnd + 4, <u32>runEnd);
              runsEnd += 8;
            }
            runStart = 0;
          }
        } else {
          if (runStart == 0) runStart = nameStart;
          runEnd = lastEnd;
        }
        valueStart = 0;
        slot = 0;
      }
      p++;
      if (isClosing) break;
      continue;
    }
    if (c == 0x6e && depth == 2 && isList && slot != 0) store<u32>(slot + 8, load<u32>(slot + 8) | HOLDS_NULL);
    p++;
    while (<u32>((load<u8>(p) | 0x20) - 0x61) < 26) p++;
    lastEnd = p;
  }
  if (runStart != 0) {
    if (runsEnd == RUNS_END) result |= IS_ODD;
    else {
      store<u32>(runsEnd, <u32>runStart);
      store<u32>(runsEnd + 4, <u32>runEnd);
      runsEnd += 8;
    }
  }
  return result;
}

/** Puts the members that count for a digest to the beginning of the input, each run with a comma behind it; how many bytes. */
export function gatherRuns(): i32 {
  let out: usize = INPUT;
  for (let run = RUNS; run < runsEnd; run += 8) {
    const start = <usize>load<u32>(run);
    const length = <usize>load<u32>(run + 4) - start;
    memory.copy(out, start, length);
    store<u8>(out + length, 0x2c);
    out += length + 1;
  }
  return <i32>(out - INPUT);
}
