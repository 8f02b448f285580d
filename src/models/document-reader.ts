import type { Json } from '../json.ts';
import { idText, numberOf, timeText, type Document } from './extended-json.ts';

/**
 * Reads a document field by field and knows what is left.
 *
 * A field counts as read when it has the type asked for, or is null or absent; a field of another type stays with the rest,
 * so that nothing is lost by expecting something else.
 */
export class DocumentReader {
  readonly document: Document;
  readonly #read = new Set<string>();

  constructor(document: Document) {
    this.document = document;
  }

  text(name: string): string | undefined {
    const value = this.document[name];
    return this.#take(name, typeof value === 'string' ? value : undefined);
  }

  flag(name: string): boolean | undefined {
    const value = this.document[name];
    return this.#take(name, typeof value === 'boolean' ? value : undefined);
  }

  id(name: string): string | undefined {
    return this.#take(name, idText(this.document[name]));
  }

  number(name: string): number | undefined {
    return this.#take(name, numberOf(this.document[name]));
  }

  time(name: string): string | undefined {
    return this.#take(name, timeText(this.document[name]));
  }

  /** The field as it is, read. */
  value(name: string): Json | undefined {
    this.#read.add(name);
    return this.document[name] ?? undefined;
  }

  /** Leaves fields out of the rest, or puts them back. */
  mark(name: string, isRead = true): void {
    if (isRead) this.#read.add(name);
    else this.#read.delete(name);
  }

  /** What nobody has read, verbatim; nothing when that is nothing. */
  rest(isLeftOut?: (name: string) => boolean): { [name: string]: Json } | undefined {
    let rest: { [name: string]: Json } | undefined;
    for (const name of Object.keys(this.document)) {
      const value = this.document[name];
      if (value === undefined || this.#read.has(name) || isLeftOut?.(name) === true) continue;
      rest ??= {};
      rest[name] = value;
    }
    return rest;
  }

  #take<T>(name: string, decoded: T | undefined): T | undefined {
    if (decoded !== undefined || this.document[name] === null) this.#read.add(name);
    return decoded;
  }
}
