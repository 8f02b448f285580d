import { jsonBatch } from '../../batch.ts';
import { ByteWriter } from '../../formats/byte-writer.ts';
import type { CopyRow } from '../../formats/copy-rows.ts';
import { stripLineBreaks } from '../../formats/strip-line-breaks.ts';
import type { Batch } from '../../stage.ts';
import { keyText } from './read-pages.ts';

interface BatchOptions {
  /** For messages. */
  readonly what: string;
  readonly key: readonly string[];
  readonly batchSize: number;
  readonly batchBytes: number;
}

const LINE_FEED = 0x0a;

/**
 * Rows as batches of JSON text with the last key as cursor. A batch ends where the key changes: rows with one key stay
 * together, so that reading can go on after it.
 */
export async function* rowBatches(
  rows: AsyncIterable<CopyRow>,
  { what, key, batchSize, batchBytes }: BatchOptions,
): AsyncGenerator<Batch<unknown>> {
  let open = new OpenBatch();
  for await (const row of rows) {
    const keys = key.map((_, place) => keyText(row, place));
    const isFull = open.count >= batchSize || open.bytes >= batchBytes;
    if (isFull && !(keys.length > 0 && open.endsWith(keys))) {
      yield open.close(what);
      open = new OpenBatch();
    }
    open.add(row, keys);
  }
  if (open.count > 0) yield open.close(what);
}

class OpenBatch {
  readonly #text = new ByteWriter();
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #keys: (readonly string[])[] = [];

  get count(): number {
    return this.#ends.length;
  }

  get bytes(): number {
    return this.#text.length;
  }

  endsWith(keys: readonly string[]): boolean {
    const last = this.#keys.at(-1);
    return last?.every((text, place) => text === keys[place]) === true;
  }

  add({ bytes, starts, ends }: CopyRow, keys: readonly string[]): void {
    const start = this.#text.length;
    this.#text.bytes(bytes, starts[0], ends[0]);
    const buffer = this.#text.room(1);
    // A column of type json keeps its text as it was given, with its line breaks.
    this.#text.cutBack(stripLineBreaks(buffer, start, this.#text.length));
    this.#starts.push(start);
    this.#ends.push(this.#text.length);
    this.#text.int8(LINE_FEED);
    this.#keys.push(keys);
  }

  close(what: string): Batch<unknown> {
    const keys = this.#keys;
    const last = keys.at(-1) ?? [];
    return jsonBatch(
      {
        bytes: this.#text.take(),
        starts: Uint32Array.from(this.#starts),
        ends: Uint32Array.from(this.#ends),
        count: this.count,
      },
      {
        cursor: last.length === 0 ? undefined : last,
        at: (index) => `${what}${keys[index]?.length === 0 ? '' : `, key ${(keys[index] ?? []).join(', ')}`}`,
      },
    );
  }
}
