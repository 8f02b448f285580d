import { join } from 'node:path';

import { describeCause, EtlError, systemCode } from '../errors.ts';
import { readJsonTexts, type JsonLine } from '../files/read-json-values.ts';
import { CONVERSATIONS_FILE, type BundleIndexEntry } from '../formats/bundle.ts';
import { jsonMember, jsonMembers, jsonValue } from '../formats/json-members.ts';
import type { Differences } from './verify-report.ts';

/** The lines of one folder's conversations, each found by its entry in the index, whatever is missing or too much between them. */
export class FolderLines {
  readonly name: string;
  readonly #file: string;
  readonly #differences: Differences;
  readonly #lines: AsyncIterator<JsonLine>;
  #next: JsonLine | undefined;
  #isBroken = false;
  /** How far lines lie from where the index says; unknown after a line that is missing or too much. Told once, not for each line. */
  #moved: number | undefined = 0;

  constructor(path: string, name: string, ending: string, differences: Differences, signal: AbortSignal) {
    this.name = name;
    this.#file = `${name === '.' ? '' : `${name}/`}${CONVERSATIONS_FILE}${ending}`;
    this.#differences = differences;
    this.#lines = readJsonTexts(join(path, this.#file), signal);
  }

  /** The line of this entry. `isSoon` tells whether the chat of a name is among the entries that follow. */
  async find(entry: BundleIndexEntry, isSoon: (name: string) => Promise<boolean>): Promise<Buffer | undefined> {
    for (let line = await this.#peek(); line !== undefined; line = await this.#peek()) {
      const { bytes, offset } = line;
      const moved = offset - entry.offset;
      const isInPlace = moved === this.#moved && bytes.length === entry.bytes;
      const name = isInPlace ? nameOf(entry) : nameIn(bytes);
      if (name === nameOf(entry)) {
        if (moved !== (this.#moved ?? moved) || bytes.length !== entry.bytes) {
          const places = `expected ${entry.bytes} bytes at ${entry.offset}, found ${bytes.length} at ${offset}`;
          this.#differences.add('index', name, places);
        }
        this.#moved = moved + bytes.length - entry.bytes;
        this.#next = undefined;
        return bytes;
      }
      if (await isSoon(name)) break;
      this.#differences.add('index', this.#file, `has a line that the index has not, of ${name}`);
      this.#moved = undefined;
      this.#next = undefined;
    }
    this.#differences.add('index', nameOf(entry), `is in the index, and ${this.#file} has no line of it`);
    this.#moved = undefined;
    return undefined;
  }

  /** Notes lines that the index does not know. */
  async finish(): Promise<void> {
    let more = 0;
    for (; (await this.#peek()) !== undefined; this.#next = undefined) more += 1;
    if (more > 0) this.#differences.add('index', this.#file, `has ${more} more lines than the index`);
    await this.close();
  }

  async close(): Promise<void> {
    await this.#lines.return?.();
  }

  async #peek(): Promise<JsonLine | undefined> {
    if (this.#next !== undefined || this.#isBroken) return this.#next;
    try {
      const next = await this.#lines.next();
      this.#next = next.done === true ? undefined : next.value;
    } catch (error) {
      this.#isBroken = true;
      noteBrokenFile(this.#file, error, this.#differences);
    }
    return this.#next;
  }
}

/** A chat, for people. */
export function nameOf({ user, key }: Pick<BundleIndexEntry, 'user' | 'key'>): string {
  return `chat ${key} of user ${user === '' ? 'nobody' : user}`;
}

/** Notes that a file cannot be read to its end. */
export function noteBrokenFile(file: string, error: unknown, differences: Differences): void {
  if (!(error instanceof EtlError) && systemCode(error) === undefined) throw error;
  differences.add('file', file, describeCause(error));
}

/** What a line says whose chat it is. */
function nameIn(line: Buffer): string {
  const additions = jsonMember(jsonMembers(line), 'threadmill');
  const members = additions === undefined ? [] : jsonMembers(line, additions.start, additions.end);
  const text = (name: string): string => {
    const member = jsonMember(members, name);
    return member === undefined ? '' : String(jsonValue(line, member));
  };
  return nameOf({ user: text('user_id'), key: text('key') });
}
