/** What to look for in documents. All of it is ASCII. */
export interface DocumentNames {
  /** Members of the document itself to find: they are asked for by their place in this list. At most 255. */
  readonly slots: readonly string[];
  /** Name of a member that counts wherever it stands below one of the slots. */
  readonly mark: string;
  /** Members of the document itself that a digest leaves out: their names, and what their names begin with. */
  readonly volatile: { readonly names: readonly string[]; readonly prefixes: readonly string[] };
  /** Names of members that hold secrets, wherever they stand, and what such names begin with. */
  readonly secrets: { readonly names: readonly string[]; readonly prefixes: readonly string[] };
  /** Parameters that make a link a key. */
  readonly linkParameters: readonly string[];
}

/**
 * Looks once at a document's JSON text: what it finds is valid until the next document.
 *
 * `mayHoldSecret`, `holdsMark` and `holdsNull` are never wrong when they say no; when they say yes, somebody has to look.
 */
export interface DocumentScanner {
  /** Looks at `bytes[start .. end)`, which is valid JSON; false for what is no object. */
  scan(bytes: Buffer, start: number, end: number): boolean;
  /** Where the value of a slot begins and ends in the bytes; both 0 when there is no such member. Of several the last counts. */
  startOf(slot: number): number;
  endOf(slot: number): number;
  /** A member of the marked name may be below this slot's value. */
  holdsMark(slot: number): boolean;
  /** Null may be an element of this slot's value. */
  holdsNull(slot: number): boolean;
  readonly mayHoldSecret: boolean;
  /**
   * What a digest is made of, piece by piece: the members that are not volatile, each run of them with a comma behind it. Ask
   * once, and last: the bytes are valid until the next document, and the scanner itself lets go of this one.
   */
  digestPieces(): readonly Buffer[];
}
