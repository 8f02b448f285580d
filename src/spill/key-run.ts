import { readSync } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';

import { compareKeys, keyBytes, keyPrefix, keyWords } from './key-digest.ts';
import { KeyFilter, leastBitsPerKey } from './key-filter.ts';
import { readFully } from './read-fully.ts';

const blockKeys = 256;
const bufferKeys = 16 * 1024;

/** Digests in order in a file, and what is kept in memory to find one with a single read: 8 bytes for each 256 keys. */
export class KeyRun {
  readonly count: number;
  readonly path: string;
  readonly #file: FileHandle;
  readonly #fences: Float64Array;
  readonly #filter: KeyFilter | undefined;
  readonly #block = new Uint32Array(blockKeys * keyWords);
  readonly #blockBytes = Buffer.from(this.#block.buffer);

  constructor(path: string, file: FileHandle, fences: Float64Array, count: number, filter: KeyFilter | undefined) {
    this.path = path;
    this.#file = file;
    this.#fences = fences;
    this.count = count;
    this.#filter = filter;
  }

  has(words: Uint32Array, at: number): boolean {
    if (this.#filter?.mayHave(words, at) === false) return false;
    const prefix = keyPrefix(words, at);
    // Keys with the same prefix may begin in the block before.
    for (let block = this.#blockOf(prefix); block >= 0; block -= 1) {
      if (this.#isInBlock(block, words, at)) return true;
      if ((this.#fences[block] ?? 0) < prefix) return false;
    }
    return false;
  }

  /** All keys in order, many at a time. */
  async *keys(): AsyncGenerator<Uint32Array> {
    for (let from = 0; from < this.count; from += bufferKeys) {
      const words = new Uint32Array(Math.min(bufferKeys, this.count - from) * keyWords);
      await readFully(this.#file, Buffer.from(words.buffer), from * keyBytes);
      yield words;
    }
  }

  async remove(): Promise<void> {
    await this.#file.close();
    await rm(this.path, { force: true });
  }

  /** The last block that begins with this prefix or a lower one. */
  #blockOf(prefix: number): number {
    let low = 0;
    let high = this.#fences.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#fences[middle] ?? 0) <= prefix) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #isInBlock(block: number, words: Uint32Array, at: number): boolean {
    // In the page cache as a rule, and then quicker than a turn of the event loop.
    const bytes = readSync(this.#file.fd, this.#blockBytes, 0, this.#blockBytes.length, block * blockKeys * keyBytes);
    let low = 0;
    let high = Math.floor(bytes / keyBytes);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareKeys(this.#block, middle * keyWords, words, at);
      if (order === 0) return true;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return false;
  }
}

/** Writes digests, which come in order, to a new run. `filterBits` is what its filter may take; too few, and it has none. */
export async function writeKeyRun(
  path: string,
  batches: AsyncIterable<Uint32Array> | Iterable<Uint32Array>,
  count: number,
  filterBits: number,
): Promise<KeyRun> {
  const file = await open(path, 'w+', 0o600);
  try {
    const filter = filterBits / count < leastBitsPerKey ? undefined : new KeyFilter(filterBits);
    const fences = new Float64Array(Math.ceil(count / blockKeys));
    let written = 0;
    for await (const words of batches) {
      for (let at = 0; at < words.length; at += keyWords, written += 1) {
        if (written % blockKeys === 0) fences[written / blockKeys] = keyPrefix(words, at);
        filter?.add(words, at);
      }
      await file.writeFile(Buffer.from(words.buffer, words.byteOffset, words.byteLength));
    }
    return new KeyRun(path, file, fences, count, filter);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The keys of several runs in one order, many at a time. */
export async function* mergeKeys(runs: readonly KeyRun[]): AsyncGenerator<Uint32Array> {
  const readers = await Promise.all(runs.map(async (run) => KeyReader.open(run.keys())));
  let merged = new Uint32Array(bufferKeys * keyWords);
  let used = 0;
  for (;;) {
    let least: KeyReader | undefined;
    for (const reader of readers) {
      if (reader.words === undefined) continue;
      if (least?.words === undefined || compareKeys(reader.words, reader.at, least.words, least.at) < 0) least = reader;
    }
    if (least?.words === undefined) break;
    for (let i = 0; i < keyWords; i += 1) merged[used++] = least.words[least.at + i] ?? 0;
    least.at += keyWords;
    if (least.at === least.words.length) await least.refill();
    if (used < merged.length) continue;
    yield merged;
    merged = new Uint32Array(bufferKeys * keyWords);
    used = 0;
  }
  yield merged.subarray(0, used);
}

/** The next key of a run while it is merged; no `words` at its end. */
class KeyReader {
  words: Uint32Array | undefined;
  at = 0;
  readonly #batches: AsyncGenerator<Uint32Array>;

  constructor(batches: AsyncGenerator<Uint32Array>) {
    this.#batches = batches;
  }

  static async open(batches: AsyncGenerator<Uint32Array>): Promise<KeyReader> {
    const reader = new KeyReader(batches);
    await reader.refill();
    return reader;
  }

  async refill(): Promise<void> {
    const next = await this.#batches.next();
    this.words = next.done === true ? undefined : next.value;
    this.at = 0;
  }
}
