// Makes rows of PostgreSQL's binary COPY straight from the JSON text of records: finds the members that fill the columns, and
// writes each value in its type's form. src/formats/copy-from-json.ts does the same value by value.
//
// The text is valid JSON and UTF-8: whoever made it has seen to that. A record with anything unusual in it is left to the host:
// its row ends where the one before it does. Memory: names by their hash, names, slots, columns, where records and rows begin
// and end, the text (with room behind it that may be read), the rows.
import { putName, valueOfName } from './shared/name-table';

const NAMES: usize = 8192;
const NAMES_END: usize = 32768;
const SLOTS: usize = 32768;
const SLOT_BYTES: usize = 12;
const COLUMNS: usize = 36864;
const COLUMN_BYTES: usize = 8;
const MAX_COLUMNS: i32 = 256;
const STARTS: usize = 65536;
const ENDS: usize = 81920;
const ROW_ENDS: usize = 98304;
const MAX_RECORDS: i32 = 4096;
const INPUT: usize = 114688;
const INPUT_BYTES: i32 = 1048576;
const OUTPUT: usize = INPUT + <usize>INPUT_BYTES + 1024;
const OUTPUT_BYTES: i32 = 1310720;

// Types of columns. As in src/formats/copy-json-encoder.ts.
const TEXT: i32 = 0;
const BOOL: i32 = 1;
const INT2: i32 = 2;
const INT4: i32 = 3;
const INT8: i32 = 4;
const FLOAT4: i32 = 5;
const FLOAT8: i32 = 6;
const UUID: i32 = 7;
const TIME: i32 = 8;
const JSON: i32 = 9;
const JSONB: i32 = 10;

// What was met in a string.
const HAS_ESCAPE: i32 = 1;
const HAS_UNICODE: i32 = 2;

let namesEnd: usize = NAMES;
let slots: i32 = 0;
let columns: i32 = 0;
/** Where the next byte of a row goes. */
let out: usize = OUTPUT;
/** What was met since it was last cleared. */
let met: i32 = 0;

export function inputAddress(): usize {
  return INPUT;
}
export function inputBytes(): i32 {
  return INPUT_BYTES;
}
export function outputAddress(): usize {
  return OUTPUT;
}
export function memoryBytes(): usize {
  return OUTPUT + <usize>OUTPUT_BYTES;
}
export function startsAddress(): usize {
  return STARTS;
}
export function endsAddress(): usize {
  return ENDS;
}
export function rowEndsAddress(): usize {
  return ROW_ENDS;
}
export function maxRecords(): i32 {
  return MAX_RECORDS;
}

/** Adds a column that the member fills whose name is in the input's first bytes; a length of -1: the whole record does. */
export function addColumn(length: i32, type: i32): bool {
  if (columns == MAX_COLUMNS) return false;
  let slot: usize = 0;
  if (length >= 0) {
    slot = <usize>valueOfName(INPUT, length);
    if (slot == 0) {
      if (namesEnd + 20 + length > NAMES_END) return false;
      slot = SLOTS + <usize>slots * SLOT_BYTES;
      slots++;
      namesEnd = putName(namesEnd, INPUT, length, <u32>slot);
    }
  }
  const column = COLUMNS + <usize>columns * COLUMN_BYTES;
  store<u32>(column, <u32>slot);
  store<u32>(column + 4, type);
  columns++;
  return true;
}

/**
 * Writes the rows of the first `records` records; gives how many records were looked at: fewer when there is no room for more
 * rows. The bytes of all of them lie in the input, `length` in all.
 */
export function encode(records: i32, length: i32): i32 {
  out = OUTPUT;
  // What comes after the text must not look like a part of it.
  memory.fill(INPUT + length, 0, 64);
  for (let i = 0; i < records; i++) {
    const start = INPUT + <usize>load<u32>(STARTS + (<usize>i << 2));
    const end = INPUT + <usize>load<u32>(ENDS + (<usize>i << 2));
    const before = out;
    met = 0;
    if (findMembers(start, end)) {
      const needed = roomFor(start, end);
      if (needed > OUTPUT + OUTPUT_BYTES - out) {
        // A row too long for the whole output is the host's.
        if (out != OUTPUT) return i;
      } else if (!writeRow(start, end)) out = before;
    }
    store<u32>(ROW_ENDS + (<usize>i << 2), <u32>(out - OUTPUT));
  }
  return records;
}

