import type { Entry } from './entry.ts';
import { EntryReader, type EntryRun } from './entry-run.ts';

/**
 * Gives the entries of several runs in one order: by key, then by run, then as they stand in the run.
 *
 * `take` needs no await as long as what comes next is in memory; when it gives nothing, `more` reads on:
 *
 * ```ts
 * do {
 *   for (let entry = merger.take(); entry !== undefined; entry = merger.take()) use(entry);
 * } while (await merger.more());
 * ```
 */
export class EntryMerger {
  /** A binary heap, the reader with the least entry first. */
  readonly #heap: EntryReader[] = [];
  /** Readers not in the heap because they have to read on. */
  #waiting: EntryReader[];

  constructor(runs: readonly EntryRun[]) {
    this.#waiting = runs.map((run, order) => new EntryReader(run, order));
  }

  take(): Entry | undefined {
    const [reader] = this.#heap;
    if (this.#waiting.length > 0 || reader === undefined) return undefined;
    const { entry } = reader;
    if (!reader.advance()) {
      this.#waiting.push(reader);
      const last = this.#heap.pop();
      if (last !== undefined && last !== reader) this.#heap[0] = last;
    }
    this.#sink(0);
    return entry;
  }

  /** Reads on; false when there is nothing more. */
  async more(): Promise<boolean> {
    const waiting = this.#waiting;
    for (const reader of waiting) if (await reader.fill()) this.#rise(this.#heap.push(reader) - 1);
    this.#waiting = [];
    return this.#heap.length > 0;
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >>> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(from: number): void {
    for (let at = from; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < this.#heap.length && this.#isBefore(child, least)) least = child;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(left: number, right: number): boolean {
    const a = this.#heap[left] as EntryReader;
    const b = this.#heap[right] as EntryReader;
    // Readers in the heap have an entry.
    const order = (a.entry as Entry).key.compare((b.entry as Entry).key);
    return order === 0 ? a.order < b.order : order < 0;
  }

  #swap(left: number, right: number): void {
    const reader = this.#heap[left] as EntryReader;
    this.#heap[left] = this.#heap[right] as EntryReader;
    this.#heap[right] = reader;
  }
}
