import { open, rm, type FileHandle } from 'node:fs/promises';

import { asBuffer, jsonRecordsByteLength, type JsonRecords } from '../../formats/json-records.ts';
import { THREAD_SCHEMA, type ThreadOrigin } from '../../models/langgraph.ts';

/** A thread as the text of its records: one, which is written where it is wanted, or several when it is large. */
export interface ThreadText {
  /** The record of a thread that is not large. */
  readonly whole: RecordText | undefined;
  /** The records of a large one. */
  parts(): AsyncIterable<Buffer>;
  /** Lets go of what is on the disk. */
  close(): Promise<void>;
}

/** A record that is put together only when there is a place for it: its text is copied once. */
export interface RecordText {
  /** At least as many bytes as `writeTo` writes. */
  readonly maxBytes: number;
  /** Writes the text at `at` and gives where it ends. */
  writeTo(target: Buffer, at: number): number;
}

/** What stands before the history in a thread's record. */
export interface ThreadHead {
  readonly threadId: string;
  /** The row's text. */
  readonly row: string;
  readonly origin: ThreadOrigin;
}

/** Where an entry is in the file, when it is not in memory. */
interface Place {
  readonly offset: number;
  readonly length: number;
}

/**
 * Gathers the history of one thread, page by page as the server gives it, and gives it oldest first.
 *
 * More than `partBytes` go to a file, and come back in parts of about that size.
 */
export class ThreadCollector {
  readonly #partBytes: number;
  readonly #path: () => Promise<string>;
  /** Pages in memory, newest first, of each namespace in the order they are to be given. */
  #pages: JsonRecords[][] = [];
  readonly #places: Place[][] = [];
  #bytes = 0;
  #file: FileHandle | undefined;
  #filePath = '';
  #length = 0;

  constructor(partBytes: number, path: () => Promise<string>) {
    this.#partBytes = partBytes;
    this.#path = path;
  }

  /** The pages that follow are of another namespace. */
  startNamespace(): void {
    this.#pages.push([]);
    this.#places.push([]);
  }

  async add(page: JsonRecords): Promise<void> {
    this.#pages.at(-1)?.push(page);
    this.#bytes += jsonRecordsByteLength(page) + page.count;
    if (this.#file !== undefined || this.#bytes > this.#partBytes) await this.#spill();
  }

  async close(): Promise<void> {
    if (this.#file === undefined) return;
    await this.#file.close();
    await rm(this.#filePath, { force: true });
    this.#file = undefined;
  }

  finish(head: ThreadHead, isLimited: boolean): ThreadText {
    const before = `{"schema":"${THREAD_SCHEMA}","thread_id":${JSON.stringify(head.threadId)},"thread":${head.row},"origin":${JSON.stringify(head.origin)}`;
    const limited = isLimited ? ',"limited":true' : '';
    const isInParts = this.#file !== undefined;
    return {
      whole: isInParts ? undefined : recordText(`${before}${limited},"history":[`, this.#pages, this.#bytes),
      parts: () => this.#parts(before, limited),
      close: () => this.close(),
    };
  }

  /** Moves what is in memory to the file. */
  async #spill(): Promise<void> {
    if (this.#file === undefined) {
      this.#filePath = await this.#path();
      this.#file = await open(this.#filePath, 'w+', 0o600);
    }
    for (const [index, pages] of this.#pages.entries()) {
      for (const page of pages.splice(0)) {
        const text = asBuffer(page.bytes);
        for (let i = 0; i < page.count; i++) {
          const offset = this.#length + (page.starts[i] ?? 0);
          this.#places[index]?.push({ offset, length: (page.ends[i] ?? 0) - (page.starts[i] ?? 0) });
        }
        await writeFully(this.#file, text, this.#length);
        this.#length += text.length;
      }
    }
    this.#bytes = 0;
  }

  /** What is in the file, oldest first. A part ends with the entry that reaches `partBytes`. */
  async *#parts(before: string, limited: string): AsyncGenerator<Buffer> {
    const file = this.#file;
    if (file === undefined) return;
    const places = this.#places.flatMap((namespace) => [...namespace].reverse());
    const parts: Place[][] = [[]];
    let bytes = 0;
    for (const place of places) {
      if (bytes >= this.#partBytes) {
        parts.push([]);
        bytes = 0;
      }
      parts.at(-1)?.push(place);
      bytes += place.length + 1;
    }
    for (const [index, entries] of parts.entries()) {
      const part = JSON.stringify({ number: index + 1, isLast: index === parts.length - 1 });
      const open = Buffer.from(`${before},"part":${part}${limited},"history":[`);
      const size = entries.reduce((sum, { length }) => sum + length + 1, 0);
      const record = Buffer.allocUnsafeSlow(open.length + Math.max(1, size) + 1);
      let at = open.copy(record, 0);
      for (const { offset, length } of entries) {
        await readFully(file, record, at, length, offset);
        at += length;
        record[at++] = COMMA;
      }
      yield record.subarray(0, closed(record, at, entries.length));
    }
  }
}

const COMMA = 0x2c;
const CLOSE_LIST = 0x5d;
const CLOSE_OBJECT = 0x7d;

function recordText(before: string, pages: readonly (readonly JsonRecords[])[], bytes: number): RecordText {
  return {
    // Text takes at most three bytes a character.
    maxBytes: before.length * 3 + bytes + 2,
    writeTo(target, start) {
      let at = start + target.write(before, start);
      let count = 0;
      for (const namespace of pages) {
        for (let index = namespace.length - 1; index >= 0; index--) {
          const page = namespace[index] as JsonRecords;
          const text = asBuffer(page.bytes);
          for (let i = page.count - 1; i >= 0; i--) {
            at += text.copy(target, at, page.starts[i], page.ends[i]);
            target[at++] = COMMA;
          }
          count += page.count;
        }
      }
      return closed(target, at, count);
    },
  };
}

/** Ends the list in the place of its last comma, and the object around it. Gives where the record ends. */
function closed(record: Buffer, end: number, count: number): number {
  const at = count === 0 ? end : end - 1;
  record[at] = CLOSE_LIST;
  record[at + 1] = CLOSE_OBJECT;
  return at + 2;
}

async function writeFully(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

async function readFully(file: FileHandle, into: Buffer, at: number, length: number, position: number): Promise<void> {
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(into, at + done, length - done, position + done);
    if (bytesRead === 0) throw new Error('the file of a large thread is shorter than what was written to it');
    done += bytesRead;
  }
}
