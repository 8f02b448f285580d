/** What ends a value: a raw line feed, or the comma or bracket of the container around it. */
export type ScanMode = 'lines' | 'values';

/** What a scanner says of a value, in the two upper bits of an event. */
export const verdicts = { valid: 0, invalid: 1, unsure: 2, empty: 3 } as const;

/** The lower bits of an event: where the value's terminator is, counted from the start of the scanned bytes. */
export const POSITION_MASK = 0x3fffffff;

/**
 * A validating JSON scanner that takes input in blocks and finds where values end.
 *
 * `valid` means that JSON.parse accepts the value, `invalid` that it does not, `unsure` that it has to be asked (nested
 * deeper than 65 535 levels), `empty` that there was only white space. That strings are UTF-8 is not looked at.
 */
export interface JsonScanner {
  /** Most bytes a call of `scan` takes. */
  readonly blockBytes: number;
  /** One number an ended value, valid until the next `scan`: verdict << 30 | position of its terminator from `from`. */
  readonly events: Uint32Array;
  /** Bytes of the last block that were scanned: less than all only after a closing bracket in values mode. */
  readonly stopped: number;
  /** `mark`: eight bytes of ASCII that the name of a member ends with, to be told by `mayHoldMark`. */
  reset(mode: ScanMode, mark?: string): void;
  /** A member whose name ends with the mark may have had text that is not empty for a value: never wrong when it says no. */
  readonly mayHoldMark: boolean;
  /** There may have been line breaks around values, in values mode: never wrong when it says no. */
  readonly mayHoldBreaks: boolean;
  /** Scans `bytes[from .. to)` as what follows the bytes before; gives the number of events. */
  scan(bytes: Uint8Array, from: number, to: number): number;
  /** The verdict on the value read so far if the input ended here. */
  finish(): number;
}
