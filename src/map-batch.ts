import { EtlError, isRecordError } from './errors.ts';
import type { Batch, StageContext } from './stage.ts';

/**
 * Applies a function to every record of a batch. A record for which it throws, or gives `undefined`, is rejected; an
 * `EtlError` that is not about a record (`ETL_CONNECT_FAILED`, say) ends the run.
 *
 * When the function gives back every record it got, the batch stays as it is, with its JSON text.
 */
export function mapBatch<In, Out>(batch: Batch<In>, change: (record: In) => Out, ctx: StageContext): Batch<Out> {
  const { records } = batch;
  const changed: Out[] = [];
  let rejected: Set<number> | undefined;
  let same = true;
  for (const [index, record] of records.entries()) {
    try {
      const value = change(record);
      if (value === undefined) throw nothingCameOut();
      if (value !== (record as unknown)) same = false;
      changed.push(value);
    } catch (error) {
      if (!isRecordError(error)) throw error;
      ctx.reject(record, error, { batch, index });
      rejected ??= new Set();
      rejected.add(index);
    }
  }
  // Every record is itself: the batch holds what the function gives.
  if (same && rejected === undefined) return batch as unknown as Batch<Out>;
  const { bytes, cursor, at } = batch;
  if (at === undefined || rejected === undefined) return { records: changed, bytes, cursor, at };
  const left = [...records.keys()].filter((index) => rejected?.has(index) === false);
  return { records: changed, bytes, cursor, at: (index) => at(left[index] ?? -1) };
}

/** Why a record without a result is rejected. */
export function nothingCameOut(): EtlError {
  return new EtlError('ETL_RECORD_INVALID', 'nothing came out for this record');
}
