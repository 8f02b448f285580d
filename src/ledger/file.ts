import { createHash } from 'node:crypto';
import { open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { EtlError, systemCode } from '../errors.ts';
import type { Ledger, Progress } from '../stage.ts';
import { lockFile } from './lock.ts';
import { makeFolder } from '../make-folder.ts';

// Past this size the journal is written anew with its last entry only.
const compactBytes = 1024 * 1024;

/**
 * Keeps a run's progress in a folder beside its output: `<output>.etl/` with `journal` (one line a commit: a digest, a
 * space, the progress as JSON), `lock`, and `stages/` for the stages' own files.
 *
 * An entry counts once it is on the disk. A torn last line, from a power cut, is passed over: the entry before it holds.
 */
export function fileLedger(directory: string): Ledger {
  const journalPath = join(directory, 'journal');
  let unlock: (() => Promise<void>) | undefined;
  let journal: FileHandle | undefined;
  let bytes = 0;

  async function append(progress: Progress): Promise<void> {
    journal ??= await openDurably(journalPath, 'a');
    const line = lineOf(progress);
    await journal.appendFile(line);
    await journal.datasync();
    bytes += line.length;
    if (bytes > compactBytes) await compact(line);
  }

  async function compact(line: Buffer): Promise<void> {
    const next = `${journalPath}.next`;
    const file = await openDurably(next, 'w');
    await file.appendFile(line);
    await file.datasync();
    await file.close();
    await journal?.close();
    journal = undefined;
    await rename(next, journalPath);
    bytes = line.length;
  }

  return {
    where: directory,
    directory,
    async open() {
      await makeFolder(directory);
      const release = await lockFile(join(directory, 'lock'), directory);
      try {
        const last = await lastEntry(journalPath);
        // Written anew, so that nothing is ever appended to a torn line.
        if (last !== undefined) await compact(lineOf(last));
        unlock = release;
        return last;
      } catch (error) {
        await release();
        throw error;
      }
    },
    peek: () => lastEntry(journalPath),
    save: append,
    async reset() {
      await journal?.close();
      journal = undefined;
      await rm(journalPath, { force: true });
      await rm(join(directory, 'stages'), { recursive: true, force: true });
      bytes = 0;
    },
    async close() {
      await journal?.close();
      journal = undefined;
      await unlock?.();
      unlock = undefined;
    },
  };
}

/** The folder with the progress of runs into `path`. */
export function ledgerDirectory(path: string): string {
  return join(dirname(path), `${basename(path)}.etl`);
}

async function lastEntry(path: string): Promise<Progress | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw new EtlError('ETL_LEDGER_INVALID', 'cannot read the journal', { where: { file: path }, cause: error });
  }
  const lines = text.split('\n').filter((line) => line !== '');
  for (const line of lines.reverse()) {
    const entry = parseEntry(line);
    if (entry !== undefined) return entry;
  }
  if (lines.length <= 1) return undefined;
  throw new EtlError('ETL_LEDGER_INVALID', 'the journal holds no valid entry', { where: { file: path } });
}

function parseEntry(line: string): Progress | undefined {
  const [digest = '', text = ''] = [line.slice(0, 16), line.slice(17)];
  if (digestOf(text) !== digest) return undefined;
  // The digest shows that we wrote it; the version, that it is of this form.
  const progress = JSON.parse(text) as Progress;
  return progress.version === 1 ? progress : undefined;
}

function lineOf(progress: Progress): Buffer {
  const text = JSON.stringify(progress);
  return Buffer.from(`${digestOf(text)} ${text}\n`);
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Opens a file and brings its name in the folder to the disk, so that a power cut does not lose the file itself. */
async function openDurably(path: string, flags: 'a' | 'w'): Promise<FileHandle> {
  const file = await open(path, flags, 0o600);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  return file;
}
