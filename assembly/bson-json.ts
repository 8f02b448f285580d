// Turns one BSON document into JSON text. src/formats/bson-to-json-typescript.ts is the same in plain TypeScript and
// gives the same bytes and the same errors: change both together. The forms are described in src/formats/bson-to-json.ts.
//
// Memory: static strings, then the stack of open documents, then whatever the host puts at INPUT and above. The host
// keeps 16 readable bytes after the input, and calls again with more room when NO_ROOM is returned.

const STACK: usize = 8192;
const MAX_DEPTH: i32 = 4096;
const SCRATCH: usize = STACK + 4096 * 8;
const INPUT: usize = 65536;
// Room that is always left for what is written between two checks.
const SLACK: usize = 512;

const PLAIN: i32 = 0;
const RELAXED: i32 = 1;
const CANONICAL: i32 = 2;

// Results below zero; the host has a sentence for each.
const BAD_SIZE: i32 = -1;
const BAD_STRING: i32 = -2;
const PAST_END: i32 = -3;
const UNKNOWN_TYPE: i32 = -4;
const BAD_NESTED_SIZE: i32 = -5;
const BAD_END: i32 = -6;
const BAD_BOOLEAN: i32 = -7;
const BAD_BINARY: i32 = -8;
const TOO_DEEP: i32 = -9;
const NO_ROOM: i32 = -10;

const IS_ARRAY: u32 = 1;
const IS_SCOPE: u32 = 2;

const MS_A_DAY: i64 = 86400000;
const YEAR_1: i64 = -62135596800000;
const YEAR_10000: i64 = 253402300800000;

// Shortest decimal form of a double, as JavaScript prints it; `canonical` adds ".0" to integers. Returns its length.
@external("host", "formatDouble")
declare function formatDouble(value: f64, canonical: bool, address: usize): i32;
// The 16 bytes at `from` as Decimal128 text. Returns its length.
@external("host", "formatDecimal")
declare function formatDecimal(from: usize, address: usize): i32;

let mode: i32 = PLAIN;
let limit: usize = 0;
let errorPosition: usize = 0;
let cachedDay: i64 = i64.MIN_VALUE;

export function inputAddress(): usize {
  return INPUT;
}

/** Where in the document the last error is. */
export function errorAt(): i32 {
  return <i32>errorPosition;
}

// @ts-ignore: decorator
@inline
function put8(o: usize, c: i32): usize {
  store<u8>(o, c);
  return o + 1;
}

/** Copies an ASCII literal. Static strings are UTF-16, so two registers become one. */
function put(o: usize, text: string): usize {
  const from = changetype<usize>(text);
  const length: usize = text.length;
  for (let i: usize = 0; i < length; i += 16) {
    v128.store(o + i, i8x16.narrow_i16x8_u(v128.load(from + 2 * i), v128.load(from + 2 * i + 16)));
  }
  return o + length;
}

// @ts-ignore: decorator
@inline
function hexDigit(n: u32): i32 {
  return n + (n < 10 ? 0x30 : 0x57);
}

function putHex(o: usize, from: usize, length: i32): usize {
  for (let i = 0; i < length; i++) {
    const byte: u32 = load<u8>(from + i);
    store<u8>(o, hexDigit(byte >> 4));
    store<u8>(o + 1, hexDigit(byte & 15));
    o += 2;
  }
  return o;
}

function putU64(o: usize, value: u64): usize {
  let p: usize = SCRATCH + 24;
  do {
    p--;
    const rest = value / 10;
    store<u8>(p, 0x30 + <i32>(value - rest * 10));
    value = rest;
  } while (value != 0);
  const length = SCRATCH + 24 - p;
  v128.store(o, v128.load(p));
  v128.store(o + 16, v128.load(p + 16));
  return o + length;
}

function putI64(o: usize, value: i64): usize {
  if (value >= 0) return putU64(o, value);
  return putU64(put8(o, 0x2d), 0 - value);
}

