import type { DocumentNames, DocumentScanner } from './document-scan.ts';
import { jsonMembers } from './json-members.ts';

/** The same from the members' list: for names written with escapes, and where WebAssembly is not there. */
export class PlainDocumentScanner implements DocumentScanner {
  readonly mayHoldSecret = true;
  readonly #places: ReadonlyMap<string, number>;
  readonly #volatile: DocumentNames['volatile'];
  readonly #mark: Buffer;
  readonly #starts: Float64Array;
  readonly #ends: Float64Array;
  #bytes: Buffer = Buffer.alloc(0);
  #runs: Buffer[] = [];

  constructor({ slots, mark, volatile }: DocumentNames) {
    this.#places = new Map(slots.map((name, place) => [name, place]));
    this.#volatile = volatile;
    this.#mark = Buffer.from(mark);
    this.#starts = new Float64Array(slots.length);
    this.#ends = new Float64Array(slots.length);
  }

  scan(bytes: Buffer, start: number, end: number): boolean {
    this.#bytes = bytes;
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
    return value.includes(this.#mark) || value.includes(BACKSLASH);
  }

  holdsNull(slot: number): boolean {
    return this.#bytes.subarray(this.startOf(slot), this.endOf(slot)).includes(NULL);
  }

  digestBytes(): Buffer {
    return Buffer.concat(this.#runs);
  }

  #isVolatile(name: string): boolean {
    return this.#volatile.names.includes(name) || this.#volatile.prefixes.some((prefix) => name.startsWith(prefix));
  }
}

const COMMA = Buffer.from(',');
const BACKSLASH = Buffer.from('\\');
const NULL = Buffer.from('null');
