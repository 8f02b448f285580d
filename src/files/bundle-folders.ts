import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { EtlError, systemCode } from '../errors.ts';
import {
  BUNDLE_SCHEMA,
  compareUtf8,
  CONVERSATIONS_FILE,
  INDEX_FILE,
  MANIFEST_FILE,
  type BundleManifest,
} from '../formats/bundle.ts';
import { inputError } from './file-error.ts';

/** A folder with chats in it. */
export interface BundleFolder {
  /** Below the bundle; `.` for the bundle itself. */
  readonly name: string;
  readonly path: string;
  readonly conversations: string;
  /** `.gz` where the files are compressed. */
  readonly ending: '' | '.gz';
}

/** Where a bundle's chats are. */
export interface BundleFolders {
  /** The bundle's own folder. */
  readonly path: string;
  /** Absent in bundles of other tools. */
  readonly manifest: BundleManifest | undefined;
  /** In the order of their names. */
  readonly folders: readonly BundleFolder[];
}

/**
 * Finds the folders of a bundle: of one of ours, of another tool's with the same layout, or of one user's folder out of
 * either. `path` may also be a `conversations.jsonl` itself.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` when there are no chats; `ETL_SOURCE_INVALID` for a bundle that was not completed.
 */
export async function bundleFolders(path: string): Promise<BundleFolders> {
  const found = await stat(path).catch((error: unknown) => {
    throw inputError(error, path);
  });
  if (found.isFile()) {
    const ending = path.endsWith('.gz') ? '.gz' : '';
    const folder = dirname(path);
    return { path: folder, manifest: undefined, folders: [{ name: '.', path: folder, conversations: path, ending }] };
  }
  const manifest = await readManifest(path);
  const folders = await foldersBelow(path, '.', 2);
  if (manifest === undefined && (await exists(join(path, INDEX_FILE)))) {
    throw new EtlError('ETL_SOURCE_INVALID', `${path} was not completed: it has no ${MANIFEST_FILE}`, {
      where: { file: path },
      hint: 'Repeat the command that writes it: it goes on where it stopped.',
    });
  }
  if (folders.length === 0 && manifest === undefined) {
    throw new EtlError('ETL_SOURCE_NOT_FOUND', `no ${CONVERSATIONS_FILE} in ${path} or in a folder below it`, {
      where: { file: path },
    });
  }
  return { path, manifest, folders: folders.sort((a, b) => compareUtf8(a.name, b.name)) };
}

/**
 * A bundle's manifest; nothing when there is none.
 *
 * @throws {EtlError} `ETL_SOURCE_INVALID` when it cannot be understood.
 */
export async function readManifest(path: string): Promise<BundleManifest | undefined> {
  const manifestPath = join(path, MANIFEST_FILE);
  let text: string;
  try {
    text = await readFile(manifestPath, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw inputError(error, manifestPath);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new EtlError('ETL_SOURCE_INVALID', 'the manifest is not JSON', {
      where: { file: manifestPath },
      cause: error,
    });
  }
  const schema = typeof value === 'object' && value !== null && 'schema' in value ? value.schema : undefined;
  if (schema !== BUNDLE_SCHEMA) {
    throw new EtlError('ETL_SOURCE_INVALID', `expected schema "${BUNDLE_SCHEMA}", received ${JSON.stringify(schema)}`, {
      where: { file: manifestPath },
    });
  }
  // Written by us in one piece; that the rest is as the schema says is for the digests to show.
  return value as BundleManifest;
}

async function foldersBelow(path: string, name: string, depth: number): Promise<BundleFolder[]> {
  const entries = await readdir(path, { withFileTypes: true });
  for (const ending of ['', '.gz'] as const) {
    const file = CONVERSATIONS_FILE + ending;
    if (entries.some((entry) => entry.name === file)) return [{ name, path, conversations: join(path, file), ending }];
  }
  if (depth === 0) return [];
  const below = entries.filter((entry) => entry.isDirectory() && !entry.name.endsWith('.etl'));
  const found = await Promise.all(
    below.map((entry) =>
      foldersBelow(join(path, entry.name), name === '.' ? entry.name : `${name}/${entry.name}`, depth - 1),
    ),
  );
  return found.flat();
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