function putDigits(o: usize, value: i32, digits: i32): usize {
  for (let i = digits - 1; i >= 0; i--) {
    store<u8>(o + i, 0x30 + (value % 10));
    value /= 10;
  }
  return o + digits;
}

function putEscape(o: usize, c: i32): usize {
  store<u8>(o, 0x5c);
  let short: i32 = 0;
  if (c == 0x22 || c == 0x5c) short = c;
  else if (c == 0x0a) short = 0x6e;
  else if (c == 0x0d) short = 0x72;
  else if (c == 0x09) short = 0x74;
  else if (c == 0x08) short = 0x62;
  else if (c == 0x0c) short = 0x66;
  if (short != 0) {
    store<u8>(o + 1, short);
    return o + 2;
  }
  store<u32>(o + 1, 0x30303075);
  store<u8>(o + 4, hexDigit(c >> 4));
  store<u8>(o + 5, hexDigit(c & 15));
  return o + 6;
}

/** Writes a string's inside, escaped as JSON.stringify does. Returns 0 when there is no room. */
function putText(o: usize, p: usize, end: usize): usize {
  const quotes = i8x16.splat(0x22);
  const backslashes = i8x16.splat(0x5c);
  const controls = i8x16.splat(0x1f);
  while (p < end) {
    if (o > limit) return 0;
    const v = v128.load(p);
    let mask = i8x16.bitmask(
      v128.or(v128.or(i8x16.eq(v, quotes), i8x16.eq(v, backslashes)), i8x16.eq(i8x16.min_u(v, controls), v)),
    );
    v128.store(o, v);
    const rest = end - p;
    if (rest < 16) mask &= (1 << <i32>rest) - 1;
    if (mask == 0) {
      const n = rest < 16 ? rest : 16;
      p += n;
      o += n;
      continue;
    }
    const n = ctz(mask);
    o = putEscape(o + n, load<u8>(p + n));
    p += n + 1;
  }
  return o;
}

let afterCString: usize = 0;

/** The same for a string that ends at a NUL; `afterCString` is just behind that. */
function putCString(o: usize, p: usize): usize {
  const quotes = i8x16.splat(0x22);
  const backslashes = i8x16.splat(0x5c);
  const controls = i8x16.splat(0x1f);
  while (true) {
    if (o > limit) return 0;
    const v = v128.load(p);
    const mask = i8x16.bitmask(
      v128.or(v128.or(i8x16.eq(v, quotes), i8x16.eq(v, backslashes)), i8x16.eq(i8x16.min_u(v, controls), v)),
    );
    v128.store(o, v);
    if (mask == 0) {
      p += 16;
      o += 16;
      continue;
    }
    const n = ctz(mask);
    p += n;
    o += n;
    const c: i32 = load<u8>(p++);
    if (c == 0) {
      afterCString = p;
      return o;
    }
    o = putEscape(o, c);
  }
}

function skipCString(p: usize): usize {
  while (load<u8>(p) != 0) p++;
  return p + 1;
}

/** A length-prefixed string with quotes; the caller has checked it. */
// @ts-ignore: decorator
@inline
function putString(o: usize, p: usize, length: usize): usize {
  const after = putText(put8(o, 0x22), p + 4, p + 4 + length - 1);
  return after == 0 ? 0 : put8(after, 0x22);
}

/** The length of the string at p with its NUL, 0 when it is wrong or does not fit before `end`. */
// @ts-ignore: decorator
@inline
function stringLength(p: usize, end: usize): usize {
  if (p + 4 >= end) return 0;
  const length = <usize>load<u32>(p);
  if (length == 0 || length >= end - p - 4) return 0;
  return load<u8>(p + 4 + length - 1) == 0 ? length : 0;
}