// @ts-ignore: decorator
@inline
function isSpace(c: i32): bool {
  return c == 0x20 || c == 0x0a || c == 0x0d || c == 0x09;
}

// @ts-ignore: decorator
@inline
function skipSpace(from: usize): usize {
  let p = from;
  while (isSpace(load<u8>(p))) p++;
  return p;
}

/** The place behind the string whose first character is at `from`. */
function skipString(from: usize, end: usize): usize {
  const quotes = i8x16.splat(0x22);
  const backslashes = i8x16.splat(0x5c);
  let p = from;
  while (p < end) {
    const v = v128.load(p);
    const mask = i8x16.bitmask(v128.or(i8x16.eq(v, quotes), i8x16.eq(v, backslashes)));
    if (mask == 0) {
      p += 16;
      continue;
    }
    p += ctz(mask);
    if (load<u8>(p) == 0x22) return p + 1;
    met |= load<u8>(p + 1) == 0x75 ? HAS_ESCAPE | HAS_UNICODE : HAS_ESCAPE;
    p += 2;
  }
  return end;
}

/** The place behind the object or list that begins before `from`. */
function skipContainer(from: usize, end: usize): usize {
  const quotes = i8x16.splat(0x22);
  const opening = i8x16.splat(0x7b);
  const closing = i8x16.splat(0x7d);
  const bit = i8x16.splat(0x20);
  let depth = 1;
  let p = from;
  while (p < end) {
    // With this bit `[` is `{` and `]` is `}`; outside of strings no other character becomes one of these.
    const v = v128.or(v128.load(p), bit);
    let mask = i8x16.bitmask(
      v128.or(v128.or(i8x16.eq(v, quotes), i8x16.eq(v, opening)), i8x16.eq(v, closing)),
    );
    let isString = false;
    while (mask != 0) {
      const at = p + ctz(mask);
      const c: i32 = load<u8>(at);
      if (c == 0x22) {
        p = skipString(at + 1, end);
        isString = true;
        break;
      }
      if ((c | 0x20) == 0x7b) depth++;
      else if (--depth == 0) return at + 1;
      mask &= mask - 1;
    }
    if (!isString) p += 16;
  }
  return end;
}

/** Finds the members that fill columns. False for what is no object, and for one with an escape in a name. */
function findMembers(start: usize, end: usize): bool {
  memory.fill(SLOTS, 0, <usize>slots * SLOT_BYTES);
  let all = 0;
  let p = skipSpace(start);
  if (load<u8>(p) != 0x7b) return false;
  p = skipSpace(p + 1);
  while (p < end && load<u8>(p) == 0x22) {
    met = 0;
    const name = p + 1;
    p = skipString(name, end);
    if (met != 0) return false;
    const slot = <usize>valueOfName(name, <u32>(p - 1 - name));
    p = skipSpace(p);
    if (p >= end || load<u8>(p) != 0x3a) return false;
    p = skipSpace(p + 1);
    const valueStart = p;
    const c: i32 = load<u8>(p);
    if (c == 0x22) p = skipString(p + 1, end);
    else if (c == 0x7b || c == 0x5b) p = skipContainer(p + 1, end);
    else while (p < end && load<u8>(p) != 0x2c && load<u8>(p) != 0x7d && !isSpace(load<u8>(p))) p++;
    // Of several members with one name the last counts.
    if (slot != 0) {
      store<u32>(slot, <u32>valueStart);
      store<u32>(slot + 4, <u32>p);
      store<u32>(slot + 8, met);
    }
    all |= met;
    p = skipSpace(p);
    if (p < end && load<u8>(p) == 0x2c) p = skipSpace(p + 1);
  }
  met = all;
  return true;
}

