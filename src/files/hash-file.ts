import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

const chunkBytes = 1024 * 1024;

/** SHA-256 of a file, hex, and its size. The next piece is read while one is hashed. */
export async function hashFile(
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const file = await open(path);
  try {
    const hash = createHash('sha256');
    const { size } = await file.stat();
    const pieceBytes = Math.max(1, Math.min(chunkBytes, size));
    let buffer = Buffer.allocUnsafe(pieceBytes);
    let spare = size > pieceBytes ? Buffer.allocUnsafe(pieceBytes) : buffer;
    let bytes = 0;
    let reading = file.read(buffer, 0, pieceBytes, 0);
    for (;;) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) return { sha256: hash.digest('hex'), bytes };
      signal?.throwIfAborted();
      const full = buffer;
      bytes += bytesRead;
      if (spare === buffer) {
        hash.update(full.subarray(0, bytesRead));
        reading = file.read(buffer, 0, pieceBytes, bytes);
        continue;
      }
      buffer = spare;
      spare = full;
      reading = file.read(buffer, 0, pieceBytes, bytes);
      reading.catch(() => undefined);
      hash.update(full.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}