function putNumber(o: usize, x: f64, canonical: bool): usize {
  const a = abs<f64>(x);
  if (a < 9007199254740992.0 && nearest<f64>(a) == a) {
    if (reinterpret<u64>(x) == 0x8000000000000000) return put(o, "-0.0");
    o = putI64(o, <i64>x);
    if (!canonical) return o;
    store<u16>(o, 0x302e);
    return o + 2;
  }
  if (a >= 0.000001 && a < 1e15) {
    // If a decimal of up to 15 digits divides back to x exactly, it is the shortest form: no two such decimals share a double.
    let power: f64 = 10;
    for (let k = 1; k <= 12; k++) {
      const m = nearest<f64>(a * power);
      if (m >= 1e15) break;
      if (m / power == a) {
        if (x < 0) o = put8(o, 0x2d);
        const digits = <u64>m;
        const unit = <u64>power;
        o = putU64(o, digits / unit);
        o = put8(o, 0x2e);
        return putFraction(o, digits % unit, k);
      }
      power *= 10;
    }
  }
  return o + formatDouble(x, canonical, o);
}

function putFraction(o: usize, value: u64, digits: i32): usize {
  for (let i = digits - 1; i >= 0; i--) {
    store<u8>(o + i, 0x30 + <i32>(value % 10));
    value /= 10;
  }
  return o + digits;
}

function putDouble(o: usize, x: f64): usize {
  const isFinite = abs<f64>(x) < Infinity;
  if (isFinite && mode != CANONICAL) return putNumber(o, x, false);
  if (mode != PLAIN) o = put(o, '{"$numberDouble":');
  o = put8(o, 0x22);
  if (isFinite) o = putNumber(o, x, true);
  else if (x != x) o = put(o, "NaN");
  else o = put(o, x < 0 ? "-Infinity" : "Infinity");
  o = put8(o, 0x22);
  return mode != PLAIN ? put8(o, 0x7d) : o;
}

/** Days since 1970 as yyyy-mm-dd (Howard Hinnant's days-to-civil algorithm). */
function putDay(o: usize, day: i64): usize {
  if (day != cachedDay) {
    cachedDay = day;
    const z = day + 719468;
    const era = (z >= 0 ? z : z - 146096) / 146097;
    const dayOfEra = <i32>(z - era * 146097);
    const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
    const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
    const shifted = (5 * dayOfYear + 2) / 153;
    const month = shifted < 10 ? shifted + 3 : shifted - 9;
    const year = yearOfEra + <i32>(era * 400) + (month <= 2 ? 1 : 0);
    let s: usize = SCRATCH + 64;
    s = put8(putDigits(s, year, 4), 0x2d);
    s = put8(putDigits(s, month, 2), 0x2d);
    putDigits(s, dayOfYear - (153 * shifted + 2) / 5 + 1, 2);
  }
  v128.store(o, v128.load(SCRATCH + 64));
  return o + 10;
}

function putIso(o: usize, ms: i64, dropZeroFraction: bool): usize {
  let day = ms / MS_A_DAY;
  if (ms < day * MS_A_DAY) day--;
  const time = <i32>(ms - day * MS_A_DAY);
  const seconds = time / 1000;
  o = put8(putDay(o, day), 0x54);
  o = put8(putDigits(o, seconds / 3600, 2), 0x3a);
  o = put8(putDigits(o, (seconds / 60) % 60, 2), 0x3a);
  o = putDigits(o, seconds % 60, 2);
  const fraction = time % 1000;
  if (fraction != 0 || !dropZeroFraction) o = putDigits(put8(o, 0x2e), fraction, 3);
  return put8(o, 0x5a);
}

function putDate(o: usize, ms: i64): usize {
  if (mode == PLAIN && ms >= YEAR_1 && ms < YEAR_10000) {
    return put8(putIso(put8(o, 0x22), ms, false), 0x22);
  }
  if (mode == RELAXED && ms >= 0 && ms < YEAR_10000) {
    return put(putIso(put(o, '{"$date":"'), ms, true), '"}');
  }
  return put(putI64(put(o, '{"$date":{"$numberLong":"'), ms), '"}}');
}

