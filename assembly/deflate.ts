// Deflate (RFC 1951), for speed first: a few times that of zlib's fastest level, for files a few per cent larger.
//
// The input is four parts of the same length, and matches are looked for in all of them in turn: finding one is a chain of
// waiting for memory (hash, table, candidate, length, next position), and four chains wait at the same time. Each position has
// one candidate, the last one with the same hash of four bytes; the longest match from there is taken as it is. What comes
// out depends on the input alone.
//
// Then the tokens are counted, given Huffman codes and written, a block of 32768 at a time. `gzip` puts the frame of RFC 1952
// around that.
import { begin, end, position } from './deflate/bits';
import { writeBlocks } from './deflate/blocks';
import { INPUT, MAX_INPUT, MEMORY_PAGES, OUTPUT, TABLES, TABLE_BYTES, TOKENS } from './deflate/layout';
import { findMatch, finishPart, MAX_LENGTH } from './deflate/matches';

memory.grow(max(0, MEMORY_PAGES - memory.size()));

// A shorter input is one part: each part begins without anything to refer to nearby.
const PARTED_BYTES: usize = 65536;

export function inputAddress(): usize {
  return INPUT;
}

/** How much can be compressed at a time. */
export function maxInputBytes(): usize {
  return MAX_INPUT;
}

export function outputAddress(): usize {
  return OUTPUT;
}

/** Makes the input's first `length` bytes a gzip member, given their CRC-32; gives its length. */
export function gzip(length: usize, crc: u32): usize {
  // Magic number, deflate, no flags, no time; extra flags 4: the fastest algorithm; operating system 255: unknown.
  store<u64>(OUTPUT, 0x00088b1f);
  store<u16>(OUTPUT + 8, 0xff04);
  begin(OUTPUT + 10);
  deflate(length);
  end();
  const trailer = position();
  store<u32>(trailer, crc);
  store<u32>(trailer + 4, <u32>length);
  return trailer + 8 - OUTPUT;
}

function deflate(length: usize): void {
  memory.fill(TABLES, 0, 4 * TABLE_BYTES);
  const part: usize = length < PARTED_BYTES ? 0 : (length >> 2) & ~15;
  const end1 = INPUT + part;
  const end2 = end1 + part;
  const end3 = end2 + part;
  const end4 = INPUT + length;
  let p1 = INPUT;
  let p2 = end1;
  let p3 = end2;
  let p4 = end3;
  // Each part has room for a token a byte.
  const tokens2 = TOKENS + 4 * part;
  const tokens3 = tokens2 + 4 * part;
  const tokens4 = tokens3 + 4 * part;

  // One token for each part in a turn.
  let turns: usize = 0;
  while (
    <i32>(p1 + MAX_LENGTH < end1) &
    <i32>(p2 + MAX_LENGTH < end2) &
    <i32>(p3 + MAX_LENGTH < end3) &
    <i32>(p4 + MAX_LENGTH < end4)
  ) {
    p1 = findMatch(p1, TABLES, TOKENS + turns);
    p2 = findMatch(p2, TABLES + TABLE_BYTES, tokens2 + turns);
    p3 = findMatch(p3, TABLES + 2 * TABLE_BYTES, tokens3 + turns);
    p4 = findMatch(p4, TABLES + 3 * TABLE_BYTES, tokens4 + turns);
    turns += 4;
  }
  const last1 = finishPart(p1, end1, TABLES, TOKENS + turns);
  const last2 = finishPart(p2, end2, TABLES + TABLE_BYTES, tokens2 + turns);
  const last3 = finishPart(p3, end3, TABLES + 2 * TABLE_BYTES, tokens3 + turns);
  const last4 = finishPart(p4, end4, TABLES + 3 * TABLE_BYTES, tokens4 + turns);

  writeBlocks(TOKENS, last1, INPUT, false);
  writeBlocks(tokens2, last2, end1, false);
  writeBlocks(tokens3, last3, end2, false);
  writeBlocks(tokens4, last4, end3, true);
}
