import { createHash, hash, type Hash } from 'node:crypto';

/** So much text is digested at a time. */
const pieceLength = 256 * 1024;

/**
 * SHA-256, hex, of a value's canonical JSON (see `canonicalJson`), whose text is never whole in memory: a large value costs no
 * second copy of it.
 *
 * @param value What `JSON.parse` gives.
 */
export function canonicalDigest(value: unknown): string {
  const writer = new DigestWriter();
  writer.value(value);
  return writer.end();
}

class DigestWriter {
  #hash: Hash | undefined;
  #text = '';

  value(value: unknown): void {
    if (typeof value === 'string' && value.length > pieceLength) this.#longText(value);
    else if (typeof value !== 'object' || value === null) this.#add(JSON.stringify(value) ?? 'null');
    else if (Array.isArray(value)) this.#list(value);
    else this.#object(value as Readonly<Record<string, unknown>>);
  }

  end(): string {
    // Most values are one piece, which is digested without an object for it.
    if (this.#hash === undefined) return hash('sha256', this.#text);
    return this.#hash.update(this.#text).digest('hex');
  }

  #list(items: readonly unknown[]): void {
    let before = '[';
    for (const item of items) {
      this.#text += before;
      this.value(item);
      before = ',';
    }
    this.#add(items.length === 0 ? '[]' : ']');
  }

  #object(fields: Readonly<Record<string, unknown>>): void {
    let before = '{';
    for (const name of Object.keys(fields).sort()) {
      const value = fields[name];
      if (value === undefined) continue;
      this.#text += `${before}${JSON.stringify(name)}:`;
      this.value(value);
      before = ',';
    }
    this.#add(before === '{' ? '{}' : '}');
  }

  #longText(text: string): void {
    this.#text += '"';
    for (let from = 0; from < text.length; ) {
      let end = Math.min(from + pieceLength, text.length);
      // Two halves of one character are escaped when they stand alone.
      while (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end += 1;
      this.#add(JSON.stringify(text.slice(from, end)).slice(1, -1));
      from = end;
    }
    this.#text += '"';
  }

  #add(text: string): void {
    this.#text += text;
    if (this.#text.length < pieceLength) return;
    this.#hash ??= createHash('sha256');
    this.#hash.update(this.#text);
    this.#text = '';
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