function base64Digit(n: u32): i32 {
  if (n < 26) return n + 0x41;
  if (n < 52) return n + 0x47;
  if (n < 62) return n - 4;
  return n == 62 ? 0x2b : 0x2f;
}

function putBase64(o: usize, p: usize, length: usize): usize {
  const end = p + length;
  while (p < end) {
    if (o > limit) return 0;
    const left = end - p;
    const a: u32 = load<u8>(p);
    const b: u32 = left > 1 ? load<u8>(p + 1) : 0;
    const c: u32 = left > 2 ? load<u8>(p + 2) : 0;
    store<u8>(o, base64Digit(a >> 2));
    store<u8>(o + 1, base64Digit(((a & 3) << 4) | (b >> 4)));
    store<u8>(o + 2, left > 1 ? base64Digit(((b & 15) << 2) | (c >> 6)) : 0x3d);
    store<u8>(o + 3, left > 2 ? base64Digit(c & 63) : 0x3d);
    o += 4;
    p += 3;
  }
  return o;
}

function putBinary(o: usize, p: usize, length: usize, subtype: i32): usize {
  if (mode == PLAIN) {
    o = put8(o, 0x22);
    if (subtype == 4 && length == 16) {
      o = put8(putHex(o, p, 4), 0x2d);
      o = put8(putHex(o, p + 4, 2), 0x2d);
      o = put8(putHex(o, p + 6, 2), 0x2d);
      o = put8(putHex(o, p + 8, 2), 0x2d);
      o = putHex(o, p + 10, 6);
    } else {
      o = putBase64(o, p, length);
      if (o == 0) return 0;
    }
    return put8(o, 0x22);
  }
  o = putBase64(put(o, '{"$binary":{"base64":"'), p, length);
  if (o == 0) return 0;
  o = put(o, '","subType":"');
  o = put8(o, hexDigit(subtype >> 4));
  o = put8(o, hexDigit(subtype & 15));
  return put(o, '"}}');
}

/** Regular expression options, sorted as the specification asks, without a second copy of the string. */
function putOptions(o: usize, p: usize): usize {
  for (let c = 1; c < 256; c++) {
    let q = p;
    while (load<u8>(q) != 0) {
      if (load<u8>(q) == <u8>c) {
        if (o > limit) return 0;
        if (c < 0x20 || c == 0x22 || c == 0x5c) o = putEscape(o, c);
        else o = put8(o, c);
      }
      q++;
    }
  }
  return o;
}

// @ts-ignore: decorator
@inline
function failed(code: i32, at: usize): i32 {
  errorPosition = at;
  return code;
}