/** No more than this is written for the record. */
function roomFor(start: usize, end: usize): usize {
  let bytes: usize = 64;
  for (let i = 0; i < columns; i++) {
    const slot = <usize>load<u32>(COLUMNS + <usize>i * COLUMN_BYTES);
    bytes += 16 + (slot == 0 ? end - start : <usize>(load<u32>(slot + 4) - load<u32>(slot)));
  }
  return bytes;
}

/** False for a value that is not as its column's type has it: then what was written does not count. */
function writeRow(start: usize, end: usize): bool {
  const all = met;
  putInt16(columns);
  for (let i = 0; i < columns; i++) {
    const column = COLUMNS + <usize>i * COLUMN_BYTES;
    const slot = <usize>load<u32>(column);
    const type = load<i32>(column + 4);
    if (slot == 0) {
      if (!putJson(start, end, all, type)) return false;
      continue;
    }
    const from = <usize>load<u32>(slot);
    const to = <usize>load<u32>(slot + 4);
    // Nothing there, or null.
    if (to == 0 || load<u8>(from) == 0x6e) putInt32(-1);
    else if (!putValue(from, to, load<i32>(slot + 8), type)) return false;
  }
  return true;
}

function putValue(from: usize, to: usize, escapes: i32, type: i32): bool {
  switch (type) {
    case TEXT:
      return putText(from, to, escapes);
    case BOOL:
      return putBool(from);
    case INT2:
      return putInteger(from, to, 2, 4);
    case INT4:
      return putInteger(from, to, 4, 9);
    case INT8:
      return putInteger(from, to, 8, 18);
    case FLOAT4:
    case FLOAT8:
      return putFloat(from, to, type);
    case UUID:
      return putUuid(from, to);
    case TIME:
      return putTime(from, to);
    default:
      return putJson(from, to, escapes, type);
  }
}

// @ts-ignore: decorator
@inline
function putInt16(value: i32): void {
  store<u16>(out, bswap<u16>(<u16>value));
  out += 2;
}

// @ts-ignore: decorator
@inline
function putInt32(value: i32): void {
  store<u32>(out, bswap<u32>(<u32>value));
  out += 4;
}

// @ts-ignore: decorator
@inline
function putInt64(value: i64): void {
  store<u64>(out, bswap<u64>(<u64>value));
  out += 8;
}

function putText(from: usize, to: usize, escapes: i32): bool {
  if (load<u8>(from) != 0x22) return false;
  const start = from + 1;
  const end = to - 1;
  const place = out;
  out += 4;
  if (escapes == 0) {
    memory.copy(out, start, end - start);
    out += end - start;
  } else if (!unescape(start, end)) return false;
  store<u32>(place, bswap<u32>(<u32>(out - place - 4)));
  return true;
}

/** What an escape of one letter stands for; 0 for `u`. */
// @ts-ignore: decorator
@inline
function letter(c: i32): i32 {
  switch (c) {
    case 0x6e:
      return 0x0a;
    case 0x74:
      return 0x09;
    case 0x72:
      return 0x0d;
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x75:
      return 0;
    default:
      return c;
  }
}

/** Writes the string's text. False for a NUL character and half a surrogate pair. */
function unescape(start: usize, end: usize): bool {
  const backslashes = i8x16.splat(0x5c);
  let p = start;
  while (p < end) {
    const v = v128.load(p);
    // Nothing reads what this writes too much.
    v128.store(out, v);
    const mask = i8x16.bitmask(i8x16.eq(v, backslashes));
    const plain: usize = mask == 0 ? 16 : ctz(mask);
    if (p + plain >= end) {
      out += end - p;
      return true;
    }
    p += plain;
    out += plain;
    if (mask == 0) continue;
    const character = letter(load<u8>(p + 1));
    if (character != 0) {
      store<u8>(out++, <u8>character);
      p += 2;
      continue;
    }
    let code = hexAt(p + 2);
    p += 6;
    if (code >= 0xdc00 && code < 0xe000) return false;
    if (code >= 0xd800 && code < 0xdc00) {
      if (p + 6 > end || load<u16>(p) != 0x755c) return false;
      const low = hexAt(p + 2);
      if (low < 0xdc00 || low >= 0xe000) return false;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      p += 6;
    }
    if (code == 0) return false;
    putCharacter(code);
  }
  return true;
}

