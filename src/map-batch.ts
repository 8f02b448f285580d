import { EtlError, isRecordError } from './errors.ts';
import { jsonRecordText } from './formats/json-records.ts';
import { forEachOutcome, valueOf } from './outcomes.ts';
import type { Batch, StageContext } from './stage.ts';

/** What is known of a function over records. */
export interface MapBatchOptions {
  /**
   * It never changes its argument: a batch of which it gives back every record stays as it is, with its JSON text. Of others
   * a record that is given back is taken as it is then. Default false.
   */
  readonly isPure?: boolean;
}

/**
 * Applies a function to every record of a batch. A record for which it throws, or gives `undefined`, is rejected; an
 * `EtlError` that is not about a record (`ETL_CONNECT_FAILED`, say) ends the run.
 */
export function mapBatch<In, Out>(
  batch: Batch<In>,
  change: (record: In) => Out,
  ctx: StageContext,
  options: MapBatchOptions = {},
): Batch<Out> {
  const mapped = new MappedBatch<In, Out>(batch, ctx, options);
  for (const [index, record] of batch.records.entries()) {
    try {
      mapped.add(record, change(record));
    } catch (error) {
      mapped.reject(record, index, error);
    }
  }
  return mapped.result();
}

/**
 * The same for a function that may give promises: one record after the other. A reject that ends the run ends it before the next
 * record is begun.
 */
export async function mapBatchInTurn<In, Out>(
  batch: Batch<In>,
  change: (record: In) => Out | Promise<Out>,
  ctx: StageContext,
  options: MapBatchOptions = {},
): Promise<Batch<Out>> {
  const mapped = new MappedBatch<In, Out>(batch, ctx, options);
  const { records } = batch;
  await forEachOutcome(
    records,
    change,
    (outcome, index) => {
      const record = records[index] as In;
      try {
        mapped.add(record, valueOf(outcome));
      } catch (error) {
        mapped.reject(record, index, error);
      }
    },
    ctx.signal,
  );
  return mapped.result();
}

/** What becomes of a batch, record by record. */
class MappedBatch<In, Out> {
  readonly #batch: Batch<In>;
  readonly #ctx: StageContext;
  readonly #changed: Out[] = [];
  readonly #isPure: boolean;
  #rejected: Set<number> | undefined;
  #isSame: boolean;

  constructor(batch: Batch<In>, ctx: StageContext, { isPure = false }: MapBatchOptions) {
    this.#batch = batch;
    this.#ctx = ctx;
    this.#isPure = isPure;
    this.#isSame = isPure;
  }

  /** @throws {EtlError} `ETL_RECORD_INVALID` when nothing came out. */
  add(record: In, value: Out): void {
    if (value === undefined) throw nothingCameOut();
    if (value !== (record as unknown)) this.#isSame = false;
    this.#changed.push(value);
  }

  /** @throws the error, when it is not about the record, or what the reject policy makes of it. */
  reject(record: In, index: number, error: unknown): void {
    if (!isRecordError(error)) throw error;
    this.#ctx.reject(this.#asItCame(record, index), error, { batch: this.#batch, index });
    this.#rejected ??= new Set();
    this.#rejected.add(index);
  }

  /** What the function may have begun to change is not to be mended later. */
  #asItCame(record: In, index: number): unknown {
    const { json } = this.#batch;
    return this.#isPure || json === undefined ? record : (JSON.parse(jsonRecordText(json, index)) as unknown);
  }

  result(): Batch<Out> {
    const rejected = this.#rejected;
    // Every record is itself: the batch holds what the function gives.
    if (this.#isSame && rejected === undefined) return this.#batch as unknown as Batch<Out>;
    const { records, bytes, cursor, at } = this.#batch;
    if (at === undefined || rejected === undefined) return { records: this.#changed, bytes, cursor, at };
    const left = [...records.keys()].filter((index) => !rejected.has(index));
    return { records: this.#changed, bytes, cursor, at: (index) => at(left[index] ?? -1) };
  }
}

/** Why a record without a result is rejected. */
export function nothingCameOut(): EtlError {
  return new EtlError('ETL_RECORD_INVALID', 'nothing came out for this record');
}
