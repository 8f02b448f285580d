import { recordCount, whenDone } from '../batch.ts';
import { jsonRecordText } from '../formats/json-records.ts';
import type { Json } from '../json.ts';
import { positionOf } from '../position.ts';
import { runPipeline } from '../run.ts';
import type { RunOptions } from '../run-options.ts';
import type { RejectPolicy } from '../rejects.ts';
import type { RunReport } from '../report.ts';
import type { Batch, Ledger, RunIdentity, Sink, Source } from '../stage.ts';

/** What a source gave in one batch. */
export interface RecordedBatch {
  /** Each record as JSON text. */
  readonly records: readonly string[];
  /** The source's own cursor. */
  readonly at: Json | undefined;
  readonly bytes: number | undefined;
}

interface Reading extends RunOptions {
  /** Cursor of an earlier reading to go on from. */
  readonly from?: Json | undefined;
  readonly policy?: RejectPolicy | undefined;
  readonly onBatch?: ((batches: number) => void | Promise<void>) | undefined;
}

/** Runs a source by itself, and gives what came out of it. */
export async function readAll(
  source: Source<unknown>,
  { from, policy = 'stop', onBatch, ...options }: Reading = {},
): Promise<{
  readonly batches: readonly RecordedBatch[];
  readonly report: RunReport;
}> {
  const batches: RecordedBatch[] = [];
  const sink: Sink<unknown> = {
    role: 'sink',
    name: 'recorder',
    ledger: (run) => startingAt(run, from),
    async *write(input) {
      for await (const batch of input) {
        batches.push(recorded(batch));
        await onBatch?.(batches.length);
        yield { records: batch.records.length, cursor: batch.cursor };
      }
    },
  };
  const report = await runPipeline({ name: 'contract', source, transforms: [], sink, onReject: policy }, options);
  return { batches, report };
}

/**
 * Runs a source, and gives the memory of every second batch back as soon as it was looked at. Gives what the other batches held
 * when they came, and what they hold in the end: the same, unless the source wrote over what was not given back.
 */
export async function readHolding(
  source: Source<unknown>,
): Promise<{ readonly came: readonly RecordedBatch[]; readonly stayed: readonly RecordedBatch[] }> {
  const held: Batch<unknown>[] = [];
  const came: RecordedBatch[] = [];
  let number = 0;
  const sink: Sink<unknown> = {
    role: 'sink',
    name: 'holder',
    async *write(input) {
      for await (const batch of input) {
        came.push(recorded(batch));
        if (number % 2 === 0) held.push(batch);
        else whenDone(batch)?.();
        number += 1;
        yield { records: recordCount(batch), cursor: batch.cursor };
      }
    },
  };
  await runPipeline({ name: 'contract', source, transforms: [], sink, onReject: 'stop' });
  return { came, stayed: held.map(recorded) };
}

/** All records of some batches. */
export function recordsOf(batches: readonly RecordedBatch[]): readonly string[] {
  return batches.flatMap(({ records }) => records);
}

function recorded(batch: Batch<unknown>): RecordedBatch {
  const { json } = batch;
  const records =
    json === undefined
      ? batch.records.map((record) => JSON.stringify(record))
      : Array.from({ length: json.count }, (_, index) => jsonRecordText(json, index));
  return { records, at: positionOf(batch.cursor)?.at, bytes: batch.bytes };
}

/** A ledger that keeps nothing, and says that the run had got to `at`. */
function startingAt(run: RunIdentity, at: Json | undefined): Ledger {
  const counts = { read: 0, written: 0, skipped: 0, filtered: 0, merged: 0, expanded: 0, rejected: 0 };
  const time = new Date(0).toISOString();
  return {
    where: 'nowhere',
    open: async () =>
      at === undefined
        ? undefined
        : {
            version: 1,
            run: 'contract',
            ...run,
            status: 'running',
            position: { seq: 1, read: 0, bytes: 0, at, states: {} },
            sink: null,
            counts,
            rejectBytes: 0,
            attempts: 1,
            startedAt: time,
            savedAt: time,
            elapsedMs: 0,
          },
    peek: async () => undefined,
    save: async () => undefined,
    reset: async () => undefined,
    close: async () => undefined,
  };
}
