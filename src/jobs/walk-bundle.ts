import { join } from 'node:path';

import { describeCause, EtlError, systemCode } from '../errors.ts';
import { readJsonTexts, readJsonValues, type JsonLine } from '../files/read-json-values.ts';
import { CONVERSATIONS_FILE, INDEX_FILE, type BundleIndexEntry, type BundleManifest } from '../formats/bundle.ts';
import type { Differences } from './verify-report.ts';

/** A chat as the index has it, and its line; no line for one that is as it was, in a bundle of changes. */
export interface WalkedChat {
  readonly entry: BundleIndexEntry;
  readonly line: Buffer | undefined;
}

/** Goes through a bundle's chats in the order of its index, each with its line, and notes where the two do not fit together. */
export async function* walkBundle(
  path: string,
  { compress }: BundleManifest,
  differences: Differences,
  signal: AbortSignal,
): AsyncGenerator<WalkedChat> {
  let folder: FolderLines | undefined;
  try {
    for await (const entry of indexOf(path, differences, signal)) {
      if (entry.folder === null) {
        yield { entry, line: undefined };
        continue;
      }
      if (folder?.name !== entry.folder) {
        await folder?.finish();
        folder = new FolderLines(path, entry.folder, compress === 'gzip' ? '.gz' : '', differences, signal);
      }
      const line = await folder.next();
      if (line === undefined) {
        differences.add('index', nameOf(entry), `is in the index, and ${folder.file} ends before it`);
        continue;
      }
      if (line.offset !== entry.offset || line.bytes.length !== entry.bytes) {
        differences.add(
          'index',
          nameOf(entry),
          `expected ${entry.bytes} bytes at ${entry.offset}, found ${line.bytes.length} at ${line.offset}`,
        );
      }
      yield { entry, line: line.bytes };
    }
    await folder?.finish();
  } finally {
    await folder?.close();
  }
}

/** A chat, for people. */
export function nameOf({ user, key }: Pick<BundleIndexEntry, 'user' | 'key'>): string {
  return `chat ${key} of user ${user === '' ? 'nobody' : user}`;
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

class FolderLines {
  readonly name: string;
  readonly file: string;
  readonly #differences: Differences;
  readonly #lines: AsyncIterator<JsonLine>;
  #isBroken = false;

  constructor(path: string, name: string, ending: string, differences: Differences, signal: AbortSignal) {
    this.name = name;
    this.file = `${name === '.' ? '' : `${name}/`}${CONVERSATIONS_FILE}${ending}`;
    this.#differences = differences;
    this.#lines = readJsonTexts(join(path, this.file), signal);
  }

  async next(): Promise<JsonLine | undefined> {
    if (this.#isBroken) return undefined;
    try {
      const next = await this.#lines.next();
      return next.done === true ? undefined : next.value;
    } catch (error) {
      this.#isBroken = true;
      noteBrokenFile(this.file, error, this.#differences);
      return undefined;
    }
  }

  /** Notes lines that the index does not know. */
  async finish(): Promise<void> {
    let more = 0;
    while ((await this.next()) !== undefined) more += 1;
    if (more > 0) this.#differences.add('index', this.file, `has ${more} more lines than the index`);
    await this.close();
  }

  async close(): Promise<void> {
    await this.#lines.return?.();
  }
}

function noteBrokenFile(file: string, error: unknown, differences: Differences): void {
  if (!(error instanceof EtlError) && systemCode(error) === undefined) throw error;
  differences.add('file', file, describeCause(error));
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
