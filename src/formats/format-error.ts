/** Where in the input something is wrong. */
export interface FormatErrorPlace {
  /** 0-based byte offset in the input (decompressed, where it was compressed and the message does not say otherwise). */
  readonly offset: number;
  /** 1-based line, where the format has lines. */
  readonly line?: number;
  /** 1-based column in characters. */
  readonly column?: number;
  /** The input ends where more must follow: it was cut short. */
  readonly isTruncated?: boolean;
}

/** The input cannot be read further: it is cut off, or its structure is broken. Everything before was given out. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
  readonly offset: number;
  declare readonly line?: number;
  declare readonly column?: number;
  readonly isTruncated: boolean;

  constructor(message: string, place: FormatErrorPlace, options?: ErrorOptions) {
    super(message, options);
    this.offset = place.offset;
    this.isTruncated = place.isTruncated === true;
    if (place.line !== undefined) this.line = place.line;
    if (place.column !== undefined) this.column = place.column;
  }
}
