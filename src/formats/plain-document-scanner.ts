import { bytesMatch } from './bytes-match.ts';
import type { DocumentNames, DocumentScanner } from './document-scan.ts';
import { jsonElements, jsonMembers } from './json-members.ts';

const NOTHING = Buffer.alloc(0);

/**
 * The same from the members' list: for very long documents, for names written with escapes, and where WebAssembly is not there.
 * It takes no memory of the document's size.
 */
export class PlainDocumentScanner implements DocumentScanner {
  readonly #places: ReadonlyMap<string, number>;
  readonly #volatile: DocumentNames['volatile'];
  readonly #mark: Buffer;
  readonly #secrets: RegExp;
  readonly #starts: Float64Array;
  readonly #ends: Float64Array;
  #bytes: Buffer = NOTHING;
  #start = 0;
  #end = 0;
  #runs: Buffer[] = [];

  constructor({ slots, mark, volatile, secrets, linkParameters }: DocumentNames) {
    this.#places = new Map(slots.map((name, place) => [name, place]));
    this.#volatile = volatile;
    this.#mark = Buffer.from(`"${mark}"`);
    const parts = [
      ...secrets.names.map((name) => `"${name}"`),
      ...secrets.prefixes.map((prefix) => `"${prefix}`),
      ...linkParameters.map((name) => `[?&]${name}`),
      escapedLetter.source,
    ];
    this.#secrets = new RegExp(parts.join('|'), 'i');
    this.#starts = new Float64Array(slots.length);
    this.#ends = new Float64Array(slots.length);
  }

  /** Looked for only when it is asked. */
  get mayHoldSecret(): boolean {
    return bytesMatch(this.#secrets, this.#bytes, this.#start, this.#end);
  }

  scan(bytes: Buffer, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#runs = [];
    this.#starts.fill(0);
    this.#ends.fill(0);
    let runStart = -1;
    let runEnd = -1;
    const endRun = (): void => {
      if (runStart >= 0) this.#runs.push(bytes.subarray(runStart, runEnd), COMMA);
      runStart = -1;
    };
    for (const member of jsonMembers(bytes, start, end)) {
      const place = this.#places.get(member.name);
      if (place !== undefined) {
        this.#starts[place] = member.start;
        this.#ends[place] = member.end;
      }
      if (this.#isVolatile(member.name)) {
        endRun();
        continue;
      }
      if (runStart < 0) runStart = member.nameStart;
      runEnd = member.end;
    }
    endRun();
    let first = start;
    while (first < end && (bytes[first] ?? 0) <= 0x20) first += 1;
    return bytes[first] === 0x7b;
  }

  startOf(slot: number): number {
    return this.#starts[slot] ?? 0;
  }

  endOf(slot: number): number {
    return this.#ends[slot] ?? 0;
  }

  holdsMark(slot: number): boolean {
    const value = this.#bytes.subarray(this.startOf(slot), this.endOf(slot));
    return value.includes(this.#mark) || bytesMatch(escapedLetter, value);
  }

  holdsNull(slot: number): boolean {
    const elements = jsonElements(this.#bytes, this.startOf(slot), this.endOf(slot));
    return this.endOf(slot) > 0 && elements.some(({ start }) => this.#bytes[start] === SMALL_N);
  }

  digestPieces(): readonly Buffer[] {
    const runs = this.#runs;
    // There may be no next document for a long time: one of 16 MB would be held meanwhile.
    this.#runs = [];
    this.#bytes = NOTHING;
    return runs;
  }

  #isVolatile(name: string): boolean {
    return this.#volatile.names.includes(name) || this.#volatile.prefixes.some((prefix) => name.startsWith(prefix));
  }
}

const COMMA = Buffer.from(',');
const SMALL_N = 0x6e;
/** A letter, digit or sign of a name written as an escape: nobody has to, and a name may be hidden by it. */
const escapedLetter = /\\u00[2-7]/i;
