import type { BsonWriter } from './bson-writer.ts';

const ARRAY = 0x04;
const longestPath = 200;

/** A document, an array or a scope of code that is being written. The same object serves the next one on its level. */
export interface OpenDocument {
  /** Where its length stands. */
  place: number;
  /** Where the element stands that it is the value of: its type, then its name. */
  element: number;
  /** Number of the next element of an array, -1 in a document. */
  index: number;
  /** Of a scope; nothing otherwise. */
  code: CodeOfScope | undefined;
}

/** The code that a scope belongs to. */
export interface CodeOfScope {
  /** Where its length stands. */
  readonly place: number;
  /** Where the JSON goes on behind both, -1 when that is not known. */
  readonly next: number;
}

/** The documents of BSON that are open, from the outermost in. */
export class OpenDocuments {
  readonly #writer: BsonWriter;
  readonly #levels: OpenDocument[] = [];
  #depth = 0;

  constructor(writer: BsonWriter) {
    this.#writer = writer;
  }

  get depth(): number {
    return this.#depth;
  }

  /** There must be one. */
  get innermost(): OpenDocument {
    return this.#levels[this.#depth - 1] as OpenDocument;
  }

  /** Forgets those that are open. */
  reset(): void {
    this.#depth = 0;
  }

  /** Begins one, as the value of the element at `element`; the outermost is no element's. */
  open(element: number, type: number, code: CodeOfScope | undefined): void {
    const writer = this.#writer;
    let level = this.#levels[this.#depth];
    if (level === undefined) {
      level = { place: 0, element: 0, index: 0, code: undefined };
      this.#levels.push(level);
    }
    if (this.#depth > 0) writer.buffer[element] = type;
    level.element = element;
    level.index = type === ARRAY ? 0 : -1;
    level.code = code;
    level.place = writer.placeInt32();
    this.#depth += 1;
  }

  /** Ends the innermost, and its code, and gives it. */
  close(): OpenDocument {
    const writer = this.#writer;
    const level = this.innermost;
    this.#depth -= 1;
    writer.byte(0);
    writer.setInt32(level.place, writer.length - level.place);
    if (level.code !== undefined) writer.setInt32(level.code.place, writer.length - level.code.place);
    return level;
  }

  /** The names that lead to an element of the innermost. */
  pathTo(element: number): string {
    const elements = [...this.#levels.slice(1, this.#depth).map((level) => level.element), element];
    const path = elements.map((each) => this.#nameOf(each)).join('.');
    return path.length > longestPath ? `${path.slice(0, longestPath)}…` : path;
  }

  #nameOf(element: number): string {
    const { buffer } = this.#writer;
    return buffer.toString('utf8', element + 1, buffer.indexOf(0, element + 1));
  }
}
