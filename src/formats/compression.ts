import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip, gzip } from 'node:zlib';
import { FormatError } from './format-error.ts';

/** How bytes are compressed, told by how they begin. */
export type Compression = 'gzip' | 'zstd' | 'none';

/** The compression that data beginning with these (at least 4, if there are so many) bytes has. */
export function compressionOf(head: Uint8Array): Compression {
  const [a, b, c, d] = head;
  if (a === 0x1f && b === 0x8b) return 'gzip';
  const isSkippable = a !== undefined && a >> 4 === 5 && b === 0x2a && c === 0x4d && d === 0x18;
  if ((a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) || isSkippable) return 'zstd';
  return 'none';
}

/**
 * The same bytes decompressed: gzip (any number of members) and zstd (any number of frames) are recognised by their
 * first bytes, everything else passes through as it is. Memory is flat. The chunks are read ahead of what is given out,
 * so each must have its own memory.
 *
 * @throws {FormatError} when compressed data ends early, or is damaged (checksums are verified); what could be
 *   decompressed before that was given out. `offset` counts compressed bytes there.
 */
export async function* decompressed(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { head, rest } = await beginning(chunks);
  const compression = compressionOf(head);
  if (compression === 'none') yield* rest;
  else if (compression === 'gzip') yield* gunzip(rest);
  else yield* (await import('./zstd.ts')).unzstd(rest);
}

async function* gunzip(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = chunks[Symbol.asyncIterator]();
  let offset = 0;
  let endOfInk = 0;
  async function next(): Promise<Uint8Array | undefined> {
    const read = await iterator.next();
    if (read.done === true) return undefined;
    const { value } = read;
    for (let i = value.length; i > 0; i--) {
      if (value[i - 1] === 0) continue;
      endOfInk = offset + i;
      break;
    }
    offset += value.length;
    return value;
  }
  const unzip = createGunzip({ chunkSize: 65_536 });
  let ended = Promise.resolve();
  async function* compressed() {
    const { promise, resolve } = withResolvers();
    ended = promise;
    try {
      for (let chunk = await next(); chunk !== undefined; chunk = await next()) yield chunk;
    } finally {
      resolve();
    }
  }
  const feeding = pipeline(Readable.from(compressed()), unzip);
  // Its error comes out of the loop below; without a handler it would count as unhandled until then.
  feeding.catch(() => undefined);
  try {
    for await (const chunk of unzip) yield chunk as Buffer;
    // zlib stops at the first zero behind a member and ignores the rest. Padding may be ignored, data may not.
    await ended;
    while ((await next()) !== undefined);
    if (endOfInk > unzip.bytesWritten) {
      throw new FormatError(`there is other data behind the compressed data, at byte ${unzip.bytesWritten}`, {
        offset: unzip.bytesWritten,
      });
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR')
      throw new FormatError(
        `compressed data ends early at byte ${offset}`,
        { offset, isTruncated: true },
        { cause: error },
      );
    if (code?.startsWith('Z_') !== true) throw error;
    throw new FormatError(
      `compressed data is damaged at or before byte ${offset}: ${message}`,
      { offset },
      { cause: error },
    );
  } finally {
    unzip.destroy();
    await iterator.return?.();
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const compress = promisify<Uint8Array, { level: number; chunkSize: number; memLevel: number }, Buffer>(gzip);

// Each piece of output is a trip to the thread pool and back: with zlib's own 16 KiB a fifth of the time goes there.
const pieceBytes = 256 * 1024;

/**
 * Bytes as one gzip member, compressed outside the JavaScript thread. Members joined are a gzip file again, so several
 * can be made at once and written in order. The same bytes give the same member on every platform.
 */
export async function gzipMember(bytes: Uint8Array, level = 6): Promise<Buffer> {
  const member = await compress(bytes, { level, chunkSize: pieceBytes, memLevel: 9 });
  // The header's operating system, which zlib fills in: 255 is "unknown".
  member[9] = 255;
  return member;
}

/** The first bytes, at least 4 where there are so many, and all chunks once more from the first. */
async function beginning(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
  async function* all() {
    yield* chunks;
  }
  const iterator = all();
  const taken: Uint8Array[] = [];
  let length = 0;
  while (length < 4) {
    const next = await iterator.next();
    if (next.done === true) break;
    taken.push(next.value);
    length += next.value.length;
  }
  async function* rest(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* taken.filter((chunk) => chunk.length > 0);
      yield* iterator;
    } finally {
      await iterator.return();
    }
  }
  return { head: Buffer.concat(taken).subarray(0, 4), rest: rest() };
}
