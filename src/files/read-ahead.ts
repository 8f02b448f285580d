import { readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

import { largeCalls, QuickCalls } from './quick-calls.ts';

const bufferBytes = 256 * 1024;

/**
 * The bytes of a regular file from `offset` on. What the system has in memory is read at once: a turn through the thread pool
 * takes several times longer. Where that is slow (a cold disk, a network), the next read is under way while the last is used.
 *
 * There is never more than one read ahead: two buffers are used in turn, unless whoever takes the bytes keeps them
 * (`isReused: false`).
 */
export async function* readAhead(
  file: FileHandle,
  offset: number,
  signal: AbortSignal,
  { isReused = true }: { readonly isReused?: boolean } = {},
): AsyncGenerator<Uint8Array> {
  const buffers = [Buffer.allocUnsafeSlow(bufferBytes), Buffer.allocUnsafeSlow(bufferBytes)] as const;
  const calls = new QuickCalls(largeCalls);
  let position = offset;
  let turn = 0;
  const nextBuffer = (): Buffer => {
    turn = 1 - turn;
    return isReused ? (turn === 0 ? buffers[0] : buffers[1]) : Buffer.allocUnsafeSlow(bufferBytes);
  };
  const readAtOnce = (): Buffer => {
    const buffer = nextBuffer();
    return buffer.subarray(
      0,
      calls.run(() => readSync(file.fd, buffer, 0, bufferBytes, position)),
    );
  };
  const startReading = (): Promise<Buffer> => {
    const buffer = nextBuffer();
    const reading = file.read(buffer, 0, bufferBytes, position).then(({ bytesRead }) => buffer.subarray(0, bytesRead));
    // Thrown where it is awaited.
    reading.catch(() => undefined);
    return reading;
  };
  let reading = calls.isAtOnce() ? undefined : startReading();
  try {
    for (;;) {
      signal.throwIfAborted();
      const bytes = reading === undefined ? readAtOnce() : await reading;
      if (bytes.length === 0) return;
      position += bytes.length;
      reading = calls.isAtOnce() ? undefined : startReading();
      yield bytes;
    }
  } finally {
    // The file may be closed only when nothing is reading from it.
    await reading?.catch(() => undefined);
  }
}
