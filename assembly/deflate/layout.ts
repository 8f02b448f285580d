// Where everything lies in memory.

/** Input that is compressed at a time. */
export const MAX_INPUT: usize = 524288;

/** Tokens counted, coded and written together. */
export const BLOCK_TOKENS: usize = 32768;

// Small tables of 32-bit numbers and bytes, for the codes.
export const FREQUENCIES: usize = 1024;
/** Counts of literals (256), lengths (256, from 3) and distance codes (32), a number each. */
export const COUNT_BYTES: usize = (512 + 32) * 4;
/** Four of them while counting: a count that was just stored is slow to load again. */
export const COUNTS: usize = FREQUENCIES + 286 * 4;
export const LITERAL_ENTRIES: usize = COUNTS + 4 * COUNT_BYTES;
export const DISTANCE_ENTRIES: usize = LITERAL_ENTRIES + 512 * 4;
export const CODE_LENGTHS: usize = DISTANCE_ENTRIES + 32 * 16;
export const CODES: usize = CODE_LENGTHS + 320;
export const SORTED: usize = CODES + 286 * 2 + 4;
export const TREE: usize = SORTED + 286 * 4;
export const LEAVES: usize = TREE + 286 * 4;
export const LENGTH_CODES: usize = LEAVES + 512 * 4;
/** The block's header: the lengths of the codes, shortened, and the code for that. */
export const HEADER: usize = LENGTH_CODES + 256;
export const HEADER_COUNTS: usize = HEADER + 320 * 2;
export const HEADER_LENGTHS: usize = HEADER_COUNTS + 19 * 4;
export const HEADER_CODES: usize = HEADER_LENGTHS + 20;

/** Where four bytes with a hash were last: 8192 positions of 16 bits, for each of the four parts. */
export const TABLE_BITS: u32 = 13;
export const TABLE_BYTES: usize = 2 << TABLE_BITS;
export const TABLES: usize = 32768;

/** A token is 32 bits; there is at most one for each byte of input. */
export const TOKENS: usize = TABLES + 4 * TABLE_BYTES;
/** A candidate may be looked at up to 64 KB before the input, and a match up to 16 bytes behind it. */
export const INPUT: usize = TOKENS + 4 * MAX_INPUT + 65536;
export const OUTPUT: usize = INPUT + MAX_INPUT + 64;

/** In pages of 64 KB. Stored, the input takes 5 bytes more for each 32768 tokens or 65535 bytes, and there is the frame. */
export const MEMORY_PAGES: i32 = <i32>((OUTPUT + MAX_INPUT + 1024 + 65535) >> 16);
