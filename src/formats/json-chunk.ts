import type { BatchMemory } from './batch-memory.ts';
import type { JsonRecords } from './json-records.ts';

/** A value a reader could not take, told apart from its neighbours. The reader went on with the next one. */
export interface BadJson {
  /** Its place: how many records of the chunk's `json` come before it. */
  readonly index: number;
  /** 1-based line, when the input is lines. */
  readonly line?: number;
  /** 0-based element, when the input is an array. */
  readonly element?: number;
  /** Byte offset of its first byte (before any white space) in the input, decompressed. */
  readonly offset: number;
  /** Its length in bytes, without the line end or comma. */
  readonly length: number;
  /** What is wrong, with the column (1-based, in characters) where that is known. */
  readonly reason: string;
  /** The beginning of it, at most 2 KB of bytes, invalid UTF-8 shown as U+FFFD. */
  readonly text: string;
}

/** Where a line reader resumes: the byte offset of a line's first byte and that line's 1-based number. */
export interface LinePosition {
  readonly offset: number;
  readonly line: number;
}

/**
 * Where an array reader resumes: the byte offset of the comma (or closing bracket) after an element, and the 0-based
 * number of the element that comes next.
 */
export interface ArrayPosition {
  readonly offset: number;
  readonly index: number;
}

/**
 * What a reader gives at a time: good records, what was bad between them, and where to resume after both.
 *
 * `json` holds the records as contiguous lines: a single `\n` after each, nothing between them.
 */
export interface JsonChunk {
  readonly json: JsonRecords;
  readonly bad: readonly BadJson[];
  /** Byte offset in the input of record i's line or element. */
  readonly offsets: Float64Array;
  /** To be called when nobody looks at the records any more. Absent: their memory is not used again. */
  readonly takeBack?: (() => void) | undefined;
}

export interface JsonLinesChunk extends JsonChunk {
  /** 1-based line of record i. */
  readonly lines: Float64Array;
  readonly end: LinePosition;
}

export interface JsonArrayChunk extends JsonChunk {
  /** 0-based element number of record i. */
  readonly elements: Float64Array;
  readonly end: ArrayPosition;
}

/** How a reader cuts its input into chunks; a function of the records only, never of how the reads were aligned. */
export interface ChunkLimits {
  /** Records in a chunk, bad ones counted. Default 500. */
  readonly batchSize?: number | undefined;
  /** A chunk ends with the record that reaches this many bytes of input. Default 256 KiB. */
  readonly batchBytes?: number | undefined;
  /** A longer line or element is reported as bad and never held in memory. Default 64 MiB. */
  readonly maxLineBytes?: number | undefined;
  /** Memory to put chunks into, for whoever gives it back: see `takeBack` of a chunk. */
  readonly memory?: BatchMemory | undefined;
}

/** Which twin does the scanning: WebAssembly where its module was built (the default), or plain TypeScript. */
export type Engine = 'wasm' | 'typescript';

/** Most bytes of a bad value that are shown. */
export const EXCERPT_BYTES = 2048;
export interface NumberedBadJson extends Omit<BadJson, 'line' | 'element'> {
  readonly number: number;
}

/** A chunk before its reader gives the numbers their name: lines or elements. */
export interface BuiltChunk {
  readonly json: JsonRecords;
  readonly bad: readonly NumberedBadJson[];
  readonly offsets: Float64Array;
  readonly numbers: Float64Array;
  readonly end: { readonly offset: number; readonly number: number };
  /** To be called when nobody looks at the records any more. Absent: their memory is not used again. */
  readonly takeBack?: (() => void) | undefined;
}
