import type { HistoryPage } from '../../connections/langgraph-history.ts';
import { asBuffer, jsonRecordsByteLength } from '../../formats/json-records.ts';
import { THREAD_SCHEMA } from '../../models/langgraph.ts';
import { ThreadSpill } from './thread-spill.ts';

/** A thread as the text of its records: one, or several when it is large. */
export type ThreadText = RecordText | LargeThread;

/** A record that is put together only when there is a place for it: its text is copied once. */
export interface RecordText {
  /** At least as many bytes as `writeTo` writes. */
  readonly maxBytes: number;
  /** Writes the text at `at` and gives where it ends. Once only: the memory it came in is let go of. */
  writeTo(target: Buffer, at: number): number;
}

/** A thread whose history is on the disk. */
export interface LargeThread {
  /** The records, in order. */
  parts(): AsyncIterable<Buffer>;
  /** Lets go of what is on the disk. */
  close(): Promise<void>;
}

/** What stands before the history in a thread's record. */
export interface ThreadHead {
  readonly threadId: string;
  /** The text of the thread's row. */
  readonly row: string;
  /** The text of a `ThreadOrigin`. */
  readonly origin: string;
}

/** Whether a thread is one record. */
export function isOneRecord(text: ThreadText): text is RecordText {
  return 'writeTo' in text;
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
  readonly #pages: HistoryPage[][] = [];
  #bytes = 0;
  #spill: ThreadSpill | undefined;

  constructor(partBytes: number, path: () => Promise<string>) {
    this.#partBytes = partBytes;
    this.#path = path;
  }

  /** The pages that follow are of another namespace. */
  startNamespace(): void {
    this.#pages.push([]);
  }

  /** Takes over the page's memory. There is something to wait for only when pages go to the disk. */
  add(page: HistoryPage): Promise<void> | undefined {
    this.#pages.at(-1)?.push(page);
    this.#bytes += jsonRecordsByteLength(page) + page.count;
    return this.#spill !== undefined || this.#bytes > this.#partBytes ? this.#moveOut() : undefined;
  }

  finish({ threadId, row, origin }: ThreadHead, isLimited: boolean): ThreadText {
    const head = `{"schema":"${THREAD_SCHEMA}","thread_id":${JSON.stringify(threadId)},"thread":${row},"origin":${origin}`;
    const limited = isLimited ? ',"limited":true' : '';
    const spill = this.#spill;
    if (spill === undefined) return new SmallThread(`${head}${limited},"history":[`, this.#pages, this.#bytes);
    const partBytes = this.#partBytes;
    return {
      async *parts() {
        const parts = spill.parts(partBytes, (part) => `${head},"part":${JSON.stringify(part)}${limited},"history":[`);
        for await (const { record, end, count } of parts) yield record.subarray(0, closed(record, end, count));
      },
      close: () => spill.close(),
    };
  }

  /** For a thread that is given up. */
  async close(): Promise<void> {
    await this.#spill?.close();
  }

  async #moveOut(): Promise<void> {
    this.#spill ??= await ThreadSpill.open(await this.#path());
    for (const [namespace, pages] of this.#pages.entries())
      for (const page of pages.splice(0)) {
        await this.#spill.add(namespace, page);
        page.giveBack();
      }
    this.#bytes = 0;
  }
}

const COMMA = 0x2c;
const CLOSE_LIST = 0x5d;
const CLOSE_OBJECT = 0x7d;

/** A thread that is in memory, as the pages that the server gave. */
class SmallThread implements RecordText {
  readonly maxBytes: number;
  readonly #head: string;
  readonly #pages: readonly (readonly HistoryPage[])[];

  constructor(head: string, pages: readonly (readonly HistoryPage[])[], historyBytes: number) {
    this.#head = head;
    this.#pages = pages;
    // Text takes at most three bytes a character.
    this.maxBytes = head.length * 3 + historyBytes + 2;
  }

  writeTo(target: Buffer, start: number): number {
    let at = start + target.write(this.#head, start);
    let count = 0;
    for (const namespace of this.#pages) {
      for (let index = namespace.length - 1; index >= 0; index--) {
        const page = namespace[index] as HistoryPage;
        const text = asBuffer(page.bytes);
        for (let i = page.count - 1; i >= 0; i--) {
          at += text.copy(target, at, page.starts[i], page.ends[i]);
          target[at++] = COMMA;
        }
        count += page.count;
        page.giveBack();
      }
    }
    return closed(target, at, count);
  }
}

/** Ends the list in the place of its last comma, and the object around it. Gives where the record ends. */
function closed(record: Buffer, end: number, count: number): number {
  const at = count === 0 ? end : end - 1;
  record[at] = CLOSE_LIST;
  record[at + 1] = CLOSE_OBJECT;
  return at + 2;
}
