import { InputFile } from '../../files/input-file.ts';
import type { RecordFormat } from '../../files/read-records.ts';

/** How much of the beginning and the end of a backup is looked at: members beside the threads are a few words. */
const lookedBytes = 64 * 1024;

/** What a `threads_backup.json` says of itself, before its threads or after them. */
export interface StatedCounts {
  readonly threads: number | undefined;
  readonly checkpoints: number | undefined;
}

/** Watches a backup being read: how many elements it has, and what it says at both ends. */
export class BackupWatch {
  readonly #path: string;
  #elements = 0;
  #tail: Uint8Array = new Uint8Array();

  constructor(path: string) {
    this.#path = path;
  }

  /** Elements of the array that were read, over all attempts of a run. */
  get elements(): number {
    return this.#elements;
  }

  /** The same format, watched. */
  watched(format: RecordFormat): RecordFormat {
    const keep = (bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> => this.#keepTail(bytes);
    const read: RecordFormat['read'] = (input, bytes, start, ctx) => format.read(input, keep(bytes), start, ctx);
    const counted = (number: number): void => {
      this.#elements = number;
    };
    return {
      ...format,
      async *read(input, bytes, start, ctx) {
        counted(start.number);
        for await (const chunk of read(input, bytes, start, ctx)) {
          counted(chunk.end.number);
          yield chunk;
        }
      },
    };
  }

  /** What the backup says, once it was read to its end. */
  async stated(signal: AbortSignal): Promise<StatedCounts> {
    const head = (await this.#head(signal)).split('[', 1)[0] ?? '';
    const tail = Buffer.from(this.#tail).toString('utf8');
    const around = `${head}\n${tail.slice(tail.lastIndexOf(']') + 1)}`;
    const find = (name: string): number | undefined => {
      const [, digits] = new RegExp(`"${name}"\\s*:\\s*(\\d+)`).exec(around) ?? [];
      return digits === undefined ? undefined : Number(digits);
    };
    return { threads: find('total_threads'), checkpoints: find('total_checkpoints') };
  }

  async #head(signal: AbortSignal): Promise<string> {
    const input = await InputFile.open(this.#path);
    try {
      for await (const bytes of input.read(undefined, signal))
        return Buffer.from(bytes.subarray(0, lookedBytes)).toString('utf8');
      return '';
    } finally {
      await input.close();
    }
  }

  async *#keepTail(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of bytes) {
      // A copy: pieces are used again once they were read.
      this.#tail =
        piece.length >= lookedBytes
          ? piece.slice(-lookedBytes)
          : Buffer.concat([this.#tail, piece]).subarray(-lookedBytes);
      yield piece;
    }
  }
}
