import { open } from 'node:fs/promises';

import { EtlError } from '../errors.ts';

/**
 * Locks a file for this process and gives the function that unlocks it.
 *
 * The lock is the operating system's: it goes with the process, however that ends, so a crash leaves none behind.
 *
 * @throws {EtlError} `ETL_RUN_LOCKED` when another process holds it.
 */
export async function lockFile(path: string, what: string): Promise<() => Promise<void>> {
  const { default: native } = await import('fs-native-extensions');
  const file = await open(path, 'a+', 0o600);
  if (!native.tryLock(file.fd)) {
    const [pid] = (await file.readFile('utf8')).trim().split('\n').slice(-1);
    await file.close();
    const by = pid === undefined || pid === '' ? 'another process' : `process ${pid}`;
    throw new EtlError('ETL_RUN_LOCKED', `${by} is running this pipeline into this target`, { where: { file: what } });
  }
  await file.truncate(0);
  await file.appendFile(`${process.pid}\n`);
  // Closing the file frees the lock.
  return () => file.close();
}
