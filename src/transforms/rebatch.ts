import { z } from 'zod';

import { joinBatches, recordCount, sliceRecords, withCursor } from '../batch.ts';
import { defineTransform } from '../component.ts';
import type { Json } from '../json.ts';
import type { Batch, StageContext, Transform } from '../stage.ts';

const options = z
  .strictObject({
    records: z
      .int()
      .positive()
      .optional()
      .describe('Records in a batch.')
      .meta({ examples: [1000] }),
    bytes: z
      .int()
      .positive()
      .optional()
      .describe('Bytes in a batch, by the measure of the source. A batch ends with the record that reaches it.')
      .meta({ examples: [1048576] }),
  })
  .refine(({ records, bytes }) => records !== undefined || bytes !== undefined, {
    error: 'needs "records", "bytes" or both',
  });
export type RebatchOptions = z.input<typeof options>;

/**
 * Cuts the stream into batches of another size: for a sink that does better with more or fewer records at a time.
 *
 * A batch may end in the middle of one that came in. The place within it travels with the cursor, so such a batch can be
 * committed like any other. At most one batch is held back.
 */
export function rebatch<T>(input: RebatchOptions): Transform<T, T> {
  const size = options.parse(input);
  return {
    role: 'transform',
    name: 'rebatch',
    config: { records: size.records ?? null, bytes: size.bytes ?? null },
    async *apply(batches, ctx) {
      const held = new HeldRecords<T>(ctx, size);
      for await (const batch of batches) yield* held.take(batch);
      const last = held.rest();
      if (last !== undefined) yield last;
    },
  };
}

/** Records on their way from one batch to the next, and where the stream stands when so many of them have been given. */
class HeldRecords<T> {
  readonly #ctx: StageContext;
  readonly #size: { readonly records: number; readonly bytes: number };
  /** Records after the cursor that an earlier attempt gave. */
  #replay: number;
  #parts: Batch<T>[] = [];
  #records = 0;
  #bytes = 0;
  /** The last cursor that everything before has been taken of; at first, the place where this attempt began. */
  #cursor: Json | undefined;
  #hasCursors = false;
  /** Records taken after that cursor. */
  #after = 0;

  constructor(ctx: StageContext, { records, bytes }: z.output<typeof options>) {
    this.#ctx = ctx;
    this.#size = { records: records ?? Number.POSITIVE_INFINITY, bytes: bytes ?? Number.POSITIVE_INFINITY };
    this.#replay = typeof ctx.cursor === 'number' ? ctx.cursor : 0;
  }

  /** Takes a batch and gives those that are full. */
  *take(batch: Batch<T>): Generator<Batch<T>> {
    const total = recordCount(batch);
    const repeated = Math.min(this.#replay, total);
    this.#replay -= repeated;
    this.#after += repeated;
    if (repeated > 0) this.#ctx.replayed(repeated);
    const perRecord = total === 0 ? 0 : (batch.bytes ?? 0) / total;
    this.#hasCursors ||= batch.cursor !== undefined;
    let from = repeated;
    while (from < total) {
      const until = Math.min(total, from + this.#room(perRecord));
      this.#hold(sliceRecords(batch, from, until), (until - from) * perRecord);
      from = until;
      if (from === total) this.#pass(batch);
      if (this.#isFull()) yield this.#give();
    }
    // All of it filtered out before: the position moves on, if nothing is held back.
    if (repeated === total) {
      this.#pass(batch);
      if (this.#records === 0 && batch.cursor !== undefined) yield this.#give();
    }
  }

  /** What is left at the end of the input. */
  rest(): Batch<T> | undefined {
    return this.#records > 0 ? this.#give() : undefined;
  }

  #room(perRecord: number): number {
    const byBytes =
      perRecord === 0 ? Number.POSITIVE_INFINITY : Math.ceil((this.#size.bytes - this.#bytes) / perRecord);
    return Math.max(1, Math.min(this.#size.records - this.#records, byBytes));
  }

  #hold(part: Batch<T>, bytes: number): void {
    this.#parts.push(part);
    this.#records += recordCount(part);
    this.#bytes += bytes;
    this.#after += recordCount(part);
  }

  #pass(batch: Batch<T>): void {
    if (batch.cursor === undefined) return;
    this.#cursor = batch.cursor;
    this.#after = 0;
  }

  #isFull(): boolean {
    return this.#records >= this.#size.records || this.#bytes >= this.#size.bytes;
  }

  #give(): Batch<T> {
    const batch = withCursor(joinBatches(this.#parts), this.#place());
    this.#parts = [];
    this.#records = 0;
    this.#bytes = 0;
    return batch;
  }

  #place(): Json | undefined {
    if (!this.#hasCursors) return undefined;
    return this.#ctx.partCursor(this.#after, this.#cursor);
  }
}

export const rebatchComponent = defineTransform({
  type: 'rebatch',
  summary: 'Cuts the stream into batches of another size',
  details: 'Changes how many records move together, never which or in what order.',
  accepts: 'any',
  gives: 'same',
  options,
  examples: ['type: rebatch\nrecords: 1000', 'type: rebatch\nbytes: 1048576'],
  create: (input) => rebatch(input),
});
