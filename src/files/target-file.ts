import { open, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { EtlError, systemCode } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import type { OutputTarget } from './output.ts';

/** What a file sink does when its target holds data already. */
export type IfExists = 'append' | 'replace' | 'error';

/** A target opened for writing at the place where the run stands. */
export interface TargetFile {
  readonly file: OutputTarget;
  /** Bytes that stay; writing goes on from here. */
  readonly length: number;
}

/**
 * Opens the file a run writes to, making it and its folders when they are not there.
 *
 * `committed` is the length that the run left with its last commit: what lies behind it was never committed and is cut
 * off. Without it the run is new, and `ifExists` decides; an empty file holds no data.
 *
 * @throws {EtlError} `ETL_SINK_EXISTS`, or `ETL_SINK_CHANGED` when the file is shorter than what was committed.
 */
export async function openTargetFile(
  path: string,
  ifExists: IfExists,
  committed: number | undefined,
): Promise<TargetFile> {
  const size = await sizeOf(path);
  if (committed !== undefined && (size ?? 0) < committed) {
    const now = size === undefined ? 'it is gone' : `it has ${size} now`;
    throw new EtlError('ETL_SINK_CHANGED', `this run had written ${committed} bytes to ${path}, but ${now}`, {
      where: { file: path },
    });
  }
  if (committed === undefined) refuseData(path, ifExists, size);
  const file = size === undefined ? await create(path) : await open(path, 'r+');
  try {
    const length = committed ?? (ifExists === 'append' ? (size ?? 0) : 0);
    if (size !== undefined && size > length) await file.truncate(length);
    return { file: targetOf(file), length };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Holds that a new run may write to a file.
 *
 * @throws {EtlError} `ETL_SINK_EXISTS` when it holds data and `ifExists` is `error`; `ETL_SINK_FAILED` when it is no file.
 */
export async function checkNewTarget(path: string, ifExists: IfExists): Promise<void> {
  refuseData(path, ifExists, await sizeOf(path));
}

function refuseData(path: string, ifExists: IfExists, size = 0): void {
  if (ifExists !== 'error' || size === 0) return;
  throw new EtlError('ETL_SINK_EXISTS', `${path} exists and holds ${size} bytes`, {
    where: { file: path },
    hint: 'Choose another target, move the file away, or set `ifExists`.',
  });
}

function targetOf(file: FileHandle): OutputTarget {
  return {
    async write(pieces, position) {
      let left = pieces;
      let place = position;
      while (left.length > 0) {
        const { bytesWritten } = await file.writev(left, place);
        place += bytesWritten;
        left = behind(left, bytesWritten);
      }
    },
    sync: () => file.datasync(),
    truncate: (length) => file.truncate(length),
    close: () => file.close(),
  };
}

/** What is left of the pieces after so many bytes: nothing, but where a disk is full or a write is interrupted. */
function behind(pieces: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let skip = bytes;
  for (const [index, piece] of pieces.entries()) {
    if (skip < piece.length) return [piece.subarray(skip), ...pieces.slice(index + 1)];
    skip -= piece.length;
  }
  return [];
}

/** The size of a regular file; nothing when there is none. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    if (found.isFile()) return found.size;
    const what = found.isDirectory() ? 'is a directory' : 'is not a regular file';
    throw new EtlError('ETL_SINK_FAILED', `${path} ${what}`, {
      where: { file: path },
      hint: 'Name a file; `-` writes to the standard output.',
    });
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes a file, and brings its name in the folder to the disk: a power cut must not lose the file itself. */
async function create(path: string): Promise<FileHandle> {
  const folder = dirname(path);
  await makeFolder(folder);
  const file = await open(path, 'wx+');
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
