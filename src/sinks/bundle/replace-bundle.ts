import { readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { EtlError, systemCode } from '../../errors.ts';
import { BUNDLE_SCHEMA, MANIFEST_FILE, type BundleManifest } from '../../formats/bundle.ts';
import { ledgerDirectory } from '../../ledger/file.ts';
import { entriesOf } from './keep-only.ts';
import { syncPaths } from './sync-paths.ts';

/** Where a bundle is written that is to take another one's place: beside the run's progress. */
export function replacementPath(path: string): string {
  return join(ledgerDirectory(path), 'new');
}

/**
 * Holds that a new run may write here.
 *
 * @throws {EtlError} `ETL_SINK_EXISTS` when something is there: anything for `error`, anything but a bundle for `replace`.
 */
export async function checkTarget(path: string, ifExists: 'error' | 'replace'): Promise<void> {
  const found = await kindOf(path);
  if (found === 'nothing') return;
  if (found === 'file')
    throw new EtlError('ETL_SINK_EXISTS', `${path} is a file`, {
      where: { file: path },
      hint: 'A bundle is a folder: name another path.',
    });
  if ((await entriesOf(path)).length === 0) return;
  if (ifExists === 'error')
    throw new EtlError('ETL_SINK_EXISTS', `${path} is not empty`, {
      where: { file: path },
      hint: 'Choose another path, or take the place of a bundle with `ifExists: replace`.',
    });
  if ((await manifestOf(path)) === undefined) {
    throw new EtlError('ETL_SINK_EXISTS', `${path} is not empty and no bundle: it is not replaced`, {
      where: { file: path },
      hint: 'Choose another path, or remove the folder yourself.',
    });
  }
}

/** Puts the new bundle in the place of the old one. Killed at any point and repeated, it ends the same. */
export async function swapIn(path: string): Promise<void> {
  const old = join(ledgerDirectory(path), 'old');
  if ((await kindOf(path)) !== 'nothing') {
    await rm(old, { recursive: true, force: true });
    await rename(path, old);
  }
  await rename(replacementPath(path), path);
  await syncPaths([dirname(path)]);
  await rm(old, { recursive: true, force: true });
}

/** Takes back a swap that was killed before the run was recorded as finished, so that it can be finished again. */
export async function takeBackSwap(path: string, exportedAt: string): Promise<void> {
  if ((await kindOf(replacementPath(path))) !== 'nothing') return;
  if ((await manifestOf(path))?.exported_at === exportedAt) await rename(path, replacementPath(path));
}

async function kindOf(path: string): Promise<'nothing' | 'file' | 'folder'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 'nothing';
    throw error;
  }
}

async function manifestOf(path: string): Promise<BundleManifest | undefined> {
  try {
    const manifest = JSON.parse(await readFile(join(path, MANIFEST_FILE), 'utf8')) as Partial<BundleManifest> | null;
    return manifest?.schema === BUNDLE_SCHEMA ? (manifest as BundleManifest) : undefined;
  } catch {
    // Not there, or not ours.
    return undefined;
  }
}
