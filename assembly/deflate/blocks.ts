// Writes tokens as blocks: each with codes of its own, or stored as it is where those would be longer.
import { end, put, putBytes, putTokens } from './bits';
import { makeCodes, makeLengths } from './huffman';
import {
  BLOCK_TOKENS,
  CODE_LENGTHS,
  CODES,
  COUNT_BYTES,
  COUNTS,
  DISTANCE_ENTRIES,
  FREQUENCIES,
  HEADER,
  HEADER_CODES,
  HEADER_COUNTS,
  HEADER_LENGTHS,
  LENGTH_CODES,
  LITERAL_ENTRIES,
} from './layout';

const END_OF_BLOCK: usize = 256;
const DISTANCE_COUNTS: usize = COUNTS + 512 * 4;
/** The distance code of a literal: it has none, and takes no bits. */
const NO_DISTANCE: u32 = 30;
const MAX_STORED: usize = 65535;
/** The order in which the lengths of the header's code are written. */
const ORDER = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);

let literalCodes: i32 = 0;
let distanceCodes: i32 = 0;
let headerEnd: usize = 0;
let headerCodes: i32 = 0;

/** Writes the tokens up to `last`, which stand for what is at `from` in the input. `isEnd`: nothing follows. */
export function writeBlocks(tokens: usize, last: usize, from: usize, isEnd: bool): void {
  while (isEnd || tokens < last) {
    const blockEnd = min(tokens + 4 * BLOCK_TOKENS, last);
    count(tokens, blockEnd);
    const bytes = countedBytes();
    const isLast = isEnd && blockEnd == last;
    makeBlockCodes();
    if (codedBits() < storedBits(bytes)) writeCoded(tokens, blockEnd, isLast);
    else writeStored(from, bytes, isLast);
    from += bytes;
    tokens = blockEnd;
    if (isLast) return;
  }
}

/** Counts how often each literal, length and distance code occurs; puts the distance codes into the tokens. */
function count(token: usize, last: usize): void {
  memory.fill(COUNTS, 0, 4 * COUNT_BYTES);
  for (; token + 16 <= last; token += 16) {
    countToken(token, COUNTS);
    countToken(token + 4, COUNTS + COUNT_BYTES);
    countToken(token + 8, COUNTS + 2 * COUNT_BYTES);
    countToken(token + 12, COUNTS + 3 * COUNT_BYTES);
  }
  for (; token < last; token += 4) countToken(token, COUNTS);
  for (let at = COUNTS; at < COUNTS + COUNT_BYTES; at += 16) {
    const half = i32x4.add(v128.load(at), v128.load(at + COUNT_BYTES));
    const other = i32x4.add(v128.load(at + 2 * COUNT_BYTES), v128.load(at + 3 * COUNT_BYTES));
    v128.store(at, i32x4.add(half, other));
  }
}

/** From here on a token has 9 bits of literal or length, 5 of distance code, and the distance less 1 (all ones: literal). */
// @ts-ignore: decorator
@inline
function countToken(token: usize, counts: usize): void {
  const t = load<u32>(token);
  const distance = (t >> 9) - 1;
  // Distances less 1 of 2, 3 bits, … have codes of two each: those with the second bit 0 and 1.
  const extraBits = <u32>max<i32>(30 - clz(distance | 1), 0);
  const code = select<u32>((extraBits << 1) + (distance >> extraBits), NO_DISTANCE, t >> 9);
  store<u32>(token, (t & 511) | (code << 9) | (distance << 14));
  increment(counts + (<usize>(t & 511) << 2));
  increment(counts + 512 * 4 + (<usize>code << 2));
}

// @ts-ignore: decorator
@inline
function increment(address: usize): void {
  store<u32>(address, load<u32>(address) + 1);
}

function countOf(i: usize): u32 {
  return load<u32>(COUNTS + (i << 2));
}

/** Bytes of input that the counted tokens stand for. */
function countedBytes(): usize {
  let bytes: usize = 0;
  for (let i: usize = 0; i < 256; i++) bytes += <usize>countOf(i) + <usize>countOf(256 + i) * (i + 3);
  return bytes;
}

