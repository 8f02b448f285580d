import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import pLimit from 'p-limit';

import { describeCause, systemCode } from '../errors.ts';
import { hashFile } from '../files/hash-file.ts';
import { CHECKSUMS_FILE, MANIFEST_FILE, type BundleManifest } from '../formats/bundle.ts';
import { readLines } from './read-lines.ts';
import type { Differences } from './verify-report.ts';

const concurrency = 4;

/** Bytes that were hashed, and the digests that the checksums state, by path. */
interface CheckedFiles {
  readonly files: number;
  readonly bytes: number;
  readonly stated: ReadonlyMap<string, string>;
}

/** Hashes every file of a bundle and notes what is missing, altered or not known to its checksums. */
export async function verifyFiles(
  path: string,
  manifest: BundleManifest,
  differences: Differences,
  signal: AbortSignal,
): Promise<CheckedFiles> {
  const stated = await statedDigests(path, differences);
  let files = 0;
  let bytes = 0;
  const limit = pLimit(concurrency);
  async function check(name: string, sha256: string): Promise<void> {
    signal.throwIfAborted();
    try {
      const found = await hashFile(join(path, name), signal);
      files += 1;
      bytes += found.bytes;
      differences.expect('file', name, 'SHA-256', sha256, found.sha256);
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      differences.add('file', name, systemCode(error) === 'ENOENT' ? 'is missing' : describeCause(error));
    }
  }
  for (const [name, { sha256 }] of Object.entries(manifest.files)) await check(name, sha256);
  const waiting = new Set<Promise<void>>();
  for (const [name, sha256] of stated) {
    // Hashed already, as one that the manifest names.
    if (manifest.files[name] !== undefined) continue;
    const checking = limit(() => check(name, sha256)).finally(() => waiting.delete(checking));
    waiting.add(checking);
    if (waiting.size >= concurrency * 4) await Promise.race(waiting);
  }
  await Promise.all(waiting);
  const known = new Set([MANIFEST_FILE, ...Object.keys(manifest.files)]);
  for await (const name of filesBelow(path, '')) {
    if (!known.has(name) && !stated.has(name)) differences.add('unlisted', name, 'is in no list of the bundle');
  }
  return { files, bytes, stated };
}

async function statedDigests(path: string, differences: Differences): Promise<Map<string, string>> {
  const stated = new Map<string, string>();
  try {
    for await (const line of readLines(join(path, CHECKSUMS_FILE))) {
      const [, sha256, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
      if (sha256 === undefined || name === undefined)
        differences.add('file', CHECKSUMS_FILE, `has a line that is no checksum: ${line.slice(0, 100)}`);
      else stated.set(name, sha256);
    }
  } catch (error) {
    // That it is missing is found again, and noted, where the manifest's files are hashed.
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  return stated;
}

async function* filesBelow(path: string, prefix: string): AsyncGenerator<string> {
  for (const entry of await readdir(join(path, prefix), { withFileTypes: true })) {
    const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) yield* filesBelow(path, name);
    else yield name;
  }
}