// @ts-ignore: decorator
@inline
function hexDigit(c: i32): i32 {
  return c <= 0x39 ? c - 0x30 : (c | 0x20) - 0x57;
}

function hexAt(p: usize): i32 {
  return (
    (hexDigit(load<u8>(p)) << 12) |
    (hexDigit(load<u8>(p + 1)) << 8) |
    (hexDigit(load<u8>(p + 2)) << 4) |
    hexDigit(load<u8>(p + 3))
  );
}

/** A character in UTF-8: never longer than its escape. */
function putCharacter(code: i32): void {
  if (code < 0x80) {
    store<u8>(out++, <u8>code);
  } else if (code < 0x800) {
    store<u8>(out++, <u8>(0xc0 | (code >> 6)));
    store<u8>(out++, <u8>(0x80 | (code & 63)));
  } else if (code < 0x10000) {
    store<u8>(out++, <u8>(0xe0 | (code >> 12)));
    store<u8>(out++, <u8>(0x80 | ((code >> 6) & 63)));
    store<u8>(out++, <u8>(0x80 | (code & 63)));
  } else {
    store<u8>(out++, <u8>(0xf0 | (code >> 18)));
    store<u8>(out++, <u8>(0x80 | ((code >> 12) & 63)));
    store<u8>(out++, <u8>(0x80 | ((code >> 6) & 63)));
    store<u8>(out++, <u8>(0x80 | (code & 63)));
  }
}

function putBool(from: usize): bool {
  // No other value begins with these letters.
  const c: i32 = load<u8>(from);
  if (c != 0x74 && c != 0x66) return false;
  putInt32(1);
  store<u8>(out++, c == 0x74 ? 1 : 0);
  return true;
}

// @ts-ignore: decorator
@inline
function isDigit(c: i32): bool {
  return <u32>(c - 0x30) < 10;
}

/** Whole numbers of so many digits, which fit. */
function putInteger(from: usize, to: usize, size: i32, maxDigits: usize): bool {
  const isNegative = load<u8>(from) == 0x2d;
  const first = isNegative ? from + 1 : from;
  if (to - first > maxDigits) return false;
  let value: i64 = 0;
  for (let p = first; p < to; p++) {
    const c: i32 = load<u8>(p);
    if (!isDigit(c)) return false;
    value = value * 10 + (c - 0x30);
  }
  if (isNegative) value = -value;
  putInt32(size);
  if (size == 2) putInt16(<i32>value);
  else if (size == 4) putInt32(<i32>value);
  else putInt64(value);
  return true;
}

/** Decimals of up to 15 digits without an exponent: number and power of ten are exact, and so their quotient is the nearest double. */
function putFloat(from: usize, to: usize, type: i32): bool {
  const isNegative = load<u8>(from) == 0x2d;
  const first = isNegative ? from + 1 : from;
  if (to - first > 16) return false;
  let digits = 0;
  let divisor: f64 = 0;
  let whole: f64 = 0;
  for (let p = first; p < to; p++) {
    const c: i32 = load<u8>(p);
    if (c == 0x2e) {
      divisor = 1;
      continue;
    }
    if (!isDigit(c) || ++digits > 15) return false;
    whole = whole * 10 + <f64>(c - 0x30);
    divisor *= 10;
  }
  if (divisor > 0) whole /= divisor;
  if (isNegative) whole = -whole;
  if (type == FLOAT8) {
    putInt32(8);
    putInt64(reinterpret<i64>(whole));
  } else {
    putInt32(4);
    putInt32(reinterpret<i32>(<f32>whole));
  }
  return true;
}

/** `"01234567-89ab-cdef-0123-456789abcdef"`. */
function putUuid(from: usize, to: usize): bool {
  if (to - from != 38 || load<u8>(from) != 0x22) return false;
  putInt32(16);
  let p = from + 1;
  for (let i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      if (load<u8>(p++) != 0x2d) return false;
    }
    const high: i32 = load<u8>(p);
    const low: i32 = load<u8>(p + 1);
    if (!isHex(high) || !isHex(low)) return false;
    store<u8>(out++, <u8>((hexDigit(high) << 4) | hexDigit(low)));
    p += 2;
  }
  return true;
}

