import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { EtlError, systemCode } from '../errors.ts';
import { bundleFolders, readManifest } from '../files/bundle-folders.ts';
import { INDEX_FILE, MANIFEST_FILE } from '../formats/bundle.ts';
import { verifyFiles } from './verify-files.ts';
import { Differences } from './verify-report.ts';
import { usersOfBundles } from './onyx-new-users.ts';

const shown = 3;

/**
 * The bundles that paths stand for: a folder of several exports stands for all of them, in the order of their names, which
 * for exports named after their time is that of time.
 */
export async function bundlesAt(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const inside = (await isThere(join(path, MANIFEST_FILE))) ? [] : await bundlesIn(path);
    found.push(...(inside.length === 0 ? [path] : inside));
  }
  return [...new Set(found)];
}

/**
 * Looks whether a bundle is what it was when it was made: every file is hashed, unless `isHashed` is false. Bundles of other tools, and one user's folder
 * out of ours, hold nothing to compare with, and pass.
 *
 * @returns the bundle's own folder, which the paths of its files are relative to.
 * @throws {EtlError} `ETL_SOURCE_INVALID` with the first differences; what the `bundle` source throws for a folder that is none.
 */
export async function checkBundle(path: string, signal: AbortSignal, isHashed = true): Promise<string> {
  const { path: folder, manifest } = await bundleFolders(path);
  if (manifest === undefined || !isHashed) return folder;
  const differences = new Differences(shown);
  await verifyFiles(folder, manifest, differences, signal);
  const { total, first } = differences.report();
  if (total === 0) return folder;
  const said = first.map(({ where, detail }) => `${where}: ${detail}`);
  throw new EtlError(
    'ETL_SOURCE_INVALID',
    `the bundle is not as it was made: ${said.join('; ')}${total > said.length ? `; and ${total - said.length} more` : ''}`,
    {
      where: { file: folder },
      hint: 'See all of it with etl verify, and get the bundle anew; --no-check imports it as it is.',
    },
  );
}

/**
 * Makes sure that chats which are to go to one account are one person's.
 *
 * @throws {EtlError} `ETL_USAGE` when they are not.
 */
export async function requireOneOwner(
  path: string,
  only: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { users, withoutEmail } = await usersOfBundles([path], signal);
  const wanted = only === undefined ? undefined : new Set(only.map((email) => email.toLowerCase()));
  const owners = users.filter(({ email }) => wanted?.has(email.toLowerCase()) !== false).length;
  const count = owners + (wanted === undefined ? withoutEmail : 0);
  if (count <= 1) return;
  throw new EtlError('ETL_USAGE', `${path} holds the chats of ${count} people: they cannot all go to one account`, {
    hint: 'Choose whose with --only-user, or name the folder of one user in the bundle.',
  });
}

async function bundlesIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    // What is wrong with the path is for the source to say.
    if (systemCode(error) !== undefined) return [];
    throw error;
  });
  const found: string[] = [];
  for (const name of entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()) {
    const inner = join(path, name);
    if ((await readManifest(inner)) !== undefined || (await isThere(join(inner, INDEX_FILE)))) found.push(inner);
  }
  return found;
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
