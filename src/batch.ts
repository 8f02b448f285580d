import {
  decodeJsonRecords,
  joinJsonRecords,
  jsonRecordsByteLength,
  pickJsonRecords,
  sliceJsonRecords,
} from './formats/json-records.ts';
import type { JsonRecords } from './formats/json-records.ts';
import type { Json } from './json.ts';
import type { Batch } from './stage.ts';

interface BatchDetails {
  readonly bytes?: number | undefined;
  readonly cursor?: Json | undefined;
  readonly at?: ((index: number) => string) | undefined;
  /**
   * Takes the memory of the text back, to be used again for another batch: see {@link whenDone}. Absent: it is garbage when
   * nobody holds it any more.
   */
  readonly takeBack?: (() => void) | undefined;
}

/** A batch whose records are JSON text: decoded once, and only if a stage asks for `records`. */
class JsonBatch<T> implements Batch<T> {
  readonly json: JsonRecords;
  readonly bytes: number | undefined;
  readonly cursor: Json | undefined;
  readonly at: ((index: number) => string) | undefined;
  readonly takeBack: (() => void) | undefined;
  #records: readonly T[] | undefined;

  constructor(json: JsonRecords, details: BatchDetails, records?: readonly T[]) {
    this.json = json;
    this.bytes = details.bytes;
    this.cursor = details.cursor;
    this.at = details.at;
    this.takeBack = details.takeBack;
    this.#records = records;
  }

  get records(): readonly T[] {
    // The caller of jsonBatch() vouches for the shape, as the author of any source does for its type.
    this.#records ??= decodeJsonRecords(this.json) as readonly T[];
    return this.#records;
  }

  /** The records if somebody has asked for them already. */
  get decoded(): readonly T[] | undefined {
    return this.#records;
  }

  forget(): void {
    this.#records = undefined;
  }

  /** The same records, with another cursor or other memory. */
  with(change: Pick<BatchDetails, 'cursor' | 'takeBack'>): JsonBatch<T> {
    const { bytes, cursor, at, takeBack } = this;
    return new JsonBatch<T>(this.json, { bytes, cursor, at, takeBack, ...change }, this.#records);
  }
}

/**
 * Makes a batch of records that are JSON text already.
 *
 * The text must be valid JSON, each record on its own; readers check that before. A record that no stage changes is written
 * as it stands here, byte for byte.
 */
export function jsonBatch<T = unknown>(json: JsonRecords, details: BatchDetails = {}): Batch<T> {
  return new JsonBatch<T>(json, { ...details, bytes: details.bytes ?? jsonRecordsByteLength(json) });
}

/** A batch of records that are no text, on memory that is used again. */
class LentBatch<T> implements Batch<T> {
  readonly records: readonly T[];
  readonly bytes: number | undefined;
  readonly cursor: Json | undefined;
  readonly at: ((index: number) => string) | undefined;
  readonly takeBack: () => void;

