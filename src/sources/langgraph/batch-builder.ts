import { BatchMemory } from '../../formats/batch-memory.ts';
import { jsonBatch } from '../../batch.ts';
import type { Json } from '../../json.ts';
import type { Batch } from '../../stage.ts';
import type { RecordText } from './thread-text.ts';

/** A thread whose record goes into a batch. */
interface Placed {
  readonly id: string;
  cursor(): Json;
}

const NEWLINE = 0x0a;

/** Puts records of text together to a batch: each is written where it stays, as it comes. */
export class BatchBuilder {
  /** At least as many bytes as are in it. */
  bytes = 0;
  readonly #ids: string[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #memory: BatchMemory;
  #text: Buffer | undefined;
  #length = 0;
  #last: Placed | undefined;
  /** Bytes that a batch is expected to take: as many as the last one, and a few more. */
  #expected: number;

  /** @param expectedBytes About how large a batch becomes. */
  constructor(expectedBytes: number) {
    this.#expected = expectedBytes;
    this.#memory = new BatchMemory(2 * expectedBytes);
  }

  get count(): number {
    return this.#ids.length;
  }

  add(record: RecordText, thread: Placed): void {
    const text = this.#roomFor(record.maxBytes + 1);
    this.#starts.push(this.#length);
    const end = record.writeTo(text, this.#length);
    this.#ends.push(end);
    text[end] = NEWLINE;
    this.#length = end + 1;
    this.#ids.push(thread.id);
    this.#last = thread;
    this.bytes += record.maxBytes;
  }

  /** The batch that comes next is behind a thread that is in none. */
  skipTo(thread: Placed): void {
    this.#last = thread;
  }

  /** The batch, and an empty one in its place. */
  *take(): Generator<Batch<unknown>> {
    if (this.#last === undefined) return;
    const cursor = this.#last.cursor();
    const ids = this.#ids.splice(0);
    const text = this.#text ?? Buffer.alloc(0);
    const json = {
      bytes: text.subarray(0, this.#length),
      starts: Uint32Array.from(this.#starts.splice(0)),
      ends: Uint32Array.from(this.#ends.splice(0)),
      count: ids.length,
    };
    if (this.#length > 0) this.#expected = this.#length + (this.#length >>> 3);
    this.#text = undefined;
    this.#length = 0;
    this.#last = undefined;
    this.bytes = 0;
    const takeBack = (): void => this.#memory.giveBack(text);
    yield jsonBatch(json, { cursor, at: (index) => `thread ${ids[index] ?? ''}`, takeBack });
  }

  #roomFor(bytes: number): Buffer {
    const needed = this.#length + bytes;
    if (this.#text !== undefined && needed <= this.#text.length) return this.#text;
    const larger = this.#memory.take(Math.max(needed, this.#expected, 2 * this.#length));
    if (this.#text !== undefined) {
      this.#text.copy(larger, 0, 0, this.#length);
      this.#memory.giveBack(this.#text);
    }
    this.#text = larger;
    return larger;
  }
}
