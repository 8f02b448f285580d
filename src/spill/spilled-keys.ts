import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { maxSortedKeys, sortKeys } from './key-digest.ts';
import { mergeKeys, writeKeyRun, type KeyRun } from './key-run.ts';
import { KeyTable } from './key-table.ts';

// Runs of one size that are merged into one of the next: each key is rewritten log4(keys / memory) times.
const fanIn = 4;
const tableBytesPerKey = 28;
const filterBitsPerKey = 8;

/**
 * An exact set of 128-bit keys in bounded memory. The newest keys are in memory; when they fill half of `memoryBytes`, they
 * go to a file in order, and files of one size are merged. A lookup asks memory, then one filter a file, and reads 4 KB of
 * a file only when its filter says maybe. The filters share the other half of the memory: past about one key a byte of it they get coarser,
 * and lookups slower.
 *
 * The files are in `directory`, which is emptied first: they are no record of anything, only room.
 */
export class SpilledKeys {
  readonly #directory: string;
  readonly #tableKeys: number;
  readonly #filterBits: number;
  readonly #table = new KeyTable();
  #levels: KeyRun[][] = [];
  #spilled = 0;
  #files = 0;

  constructor(directory: string, memoryBytes: number) {
    this.#directory = directory;
    this.#tableKeys = Math.max(1, Math.min(maxSortedKeys, Math.floor(memoryBytes / 2 / tableBytesPerKey)));
    this.#filterBits = (memoryBytes / 2) * 8;
  }

  get size(): number {
    return this.#spilled + this.#table.size;
  }

  /** Adds a key; false when it was there. Call {@link settle} after some hundred. */
  add(words: Uint32Array, at = 0): boolean {
    for (const runs of this.#levels) {
      for (const run of runs) if (run.has(words, at)) return false;
    }
    return this.#table.add(words, at);
  }

  /** Writes out what is too much for memory. */
  async settle(): Promise<void> {
    while (this.#table.size >= this.#tableKeys) {
      const sorted = sortKeys(this.#table.toWords());
      const count = this.#table.size;
      this.#spilled += count;
      await this.#keep(await this.#write([sorted], count), 0);
      this.#table.clear();
    }
  }

  async close(): Promise<void> {
    const runs = this.#levels.flat();
    this.#levels = [];
    for (const run of runs) await run.remove();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #write(batches: AsyncIterable<Uint32Array> | Iterable<Uint32Array>, count: number): Promise<KeyRun> {
    if (this.#files === 0) {
      await rm(this.#directory, { recursive: true, force: true });
      await mkdir(this.#directory, { recursive: true });
    }
    this.#files += 1;
    const share = this.#filterBits * (count / this.#spilled);
    return writeKeyRun(
      join(this.#directory, `${this.#files}.keys`),
      batches,
      count,
      Math.min(share, count * filterBitsPerKey),
    );
  }

  async #keep(run: KeyRun, level: number): Promise<void> {
    const runs = (this.#levels[level] ??= []);
    runs.push(run);
    if (runs.length < fanIn) return;
    const count = runs.reduce((sum, { count: keys }) => sum + keys, 0);
    const merged = await this.#write(mergeKeys(runs), count);
    this.#levels[level] = [];
    for (const old of runs) await old.remove();
    await this.#keep(merged, level + 1);
  }
}