function makeBlockCodes(): void {
  fillLengthCodes();
  memory.copy(FREQUENCIES, COUNTS, 256 * 4);
  memory.fill(FREQUENCIES + 256 * 4, 0, 30 * 4);
  store<u32>(FREQUENCIES + END_OF_BLOCK * 4, 1);
  for (let i: usize = 0; i < 256; i++) {
    const at = FREQUENCIES + (257 + <usize>load<u8>(LENGTH_CODES + i)) * 4;
    store<u32>(at, load<u32>(at) + countOf(256 + i));
  }
  makeLengths(FREQUENCIES, 286, CODE_LENGTHS, 15);
  literalCodes = 286;
  while (load<u8>(CODE_LENGTHS + literalCodes - 1) == 0) literalCodes--;
  const distanceLengths = CODE_LENGTHS + literalCodes;
  makeLengths(DISTANCE_COUNTS, 30, distanceLengths, 15);
  distanceCodes = 30;
  while (distanceCodes > 1 && load<u8>(distanceLengths + distanceCodes - 1) == 0) distanceCodes--;
  makeHeader(literalCodes + distanceCodes);
  makeCodes(CODE_LENGTHS, literalCodes);
  for (let i: usize = 0; i <= END_OF_BLOCK; i++) store<u32>(LITERAL_ENTRIES + i * 4, codeEntry(i));
  // The end of the block has the place of the first length, which follows: it is written apart.
  endOfBlock = load<u32>(LITERAL_ENTRIES + END_OF_BLOCK * 4);
  for (let i: usize = 0; i < 256; i++) store<u32>(LITERAL_ENTRIES + (256 + i) * 4, lengthEntry(i));
  makeCodes(distanceLengths, distanceCodes);
  for (let i = 0; i < distanceCodes; i++) distanceEntry(i, load<u8>(distanceLengths + i));
  // Adds up to nothing with the ones in the token of a literal.
  store<i64>(DISTANCE_ENTRIES + (<usize>NO_DISTANCE << 4), -0x3ffff);
  store<u16>(DISTANCE_ENTRIES + (<usize>NO_DISTANCE << 4), 0, 8);
}

let endOfBlock: u32 = 0;

/** Length less 3 → length code less 257: 8 without extra bits, then 4 each with 1, 2, … of them; the longest is its own. */
function fillLengthCodes(): void {
  let length: usize = 0;
  for (let code: usize = 0; length < 255; code++) {
    const lengths: usize = 1 << extraLengthBits(code);
    memory.fill(LENGTH_CODES + length, <u8>code, lengths);
    length += lengths;
  }
  store<u8>(LENGTH_CODES + 255, 28);
}

function extraLengthBits(code: usize): u32 {
  return code < 8 || code == 28 ? 0 : <u32>(code >> 2) - 1;
}

/** A code's bits, and their number above them. */
function codeEntry(symbol: usize): u32 {
  return <u32>load<u16>(CODES + symbol * 2) | (<u32>load<u8>(CODE_LENGTHS + symbol) << 24);
}

/** The same with the extra bits of one length. */
function lengthEntry(length: usize): u32 {
  const code = <usize>load<u8>(LENGTH_CODES + length);
  if (countOf(256 + length) == 0) return 0;
  const entry = codeEntry(257 + code);
  const bits = extraLengthBits(code);
  return (entry | ((<u32>length & ((1 << bits) - 1)) << (entry >> 24))) + (bits << 24);
}

/**
 * What a distance is written by: its code with all distances of the code still to be added to it, shifted by the length of
 * the code (so the smallest of them, which has only zeros in its extra bits, is subtracted here); that length; and the number
 * of bits with the extra ones.
 */
function distanceEntry(code: i32, length: u32): void {
  const extraBits: u32 = code < 4 ? 0 : (code >> 1) - 1;
  const first: u64 = code < 4 ? code : (2 + (code & 1)) << extraBits;
  const at = DISTANCE_ENTRIES + (<usize>code << 4);
  store<u64>(at, <u64>load<u16>(CODES + (<usize>code << 1)) - (first << length));
  store<u8>(at, <u8>length, 8);
  store<u8>(at, <u8>(length + extraBits), 9);
}

