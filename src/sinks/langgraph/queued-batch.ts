import { whenDone } from '../../batch.ts';
import { asBuffer } from '../../formats/json-records.ts';
import type { Batch } from '../../stage.ts';
import type { AsideFile, AsideRecords } from './aside-file.ts';
import { recordAt, type queuedRecords, type QueuedRecord } from './queued-records.ts';
import type { JobOutcome } from './write-mode.ts';

/** What became of a record. */
export type Outcome = JobOutcome | { readonly kind: 'failed'; readonly error: unknown };

/** What is known of a record without its text; nothing of one that is no thread. */
export type RecordHead = Pick<QueuedRecord, 'threadId' | 'part'>;

/** A batch and what becomes of its records. */
export class QueuedBatch {
  readonly outcomes: (Outcome | undefined)[];
  /** What to do about each record; why, for one that is no thread. */
  readonly heads: readonly (RecordHead | undefined)[];
  /** Records without an outcome. */
  open: number;
  /** Records that somebody works on, or is going to. */
  busy: number;
  #batch: Batch<unknown>;
  #moving: Promise<void> | undefined;
  #aside: AsideRecords | undefined;

  /** @param records What is made of the batch, in its order. */
  constructor(batch: Batch<unknown>, records: ReturnType<typeof queuedRecords>) {
    this.#batch = batch;
    this.outcomes = records.map(() => undefined);
    this.heads = records.map((record) => {
      if ('error' in record) return undefined;
      const { threadId, part } = record;
      return { threadId, part };
    });
    this.open = records.length;
    this.busy = records.filter((record) => !('error' in record)).length;
  }

  /** The batch; without its records, when these are on the disk. */
  get batch(): Batch<unknown> {
    return this.#batch;
  }

  /** One record as it came. */
  async record(index: number): Promise<unknown> {
    await this.#moving;
    return this.#aside === undefined ? recordAt(this.#batch, index) : await this.#aside.read(index);
  }

  /** Moves the records to the disk. */
  async putAside(file: AsideFile): Promise<void> {
    await (this.#moving ??= this.#move(file));
  }

  /** Nobody asks for its records any more. */
  async release(): Promise<void> {
    await this.#moving;
    whenDone(this.#batch)?.();
    await this.#aside?.release();
  }

  async #move(file: AsideFile): Promise<void> {
    const { json, records, bytes, cursor, at } = this.#batch;
    const texts =
      json === undefined
        ? records.map((record) => Buffer.from(JSON.stringify(record)))
        : Array.from({ length: json.count }, (_, index) =>
            asBuffer(json.bytes).subarray(json.starts[index], json.ends[index]),
          );
    this.#aside = await file.put(texts);
    whenDone(this.#batch)?.();
    this.#batch = { records: [], bytes, cursor, at };
  }
}