/** Converts the document at `start .. end`, writing a line feed after it; the length without that, or an error. */
export function convert(start: usize, end: usize, out: usize, outEnd: usize, types: i32): i32 {
  mode = types;
  limit = outEnd - SLACK;
  if (end - start < 5 || <usize>load<u32>(start) != end - start || load<u8>(end - 1) != 0) return failed(BAD_SIZE, 0);
  let p = start + 4;
  let o = put8(out, 0x7b);
  let depth = 0;
  let frameEnd = end;
  let flags: u32 = 0;
  let isFirst = true;

  while (true) {
    if (o > limit) return NO_ROOM;
    if (p >= frameEnd) return failed(BAD_END, p - start);
    const at = p - start;
    const type: i32 = load<u8>(p++);
    if (type == 0) {
      if (p != frameEnd) return failed(BAD_END, at);
      o = put8(o, (flags & IS_ARRAY) != 0 ? 0x5d : 0x7d);
      if (depth == 0) break;
      if ((flags & IS_SCOPE) != 0) o = put8(o, 0x7d);
      depth--;
      frameEnd = start + <usize>load<u32>(STACK + depth * 8);
      flags = load<u32>(STACK + depth * 8 + 4);
      isFirst = false;
      continue;
    }
    if (!isFirst) o = put8(o, 0x2c);
    isFirst = false;
    if ((flags & IS_ARRAY) != 0) {
      p = skipCString(p);
    } else {
      o = putCString(put8(o, 0x22), p);
      if (o == 0) return NO_ROOM;
      p = afterCString;
      store<u16>(o, 0x3a22);
      o += 2;
    }
    if (p >= frameEnd) return failed(PAST_END, at);

    switch (type) {
      case 0x02: {
        const length = stringLength(p, frameEnd);
        if (length == 0) return failed(BAD_STRING, p - start);
        o = putString(o, p, length);
        if (o == 0) return NO_ROOM;
        p += 4 + length;
        break;
      }
      case 0x03:
      case 0x04: {
        if (p + 4 >= frameEnd) return failed(PAST_END, at);
        const size = <usize>load<u32>(p);
        if (size < 5 || size >= frameEnd - p) return failed(BAD_NESTED_SIZE, p - start);
        if (depth == MAX_DEPTH) return failed(TOO_DEEP, at);
        store<u32>(STACK + depth * 8, <u32>(frameEnd - start));
        store<u32>(STACK + depth * 8 + 4, flags);
        depth++;
        frameEnd = p + size;
        flags = type == 0x04 ? IS_ARRAY : 0;
        o = put8(o, type == 0x04 ? 0x5b : 0x7b);
        isFirst = true;
        p += 4;
        break;
      }
      case 0x10: {
        if (p + 4 >= frameEnd) return failed(PAST_END, at);
        if (mode == CANONICAL) o = put(putI64(put(o, '{"$numberInt":"'), load<i32>(p)), '"}');
        else o = putI64(o, load<i32>(p));
        p += 4;
        break;
      }
      case 0x07: {
        if (p + 12 >= frameEnd) return failed(PAST_END, at);
        if (mode == PLAIN) o = put8(putHex(put8(o, 0x22), p, 12), 0x22);
        else o = put(putHex(put(o, '{"$oid":"'), p, 12), '"}');
        p += 12;
        break;
      }
      case 0x08: {
        if (p + 1 >= frameEnd) return failed(PAST_END, at);
        const value: i32 = load<u8>(p++);
        if (value > 1) return failed(BAD_BOOLEAN, p - 1 - start);
        o = put(o, value == 1 ? "true" : "false");
        break;
      }
      case 0x09: {
        if (p + 8 >= frameEnd) return failed(PAST_END, at);
        o = putDate(o, load<i64>(p));
        p += 8;
        break;
      }
      case 0x0a: {
        o = put(o, "null");
        break;
      }
      case 0x01: {
        if (p + 8 >= frameEnd) return failed(PAST_END, at);
        o = putDouble(o, load<f64>(p));
        p += 8;
        break;
      }
      case 0x12: {
        if (p + 8 >= frameEnd) return failed(PAST_END, at);
        if (mode == CANONICAL) o = put(putI64(put(o, '{"$numberLong":"'), load<i64>(p)), '"}');
        else o = putI64(o, load<i64>(p));
        p += 8;
        break;
      }
      case 0x05: {
        if (p + 5 >= frameEnd) return failed(PAST_END, at);
        let length = <usize>load<u32>(p);
        if (length >= frameEnd - p - 5) return failed(BAD_BINARY, p - start);
        const subtype: i32 = load<u8>(p + 4);
        let data = p + 5;
        p = data + length;
        if (subtype == 2) {
          // The old form has its length a second time inside.
          if (length < 4 || <usize>load<u32>(data) != length - 4) return failed(BAD_BINARY, data - start);
          data += 4;
          length -= 4;
        }
        o = putBinary(o, data, length, subtype);
        if (o == 0) return NO_ROOM;
        break;
      }
      case 0x06: {
        o = put(o, mode == PLAIN ? "null" : '{"$undefined":true}');
        break;
      }
      case 0x0b: {
        o = mode == PLAIN ? put(o, '"/') : put(o, '{"$regularExpression":{"pattern":"');
        o = putCString(o, p);
        if (o == 0) return NO_ROOM;
        p = afterCString;
        if (p >= frameEnd) return failed(PAST_END, at);
        o = mode == PLAIN ? put8(o, 0x2f) : put(o, '","options":"');
        o = putOptions(o, p);
        if (o == 0) return NO_ROOM;
        o = mode == PLAIN ? put8(o, 0x22) : put(o, '"}}');
        p = skipCString(p);
        if (p >= frameEnd) return failed(PAST_END, at);
        break;
      }
      case 0x0c: {
        const length = stringLength(p, frameEnd);
        if (length == 0) return failed(BAD_STRING, p - start);
        o = putString(put(o, mode == PLAIN ? '{"$ref":' : '{"$dbPointer":{"$ref":'), p, length);
        if (o == 0) return NO_ROOM;
        p += 4 + length;
        if (p + 12 >= frameEnd) return failed(PAST_END, at);
        if (mode == PLAIN) o = put(putHex(put(o, ',"$id":"'), p, 12), '"}');
        else o = put(putHex(put(o, ',"$id":{"$oid":"'), p, 12), '"}}}');
        p += 12;
        break;
      }
      case 0x0d:
      case 0x0e: {
        const length = stringLength(p, frameEnd);
        if (length == 0) return failed(BAD_STRING, p - start);
        if (mode != PLAIN) o = put(o, type == 0x0d ? '{"$code":' : '{"$symbol":');
        o = putString(o, p, length);
        if (o == 0) return NO_ROOM;
        if (mode != PLAIN) o = put8(o, 0x7d);
        p += 4 + length;
        break;
      }
      case 0x0f: {
        if (p + 4 >= frameEnd) return failed(PAST_END, at);
        const size = <usize>load<u32>(p);
        if (size < 14 || size >= frameEnd - p) return failed(BAD_NESTED_SIZE, p - start);
        const codeEnd = p + size;
        p += 4;
        const length = stringLength(p, codeEnd);
        if (length == 0) return failed(BAD_STRING, p - start);
        o = putString(put(o, '{"$code":'), p, length);
        if (o == 0) return NO_ROOM;
        p += 4 + length;
        if (p + 5 > codeEnd || <usize>load<u32>(p) != codeEnd - p) return failed(BAD_NESTED_SIZE, p - start);
        if (depth == MAX_DEPTH) return failed(TOO_DEEP, at);
        store<u32>(STACK + depth * 8, <u32>(frameEnd - start));
        store<u32>(STACK + depth * 8 + 4, flags);
        depth++;
        frameEnd = codeEnd;
        flags = IS_SCOPE;
        o = put(o, ',"$scope":{');
        isFirst = true;
        p += 4;
        break;
      }
      case 0x11: {
        if (p + 8 >= frameEnd) return failed(PAST_END, at);
        o = putU64(put(o, mode == PLAIN ? '{"t":' : '{"$timestamp":{"t":'), load<u32>(p + 4));
        o = putU64(put(o, ',"i":'), load<u32>(p));
        o = put(o, mode == PLAIN ? "}" : "}}");
        p += 8;
        break;
      }
      case 0x13: {
        if (p + 16 >= frameEnd) return failed(PAST_END, at);
        o = put(o, mode == PLAIN ? '"' : '{"$numberDecimal":"');
        o += formatDecimal(p, o);
        o = put(o, mode == PLAIN ? '"' : '"}');
        p += 16;
        break;
      }
      case 0x7f: {
        o = put(o, '{"$maxKey":1}');
        break;
      }
      case 0xff: {
        o = put(o, '{"$minKey":1}');
        break;
      }
      default:
        return failed(UNKNOWN_TYPE, at);
    }
  }
  store<u8>(o, 0x0a);
  return <i32>(o - out);
}