  constructor({ records, bytes, cursor, at }: Batch<T>, takeBack: () => void) {
    this.records = records;
    this.bytes = bytes;
    this.cursor = cursor;
    this.at = at;
    this.takeBack = takeBack;
  }
}

/** The same batch of records, which lie in memory that may be had back: see {@link whenDone}. */
export function lendMemory<T>(batch: Batch<T>, takeBack: () => void): Batch<T> {
  return new LentBatch(batch, takeBack);
}

/**
 * Lets go of records that were decoded from JSON text; who asks for them again decodes again. Objects that live no longer than
 * a stage works on them cost the garbage collector next to nothing, those that wait with their batch for a disk do.
 */
export function forgetRecords(batch: Batch<unknown>): void {
  if (batch instanceof JsonBatch) batch.forget();
}

/**
 * For a sink that does not look at the batch's text or records any more once it is written: gives what is then to be called,
 * once, so that the source uses the memory again. Nothing where the memory is not to be had back. Buffers that are left to the
 * garbage collector cost a source of text a third of its speed.
 */
export function whenDone(batch: Batch<unknown>): (() => void) | undefined {
  return batch instanceof JsonBatch || batch instanceof LentBatch ? batch.takeBack : undefined;
}

/**
 * What stages made of a batch, holding on to nothing else of it: the memory of its text goes back with `made`, or at once when
 * that is not in it.
 */
export function passMemory<T>(from: Batch<unknown>, made: Batch<T>): Batch<T> {
  const takeBack = whenDone(from);
  if (takeBack === undefined || from === made) return made;
  if (made.json?.bytes.buffer !== from.json?.bytes.buffer) {
    takeBack();
    return made;
  }
  return made instanceof JsonBatch ? (made as JsonBatch<T>).with({ takeBack }) : made;
}

/** The same batch, with its memory left to the garbage collector: stages may hold on to parts of it. */
export function keepMemory<T>(batch: Batch<T>): Batch<T> {
  if (whenDone(batch) === undefined) return batch;
  if (batch instanceof JsonBatch) return (batch as JsonBatch<T>).with({ takeBack: undefined });
  const { records, bytes, cursor, at } = batch;
  return { records, bytes, cursor, at };
}

/** How many records a batch holds, without decoding them. */
export function recordCount(batch: Batch<unknown>): number {
  return batch.json?.count ?? batch.records.length;
}

/** The same batch with another cursor. */
export function withCursor<T>(batch: Batch<T>, cursor: Json | undefined): Batch<T> {
  if (batch.cursor === cursor) return batch;
  if (batch instanceof JsonBatch) return (batch as JsonBatch<T>).with({ cursor });
  const { records, json, bytes, at } = batch;
  const changed = { records, json, bytes, cursor, at };
  return batch instanceof LentBatch ? new LentBatch<T>(changed, batch.takeBack) : changed;
}

/** The records at `indexes`, in that order, with their JSON text when the batch has it. The cursor stays. */
export function pickRecords<T>(batch: Batch<T>, indexes: readonly number[]): Batch<T> {
  const total = recordCount(batch);
  if (indexes.length === total && indexes.every((index, place) => index === place)) return batch;
  const details = {
    bytes: batch.bytes === undefined || total === 0 ? batch.bytes : (batch.bytes * indexes.length) / total,
    cursor: batch.cursor,
    at: at(batch, indexes),
  };
  const decoded = batch instanceof JsonBatch ? (batch.decoded as readonly T[] | undefined) : batch.records;
  const records = decoded === undefined ? undefined : indexes.map((index) => decoded[index] as T);
  if (batch.json !== undefined) return new JsonBatch<T>(pickJsonRecords(batch.json, indexes), details, records);
  return { records: records ?? [], ...details };
}

/** Records `from` to `to` (exclusive) of a batch, with their JSON text when the batch has it. The cursor stays. */
export function sliceRecords<T>(batch: Batch<T>, from: number, to: number): Batch<T> {
  const total = recordCount(batch);
  if (from <= 0 && to >= total) return batch;
  const count = Math.max(0, Math.min(to, total) - from);
  const origin = batch.at;
  const details = {
    bytes: batch.bytes === undefined || total === 0 ? batch.bytes : (batch.bytes * count) / total,
    cursor: batch.cursor,
    at: origin === undefined ? undefined : (index: number) => origin(index + from),
  };
  const decoded = batch instanceof JsonBatch ? (batch.decoded as readonly T[] | undefined) : batch.records;
  const records = decoded?.slice(from, to);
  if (batch.json !== undefined) return new JsonBatch<T>(sliceJsonRecords(batch.json, from, to), details, records);
  return { records: records ?? [], ...details };
}

/** Batches made one, with the JSON text when all of them have it. The cursor is the last one's. */
export function joinBatches<T>(batches: readonly Batch<T>[]): Batch<T> {
  const [first] = batches;
  const last = batches.at(-1);
  if (first === undefined || last === undefined) return { records: [] };
  if (first === last) return first;
  const ends: number[] = [];
  let count = 0;
  for (const batch of batches) ends.push((count += recordCount(batch)));
  const details = {
    bytes: batches.every(({ bytes }) => bytes === undefined)
      ? undefined
      : batches.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
    cursor: last.cursor,
    at: batches.some((batch) => batch.at === undefined) ? undefined : placeIn(batches, ends),
  };
  const texts = batches.flatMap(({ json }) => (json === undefined ? [] : [json]));
  if (texts.length < batches.length) return { records: batches.flatMap(({ records }) => records), ...details };
  const decoded = batches.map(
    (batch) => (batch instanceof JsonBatch ? batch.decoded : batch.records) as readonly T[] | undefined,
  );
  const records = decoded.includes(undefined) ? undefined : decoded.flatMap((part) => part ?? []);
  return new JsonBatch<T>(joinJsonRecords(texts), details, records);
}

function placeIn(batches: readonly Batch<unknown>[], ends: readonly number[]): (index: number) => string {
  return (index) => {
    const part = ends.findIndex((end) => index < end);
    return batches[part]?.at?.(index - (ends[part - 1] ?? 0)) ?? '';
  };
}

function at(batch: Batch<unknown>, indexes: readonly number[]): ((index: number) => string) | undefined {
  const origin = batch.at;
  return origin === undefined ? undefined : (index) => origin(indexes[index] ?? -1);
}
