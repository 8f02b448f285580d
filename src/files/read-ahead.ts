import type { FileHandle } from 'node:fs/promises';

const bufferBytes = 256 * 1024;

/**
 * The bytes of a regular file from `offset` on, the next read under way while the last is used. There is never more than
 * that one in memory: two buffers are used in turn, unless whoever takes the bytes keeps them (`isReused: false`).
 */
export async function* readAhead(
  file: FileHandle,
  offset: number,
  signal: AbortSignal,
  { isReused = true }: { readonly isReused?: boolean } = {},
): AsyncGenerator<Uint8Array> {
  const buffers = [Buffer.allocUnsafeSlow(bufferBytes), Buffer.allocUnsafeSlow(bufferBytes)] as const;
  let position = offset;
  let turn = 0;
  const readNext = (): Promise<Buffer> => {
    turn = 1 - turn;
    const buffer = isReused ? (turn === 0 ? buffers[0] : buffers[1]) : Buffer.allocUnsafeSlow(bufferBytes);
    const reading = file.read(buffer, 0, bufferBytes, position).then(({ bytesRead }) => buffer.subarray(0, bytesRead));
    // Thrown where it is awaited.
    reading.catch(() => undefined);
    return reading;
  };
  let next = readNext();
  try {
    for (;;) {
      signal.throwIfAborted();
      const bytes = await next;
      if (bytes.length === 0) return;
      position += bytes.length;
      next = readNext();
      yield bytes;
    }
  } finally {
    // The file may be closed only when nothing is reading from it.
    await next.catch(() => undefined);
  }
}