/** The lengths of both codes as the header has them: 0 to 15, 16 to repeat the last, 17 and 18 for zeros, extra bits above. */
function makeHeader(lengths: i32): void {
  memory.fill(HEADER_COUNTS, 0, 19 * 4);
  headerEnd = HEADER;
  for (let i = 0; i < lengths; ) {
    const length = <u32>load<u8>(CODE_LENGTHS + i);
    let run = 1;
    while (i + run < lengths && load<u8>(CODE_LENGTHS + i + run) == length) run++;
    i += run;
    if (length != 0) {
      addHeader(length, 0);
      run--;
    }
    while (run >= 3) {
      const symbol: u32 = length != 0 ? 16 : run < 11 ? 17 : 18;
      const repeated = min(run, symbol == 16 ? 6 : symbol == 17 ? 10 : 138);
      addHeader(symbol, repeated - (symbol == 18 ? 11 : 3));
      run -= repeated;
    }
    for (; run > 0; run--) addHeader(length, 0);
  }
  makeLengths(HEADER_COUNTS, 19, HEADER_LENGTHS, 7);
  makeCodes(HEADER_LENGTHS, 19);
  memory.copy(HEADER_CODES, CODES, 19 * 2);
  headerCodes = 19;
  while (load<u8>(HEADER_LENGTHS + load<u8>(ORDER + headerCodes - 1)) == 0) headerCodes--;
}

function addHeader(symbol: u32, extra: u32): void {
  store<u16>(headerEnd, <u16>(symbol | (extra << 5)));
  headerEnd += 2;
  increment(HEADER_COUNTS + (<usize>symbol << 2));
}

function extraHeaderBits(symbol: u32): u32 {
  return symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
}

/** Bits of the block with codes of its own. */
function codedBits(): u64 {
  let bits: u64 = 3 + 14 + 3 * headerCodes + (endOfBlock >> 24);
  for (let at = HEADER; at < headerEnd; at += 2) {
    const symbol = <u32>load<u16>(at) & 31;
    bits += <u64>load<u8>(HEADER_LENGTHS + symbol) + extraHeaderBits(symbol);
  }
  for (let i: usize = 0; i < 512; i++) bits += <u64>countOf(i) * (load<u32>(LITERAL_ENTRIES + i * 4) >> 24);
  for (let i: usize = 0; i < <usize>distanceCodes; i++) {
    bits += <u64>load<u32>(DISTANCE_COUNTS + i * 4) * load<u8>(DISTANCE_ENTRIES + (i << 4), 9);
  }
  return bits;
}

/** Bits of the block stored, at most. */
function storedBits(bytes: usize): u64 {
  return <u64>(bytes + 5 * (1 + bytes / MAX_STORED)) * 8;
}

function writeCoded(tokens: usize, last: usize, isLast: bool): void {
  put((isLast ? 1 : 0) | (2 << 1), 3);
  put((literalCodes - 257) | ((distanceCodes - 1) << 5) | ((headerCodes - 4) << 10), 14);
  for (let i = 0; i < headerCodes; i++) put(load<u8>(HEADER_LENGTHS + load<u8>(ORDER + i)), 3);
  for (let at = HEADER; at < headerEnd; at += 2) {
    const value = <u32>load<u16>(at);
    const symbol = value & 31;
    put(load<u16>(HEADER_CODES + (<usize>symbol << 1)), load<u8>(HEADER_LENGTHS + symbol));
    put(value >> 5, extraHeaderBits(symbol));
  }
  putTokens(tokens, last, LITERAL_ENTRIES, DISTANCE_ENTRIES);
  put(endOfBlock & 0xffffff, endOfBlock >> 24);
}

function writeStored(from: usize, bytes: usize, isLast: bool): void {
  do {
    const length = min(bytes, MAX_STORED);
    put(isLast && length == bytes ? 1 : 0, 3);
    end();
    put(<u64>length | (<u64>(length ^ 0xffff) << 16), 32);
    putBytes(from, length);
    from += length;
    bytes -= length;
  } while (bytes > 0);
}
