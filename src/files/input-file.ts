import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';

import { EtlError, systemCode } from '../errors.ts';
import { compressionOf, decompressed } from '../formats/compression.ts';
import { FormatError } from '../formats/format-error.ts';
import { inputError } from './file-error.ts';
import { standardInput } from './input-paths.ts';
import { readAhead } from './read-ahead.ts';

// Enough to tell one file from another, and to see what it holds.
const headBytes = 4096;

/** Where reading begins, with what the bytes before it looked like when the cursor was made. */
export interface InputStart {
  readonly offset: number;
  readonly fingerprint: string;
}

/** A file or the standard input, decompressed by what its first bytes say. Whoever opens it closes it. */
export class InputFile {
  readonly path: string;
  /** Whether it can be read again from an offset: regular files can. */
  readonly canResume: boolean;
  /** Bytes in the file as it lies there; nothing for pipes. */
  readonly size: number | undefined;
  readonly #file: FileHandle | undefined;
  #head: Buffer | undefined;
  #cut: FormatError | undefined;
  #end: { readonly offset: number; readonly lastByte: number | undefined } = { offset: 0, lastByte: undefined };

  private constructor(path: string, file: FileHandle | undefined, size: number | undefined) {
    this.path = path;
    this.#file = file;
    this.size = size;
    this.canResume = size !== undefined;
  }

  /** @throws {EtlError} `ETL_SOURCE_NOT_FOUND`, `ETL_SOURCE_FAILED`. */
  static async open(path: string): Promise<InputFile> {
    if (path === standardInput) return new InputFile('standard input', undefined, undefined);
    try {
      const file = await open(path, 'r');
      const found = await file.stat();
      return new InputFile(path, file, found.isFile() ? found.size : undefined);
    } catch (error) {
      throw inputError(error, path);
    }
  }

  /**
   * The bytes, decompressed, from `start` on. A buffer is only good until the next one is asked for.
   *
   * Compressed data that ends early ends here like any other, so that what was decompressed can still be used; `cut` then
   * holds the error.
   */
  async *read(start: InputStart | undefined, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.#cut = undefined;
    this.#end = { offset: start?.offset ?? 0, lastByte: undefined };
    try {
      for await (const bytes of this.#bytes(start, signal)) {
        this.#end = { offset: this.#end.offset + bytes.length, lastByte: bytes.at(-1) };
        yield bytes;
      }
    } catch (error) {
      if (!(error instanceof FormatError && error.isTruncated)) throw error;
      this.#cut = error;
    }
  }

  /** Why the bytes ended before the file's did. */
  get cut(): FormatError | undefined {
    return this.#cut;
  }

  /** How far the bytes were read, and the last of them. */
  get end(): { readonly offset: number; readonly lastByte: number | undefined } {
    return this.#end;
  }

  /** Whether the file is compressed, by its first bytes. Not for pipes. */
  async isCompressed(): Promise<boolean> {
    return this.#file !== undefined && isCompressed(this.#file);
  }

  /** What the bytes before `offset` look like; nothing for what cannot be read again. */
  async fingerprint(offset: number): Promise<string | undefined> {
    if (!this.canResume) return undefined;
    const head = await this.head();
    return fingerprintOf(head, Math.min(offset, head.length));
  }

  /** The first bytes, decompressed, of a file that can be read again. What is broken is found when it is read. */
  async head(): Promise<Buffer> {
    if (this.#head !== undefined) return this.#head;
    const parts: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const bytes of this.#bytes(undefined, new AbortController().signal)) {
        parts.push(Buffer.from(bytes.subarray(0, headBytes - length)));
        length += bytes.length;
        if (length >= headBytes) break;
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
    this.#head = Buffer.concat(parts);
    return this.#head;
  }

  /**
   * Holds that this is the file that was read up to `start`.
   *
   * @throws {EtlError} `ETL_SOURCE_CHANGED` when it begins differently or is shorter.
   */
  async checkUnchanged({ offset, fingerprint }: InputStart): Promise<void> {
    const head = await this.head();
    const known = Number.parseInt(fingerprint, 10);
    if (known > head.length || fingerprintOf(head, known) !== fingerprint) {
      throw changed(this.path, 'it begins differently than when the run was started');
    }
    if (!(await this.isCompressed()) && (this.size ?? 0) < offset) {
      throw changed(this.path, `it has ${this.size} bytes now, and ${offset} had been read`);
    }
  }

  /** An error met while reading this file, with its place; errors of other origin stay as they are. */
  failure(error: unknown): unknown {
    if (error instanceof FormatError) {
      const { offset, line, column, message } = error;
      const where = { file: this.path, offset, line, column };
      return new EtlError(error.isTruncated ? 'ETL_SOURCE_TRUNCATED' : 'ETL_SOURCE_INVALID', message, {
        where,
        cause: error,
      });
    }
    const isSystem = !(error instanceof EtlError) && systemCode(error)?.startsWith('E') === true;
    return isSystem && !systemCode(error)?.startsWith('ERR_') ? inputError(error, this.path) : error;
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async *#bytes(start: InputStart | undefined, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const file = this.#file;
    if (file === undefined || !this.canResume) {
      yield* decompressed(this.#stream(signal));
      return;
    }
    if (start !== undefined) await this.checkUnchanged(start);
    const offset = start?.offset ?? 0;
    if (await this.isCompressed()) {
      yield* this.#skip(decompressed(readAhead(file, 0, signal, { isReused: false })), offset);
    } else yield* readAhead(file, offset, signal);
  }

  #stream(signal: AbortSignal): AsyncIterable<Uint8Array> {
    const stream = this.#file?.createReadStream({ autoClose: false }) ?? process.stdin;
    return addAbortSignal(signal, stream);
  }

  async *#skip(bytes: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<Uint8Array> {
    let left = offset;
    for await (const part of bytes) {
      if (part.length > left) yield left === 0 ? part : part.subarray(left);
      left -= Math.min(left, part.length);
    }
    if (left > 0) throw changed(this.path, `it ends ${left} bytes before the place where the run had got to`);
  }
}

/** The number of bytes looked at, and their digest. */
function fingerprintOf(head: Buffer, bytes: number): string {
  return `${bytes}:${createHash('sha256').update(head.subarray(0, bytes)).digest('hex').slice(0, 16)}`;
}

function changed(path: string, how: string): EtlError {
  return new EtlError('ETL_SOURCE_CHANGED', `${path} is not the file this run has read from: ${how}`, {
    where: { file: path },
  });
}

async function isCompressed(file: FileHandle): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
  return compressionOf(buffer.subarray(0, bytesRead)) !== 'none';
}
