import type { FileHandle } from 'node:fs/promises';

import { EtlError } from '../errors.ts';

/**
 * Fills `bytes` from a file at `position`; a single read may give less.
 *
 * @throws {EtlError} `ETL_STAGE_FAILED` when the file is shorter.
 */
export async function readFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let read = 0;
  while (read < bytes.length) {
    const { bytesRead } = await file.read(bytes, read, bytes.length - read, position + read);
    if (bytesRead === 0)
      throw new EtlError('ETL_STAGE_FAILED', `a spill file ends at byte ${position + read}: somebody changed it`);
    read += bytesRead;
  }
}
