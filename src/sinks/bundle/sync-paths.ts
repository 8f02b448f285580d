import { open } from 'node:fs/promises';

import pLimit from 'p-limit';

const concurrency = 8;

/** Brings files and folders that were written under their names to the disk. */
export async function syncPaths(paths: Iterable<string>): Promise<void> {
  const limit = pLimit(concurrency);
  await Promise.all(Array.from(paths, (path) => limit(() => syncPath(path))));
}

async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
