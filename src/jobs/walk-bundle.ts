import { join } from 'node:path';

import { readJsonValues } from '../files/read-json-values.ts';
import { INDEX_FILE, type BundleIndexEntry, type BundleManifest } from '../formats/bundle.ts';
import { FolderLines, nameOf, noteBrokenFile } from './folder-lines.ts';
import type { Differences } from './verify-report.ts';

/** A chat as the index has it, and its line; no line for one that is as it was, in a bundle of changes. */
export interface WalkedChat {
  readonly entry: BundleIndexEntry;
  readonly line: Buffer | undefined;
}

// As many lines that follow one another may be missing, and those after them are still told by their names.
const entriesAhead = 1000;

/** Goes through a bundle's chats in the order of its index, each with its line, and notes where the two do not fit together. */
export async function* walkBundle(
  path: string,
  { compress }: BundleManifest,
  differences: Differences,
  signal: AbortSignal,
): AsyncGenerator<WalkedChat> {
  const entries = new Ahead(indexOf(path, differences, signal), entriesAhead);
  const isSoon = (name: string): Promise<boolean> => entries.has((entry) => nameOf(entry) === name);
  let folder: FolderLines | undefined;
  try {
    for (let entry = await entries.next(); entry !== undefined; entry = await entries.next()) {
      if (entry.folder === null) {
        yield { entry, line: undefined };
        continue;
      }
      if (folder?.name !== entry.folder) {
        await folder?.finish();
        folder = new FolderLines(path, entry.folder, compress === 'gzip' ? '.gz' : '', differences, signal);
      }
      const line = await folder.find(entry, isSoon);
      if (line !== undefined) yield { entry, line };
    }
    await folder?.finish();
  } finally {
    await folder?.close();
    await entries.close();
  }
}

/** Values one at a time, and a look at some that follow. */
class Ahead<T> {
  readonly #values: AsyncIterator<T>;
  readonly #most: number;
  readonly #ahead: T[] = [];

  constructor(values: AsyncIterable<T>, most: number) {
    this.#values = values[Symbol.asyncIterator]();
    this.#most = most;
  }

  async next(): Promise<T | undefined> {
    if (this.#ahead.length > 0) return this.#ahead.shift();
    const next = await this.#values.next();
    return next.done === true ? undefined : next.value;
  }

  async has(isWanted: (value: T) => boolean): Promise<boolean> {
    while (this.#ahead.length < this.#most) {
      const next = await this.#values.next();
      if (next.done === true) break;
      this.#ahead.push(next.value);
    }
    return this.#ahead.some(isWanted);
  }

  async close(): Promise<void> {
    await this.#values.return?.();
  }
}

async function* indexOf(path: string, differences: Differences, signal: AbortSignal): AsyncGenerator<BundleIndexEntry> {
  try {
    for await (const value of readJsonValues(join(path, INDEX_FILE), signal)) {
      if (isIndexEntry(value)) yield value;
      else differences.add('index', INDEX_FILE, `has a line that is no entry: ${JSON.stringify(value).slice(0, 100)}`);
    }
  } catch (error) {
    noteBrokenFile(INDEX_FILE, error, differences);
  }
}

function isIndexEntry(value: unknown): value is BundleIndexEntry {
  if (typeof value !== 'object' || value === null) return false;
  const { user, key, digest, folder } = value as Partial<BundleIndexEntry>;
  return (
    typeof user === 'string' &&
    typeof key === 'string' &&
    typeof digest === 'string' &&
    (folder === null || typeof folder === 'string')
  );
}
