import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { outputError } from '../files/file-error.ts';
import { EntryBuffer } from './entry-buffer.ts';
import { EntryMerger } from './entry-merger.ts';
import { removeEntryRun, writeEntryRun, type EntryRun } from './entry-run.ts';
import { entryBytes, writeEntry, type Entry } from './entry.ts';

const mostRuns = 64;
const blockBytes = 1024 * 1024;

/** All entries of one key, in the order they were added. */
export interface Group {
  readonly key: Buffer;
  readonly members: readonly Pick<Entry, 'tag' | 'text'>[];
}

export interface ExternalGroupOptions {
  /** Folder for spill files; emptied first, and removed in the end. */
  readonly directory: string;
  /** Memory for entries. A group that is larger takes its own size when it is given. */
  readonly memoryBytes: number;
  readonly signal: AbortSignal;
}

/**
 * Brings records of one key together, from one input or several, in bounded memory.
 *
 * Add every record as bytes with its key's bytes (`encodeKey`) and, with several inputs, a tag of 0 to 255; then read the
 * groups, in the order of key bytes. When `memoryBytes` are full, what is in memory goes to a file in order of keys, and the
 * files are merged in the end.
 *
 * ```ts
 * const chats = externalGroup({ directory, memoryBytes, signal });
 * try {
 *   for await (const message of messages) if (chats.add(encodeKey([message.chat]), text(message), 1)) await chats.spill();
 *   for await (const { key, members } of chats.groups()) …
 * } finally {
 *   await chats.close();
 * }
 * ```
 *
 * @throws {EtlError} `ETL_SINK_FAILED` with the folder, when a file cannot be written, such as on a full disk.
 */
export interface ExternalGroup {
  /** Takes one record; copies the bytes. True when memory is full: await {@link spill} before adding more. */
  add(key: Uint8Array, text: Uint8Array, tag?: number): boolean;
  spill(): Promise<void>;
  /** The groups, once. Nothing can be added after that. */
  groups(): AsyncGenerator<Group>;
  close(): Promise<void>;
}

/** A spill file; those of a level are of about one size, and the levels fall from the first to the last. */
interface LeveledRun {
  readonly run: EntryRun;
  readonly level: number;
}

export function externalGroup({ directory, memoryBytes, signal }: ExternalGroupOptions): ExternalGroup {
  const buffer = new EntryBuffer(memoryBytes);
  let runs: LeveledRun[] = [];
  let files = 0;

  async function write(blocks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<EntryRun> {
    try {
      if (files === 0) {
        await rm(directory, { recursive: true, force: true });
        await mkdir(directory, { recursive: true });
      }
      files += 1;
      return await writeEntryRun(join(directory, `${files}.run`), blocks, signal);
    } catch (error) {
      throw signal.aborted ? error : outputError(error, directory);
    }
  }

  async function spill(): Promise<void> {
    if (buffer.count === 0) return;
    runs.push({ run: await write(buffer.sortedBytes()), level: 0 });
    buffer.clear();
    // Few files stay open however much comes, and each record is written once a level only.
    for (let last = runs.at(-1); last !== undefined && isFull(last.level); last = runs.at(-1)) {
      await merge(runs.length - mostRuns, last.level + 1);
    }
  }

  function isFull(level: number): boolean {
    return runs.length >= mostRuns && runs.at(-mostRuns)?.level === level;
  }

  /** Neighbours are merged, so that entries of one key stay in the order they came. */
  async function merge(from: number, level: number): Promise<void> {
    const part = runs.slice(from, from + mostRuns).map(({ run }) => run);
    const merged = { run: await write(mergedBytes(part)), level };
    runs.splice(from, part.length, merged);
    for (const run of part) await removeEntryRun(run);
  }

  return {
    add(key, text, tag = 0) {
      buffer.add(key, tag, text);
      return buffer.bytes >= memoryBytes;
    },
    spill,
    async *groups() {
      if (runs.length === 0) {
        yield* groupsOf(buffer.sorted());
        return;
      }
      await spill();
      buffer.clear({ release: true });
      // As few as will do, and the latest: they are the smallest.
      while (runs.length > mostRuns) await merge(Math.max(runs.length - mostRuns, mostRuns - 1), 0);
      yield* mergedGroups(new EntryMerger(runs.map(({ run }) => run)), signal);
    },
    async close() {
      buffer.clear({ release: true });
      for (const { run } of runs) await run.file.close();
      runs = [];
      if (files > 0) await rm(directory, { recursive: true, force: true });
    },
  };
}

function* groupsOf(entries: Iterable<Entry>): Generator<Group> {
  let group: { key: Buffer; members: Entry[] } | undefined;
  for (const entry of entries) {
    if (group?.key.equals(entry.key) === true) {
      group.members.push(entry);
      continue;
    }
    if (group !== undefined) yield group;
    group = { key: entry.key, members: [entry] };
  }
  if (group !== undefined) yield group;
}

async function* mergedGroups(merger: EntryMerger, signal: AbortSignal): AsyncGenerator<Group> {
  let group: { key: Buffer; members: Entry[] } | undefined;
  do {
    signal.throwIfAborted();
    for (let entry = merger.take(); entry !== undefined; entry = merger.take()) {
      if (group?.key.equals(entry.key) === true) {
        group.members.push(entry);
        continue;
      }
      if (group !== undefined) yield group;
      group = { key: entry.key, members: [entry] };
    }
  } while (await merger.more());
  if (group !== undefined) yield group;
}

async function* mergedBytes(runs: readonly EntryRun[]): AsyncGenerator<Buffer> {
  const merger = new EntryMerger(runs);
  let block: Buffer = Buffer.allocUnsafeSlow(blockBytes);
  let other: Buffer | undefined;
  let used = 0;
  do {
    for (let entry = merger.take(); entry !== undefined; entry = merger.take()) {
      const size = entryBytes(entry.key, entry.text);
      if (used > 0 && used + size > block.length) {
        yield block.subarray(0, used);
        // One is being written meanwhile.
        [block, other] = [other ?? Buffer.allocUnsafeSlow(blockBytes), block];
        used = 0;
      }
      if (size > block.length) block = Buffer.allocUnsafeSlow(size);
      writeEntry(block, used, entry.key, entry.tag, entry.text);
      used += size;
    }
  } while (await merger.more());
  if (used > 0) yield block.subarray(0, used);
}
