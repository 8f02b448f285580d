import { rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { MANIFEST_FILE, type BundleManifest } from '../../formats/bundle.ts';
import { syncPaths } from './sync-paths.ts';

/**
 * Writes a bundle's manifest, which makes it complete: all of it or nothing, and on the disk. Everything it speaks of must be
 * there before. Gives its size in bytes.
 */
export async function writeManifest(bundlePath: string, manifest: BundleManifest): Promise<number> {
  const path = join(bundlePath, MANIFEST_FILE);
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  await writeFile(`${path}.part`, text);
  await syncPaths([`${path}.part`]);
  await rename(`${path}.part`, path);
  await syncPaths([bundlePath, dirname(bundlePath)]);
  return Buffer.byteLength(text);
}
