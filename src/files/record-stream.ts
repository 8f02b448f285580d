import type { Writable } from 'node:stream';

import { whenDone } from '../batch.ts';
import { systemCode } from '../errors.ts';
import type { Batch, Commit, StageContext } from '../stage.ts';
import { BufferedOutput } from './buffered-output.ts';
import { GzipOutput } from './gzip-output.ts';
import type { OutputTarget } from './output.ts';
import type { FileLayout } from './file-layout.ts';

interface RecordStreamOptions<in T> {
  readonly layout: FileLayout<T>;
  readonly gzipLevel?: number | undefined;
  /** Default: the standard output. */
  readonly stream?: Writable | undefined;
}

/**
 * Writes records to the standard output, batch by batch. There is no way back there, so no progress is kept.
 *
 * When the reader has gone away (`etl run … | head`) the run ends there: the records of that batch count as skipped.
 */
export async function* writeRecordStream<T>(
  input: AsyncIterable<Batch<T>>,
  ctx: StageContext,
  { layout, gzipLevel, stream = process.stdout }: RecordStreamOptions<T>,
): AsyncGenerator<Commit> {
  const reader = new StreamTarget(stream);
  const plain = new BufferedOutput(reader, 0);
  const output = gzipLevel === undefined ? plain : new GzipOutput(plain, gzipLevel);
  let records = 0;
  try {
    await output.writeText(layout.head ?? '');
    for await (const batch of input) {
      const before = output.length;
      const written = await layout.write(batch, output, ctx, records);
      await plain.sync();
      whenDone(batch)?.();
      if (reader.isGone) {
        ctx.count('skipped', written, { batch });
        return;
      }
      records += written;
      yield { records: written, bytes: output.length - before, cursor: batch.cursor };
    }
    if (ctx.halted) return;
    layout.end?.(ctx);
    await output.writeText(layout.tail?.(records) ?? '');
    await output.sync();
  } finally {
    await output.close();
  }
}

/** A stream that may lose its reader; what is written after that goes nowhere. */
class StreamTarget implements OutputTarget {
  isGone = false;
  readonly #stream: Writable;
  // An error reaches the callback of the write as well; without a listener it would also end the process.
  readonly #ignore = (): void => undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on('error', this.#ignore);
  }

  async write(pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) await this.#write(piece);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.isGone) return;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#stream.write(bytes, (error) => (error === null || error === undefined ? resolve() : reject(error)));
      });
    } catch (error) {
      if (systemCode(error) !== 'EPIPE' && systemCode(error) !== 'ERR_STREAM_DESTROYED') throw error;
      this.isGone = true;
    }
  }

  async sync(): Promise<void> {}

  async truncate(): Promise<void> {}

  async close(): Promise<void> {
    // The error event comes one turn after the callback.
    setImmediate(() => this.#stream.off('error', this.#ignore));
  }
}
