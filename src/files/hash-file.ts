import { createHash, hash } from 'node:crypto';
import { closeSync, constants, fstatSync, open, openSync, read, readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';

import { QuickCalls } from './quick-calls.ts';

const openFile = promisify(open);
const readFile = promisify(read);
// Apart, because a name may be known where bytes are not.
const opens = new QuickCalls();
const reads = new QuickCalls();

// One read and one call beat a stream several times over; 256 KB is a judgement.
const smallBytes = 256 * 1024;
const pieceBytes = 1024 * 1024;

/** What a file's bytes are known by. */
export interface FileDigest {
  /** SHA-256, hex. */
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * SHA-256 of a file, and how many bytes went into it.
 *
 * The last part of the path must not be a link. Errors are those of the system (`ENOENT`, `EISDIR`, `ELOOP` for a link …).
 */
export async function hashFile(path: string, signal?: AbortSignal): Promise<FileDigest> {
  const descriptor = await openWithoutLinks(path);
  try {
    return await hashDescriptor(descriptor, { signal });
  } finally {
    closeSync(descriptor);
  }
}

/** Opens a file for reading: never through a link in its last part, and without waiting for a writer at a pipe. */
export async function openWithoutLinks(path: string): Promise<number> {
  // Windows has neither flag, and gives undefined for them.
  const {
    O_RDONLY,
    O_NOFOLLOW = 0,
    O_NONBLOCK = 0,
  } = constants as { O_RDONLY: number; O_NOFOLLOW?: number; O_NONBLOCK?: number };
  const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
  return opens.isAtOnce() ? opens.run(() => openSync(path, flags)) : openFile(path, flags);
}

/** Whether an error says that what was opened cannot be read (a bad sector, say), and not that a copy cannot be written. */
export function isUnreadable(error: unknown): boolean {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return syscall === 'read' && (code === 'EIO' || code === 'ESTALE');
}

/** The digest of an open file, from its beginning. What is read goes into `copy`, too: the copy has the digest for sure. */
export async function hashDescriptor(
  descriptor: number,
  { signal, copy }: { readonly signal?: AbortSignal | undefined; readonly copy?: FileHandle | undefined } = {},
): Promise<FileDigest> {
  // What an open file is like is in memory: asking is no wait.
  const { size } = fstatSync(descriptor);
  if (size > smallBytes) return hashPieces(descriptor, signal, copy);
  // One byte more than there should be, to see that nothing has been added.
  const bytes = Buffer.allocUnsafe(size + 1);
  const bytesRead = reads.isAtOnce()
    ? reads.run(() => readSync(descriptor, bytes, 0, size + 1, 0))
    : (await readFile(descriptor, bytes, 0, size + 1, 0)).bytesRead;
  if (bytesRead !== size) return hashPieces(descriptor, signal, copy);
  signal?.throwIfAborted();
  const content = bytes.subarray(0, size);
  if (copy !== undefined) await copy.writeFile(content);
  return { sha256: hash('sha256', content, 'hex'), bytes: size };
}

/** The next piece is read while one is hashed. */
async function hashPieces(
  descriptor: number,
  signal: AbortSignal | undefined,
  copy: FileHandle | undefined,
): Promise<FileDigest> {
  const digest = createHash('sha256');
  let piece = Buffer.allocUnsafeSlow(pieceBytes);
  let next = Buffer.allocUnsafeSlow(pieceBytes);
  let bytes = 0;
  let { bytesRead } = await readFile(descriptor, piece, 0, pieceBytes, 0);
  while (bytesRead > 0) {
    signal?.throwIfAborted();
    const content = piece.subarray(0, bytesRead);
    bytes += bytesRead;
    const reading = readFile(descriptor, next, 0, pieceBytes, bytes);
    // Awaited below; until then a failure is not unhandled.
    reading.catch(() => undefined);
    digest.update(content);
    try {
      if (copy !== undefined) await copy.writeFile(content);
    } finally {
      // Whoever closes the file must find nobody reading it.
      ({ bytesRead } = await reading);
    }
    [piece, next] = [next, piece];
  }
  return { sha256: digest.digest('hex'), bytes };
}