// @ts-ignore: decorator
@inline
function isHex(c: i32): bool {
  return isDigit(c) || <u32>((c | 0x20) - 0x61) < 6;
}

// Days from 1970-01-01 to 2000-01-01, where PostgreSQL's time begins.
const EPOCH_DAYS: i64 = 10957;

/** The digits from `p` on as a number; -1 when one is none. */
function digitsAt(p: usize, count: usize): i32 {
  let value = 0;
  for (let at = p; at < p + count; at++) {
    const c: i32 = load<u8>(at);
    if (!isDigit(c)) return -1;
    value = value * 10 + c - 0x30;
  }
  return value;
}

/** `"2026-01-02T03:04:05.678Z"`, with up to six digits of a second or none. */
function putTime(from: usize, to: usize): bool {
  const length = <i32>(to - from) - 2;
  if (load<u8>(from) != 0x22 || length < 20 || length > 27 || load<u8>(to - 2) != 0x5a) return false;
  const p = from + 1;
  const year = digitsAt(p, 4);
  const month = digitsAt(p + 5, 2);
  const day = digitsAt(p + 8, 2);
  const hour = digitsAt(p + 11, 2);
  const minute = digitsAt(p + 14, 2);
  const second = digitsAt(p + 17, 2);
  const isTime =
    load<u8>(p + 4) == 0x2d &&
    load<u8>(p + 7) == 0x2d &&
    load<u8>(p + 10) == 0x54 &&
    load<u8>(p + 13) == 0x3a &&
    load<u8>(p + 16) == 0x3a;
  // The years are those that copy-from-json.ts takes.
  const isInRange =
    year >= 1720 &&
    year <= 2280 &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= (month == 2 ? 28 : 30) &&
    hour >= 0 &&
    hour <= 23 &&
    minute >= 0 &&
    minute <= 59 &&
    second >= 0 &&
    second <= 59;
  if (!isTime || !isInRange) return false;
  let fraction = 0;
  const digits = length - 21;
  if (digits >= 0) {
    if (digits == 0 || load<u8>(p + 19) != 0x2e) return false;
    fraction = digitsAt(p + 20, digits);
    if (fraction < 0) return false;
    for (let i = digits; i < 6; i++) fraction *= 10;
  }
  const days = daysOf(year, month, day) - EPOCH_DAYS;
  const seconds = days * 86400 + <i64>(hour * 3600 + minute * 60 + second);
  putInt32(8);
  putInt64(seconds * 1000000 + fraction);
  return true;
}

/** Days since 1970-01-01: the year begins in March, so that the leap day ends it. */
function daysOf(year: i32, month: i32, day: i32): i64 {
  const years = month <= 2 ? year - 1 : year;
  const dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return <i64>(years * 365 + years / 4 - years / 100 + years / 400 + dayOfYear - 719468);
}

/** The text as it stands, unless it may hold what PostgreSQL cannot. */
function putJson(from: usize, to: usize, escapes: i32, type: i32): bool {
  if ((escapes & HAS_UNICODE) != 0 && mayHoldUnstorable(from, to)) return false;
  const length = <i32>(to - from);
  if (type == JSONB) {
    putInt32(length + 1);
    // The version of jsonb's binary form.
    store<u8>(out++, 1);
  } else putInt32(length);
  memory.copy(out, from, length);
  out += length;
  return true;
}

/** Whether it has `\u0000` or `\ud8…` to `\udf…` somewhere. */
function mayHoldUnstorable(from: usize, to: usize): bool {
  for (let p = from; p + 6 <= to; p++) {
    if (load<u16>(p) != 0x755c) continue;
    if (load<u32>(p + 2) == 0x30303030) return true;
    if ((load<u8>(p + 2) | 0x20) == 0x64 && hexDigit(load<u8>(p + 3)) >= 8) return true;
  }
  return false;
}
