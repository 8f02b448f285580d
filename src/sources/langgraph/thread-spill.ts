import { open, rm, type FileHandle } from 'node:fs/promises';

import { asBuffer, type JsonRecords } from '../../formats/json-records.ts';
import { readFully } from '../../spill/read-fully.ts';
import { writeFully } from '../../spill/write-fully.ts';

/** Where an entry is in the file. */
interface Place {
  readonly offset: number;
  readonly length: number;
}

/** The file that the history of a large thread waits in: it comes newest first, and goes on oldest first. */
export class ThreadSpill {
  readonly #file: FileHandle;
  readonly #path: string;
  /** Newest first, of each namespace in the order they are to be given. */
  readonly #places: Place[][] = [];
  #length = 0;

  private constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.#path = path;
  }

  static async open(path: string): Promise<ThreadSpill> {
    return new ThreadSpill(await open(path, 'w+', 0o600), path);
  }

  async add(namespace: number, page: JsonRecords): Promise<void> {
    const places = (this.#places[namespace] ??= []);
    for (let i = 0; i < page.count; i++) {
      const start = page.starts[i] ?? 0;
      places.push({ offset: this.#length + start, length: (page.ends[i] ?? 0) - start });
    }
    const text = asBuffer(page.bytes);
    await writeFully(this.#file, text, this.#length);
    this.#length += text.length;
  }

  /**
   * The entries oldest first, in parts: each in a buffer that has room for what `headOf` gives before them and two bytes
   * behind. A part ends with the entry that reaches `partBytes`.
   */
  async *parts(
    partBytes: number,
    headOf: (part: { readonly number: number; readonly isLast: boolean }) => string,
  ): AsyncGenerator<{ readonly record: Buffer; readonly end: number; readonly count: number }> {
    const parts = cut(
      this.#places.flatMap((namespace) => [...namespace].reverse()),
      partBytes,
    );
    for (const [index, entries] of parts.entries()) {
      const head = Buffer.from(headOf({ number: index + 1, isLast: index === parts.length - 1 }));
      const size = entries.reduce((sum, { length }) => sum + length + 1, 0);
      const record = Buffer.allocUnsafeSlow(head.length + size + 2);
      let end = head.copy(record, 0);
      for (const { offset, length } of entries) {
        await readFully(this.#file, record.subarray(end, end + length), offset);
        end += length;
        record[end++] = COMMA;
      }
      yield { record, end, count: entries.length };
    }
  }

  /** Also removes the file. */
  async close(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
  }
}

const COMMA = 0x2c;

function cut(places: readonly Place[], partBytes: number): readonly (readonly Place[])[] {
  let last: Place[] = [];
  const parts = [last];
  let bytes = 0;
  for (const place of places) {
    if (bytes >= partBytes) {
      last = [];
      parts.push(last);
      bytes = 0;
    }
    last.push(place);
    bytes += place.length + 1;
  }
  return parts;
}
