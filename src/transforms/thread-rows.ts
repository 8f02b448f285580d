import { z } from 'zod';

import { defineTransform } from '../component.ts';
import {
  threadToCheckpointRows,
  threadToRow,
  type CheckpointTableRow,
  type ThreadTableRow,
} from '../mappings/thread-to-rows.ts';
import { exactThreads, withExactText } from '../models/exact-threads.ts';
import { asThreadRecord, headOf, type HistoryEntry, type ThreadRecord } from '../models/langgraph.ts';
import type { Batch, StageContext, Transform } from '../stage.ts';

const options = z.strictObject({
  table: z.enum(['threads', 'checkpoints']).describe('Which rows: one a thread, or one a checkpoint.'),
  sourceUrl: z.string().optional().describe('Kept in the rows of threads: where they are from.'),
});
export type ThreadRowsOptions = z.input<typeof options>;

/**
 * Makes table rows of LangGraph threads: `thread_id`, `metadata`, `values` (the last state), `status`, `created_at`,
 * `updated_at`, `source_url`; or for each checkpoint `thread_id`, `checkpoint_ns`, `checkpoint_id`, `parent_checkpoint_id`,
 * `step`, `source`, `next`, `tasks`, `values`, `metadata`, `created_at`.
 */
export function threadRows(input: ThreadRowsOptions): Transform<ThreadRecord, ThreadTableRow | CheckpointTableRow> {
  const given = options.parse(input);
  const { table, sourceUrl } = given;
  return {
    role: 'transform',
    name: 'thread-rows',
    config: { table },
    async *apply(batches, ctx) {
      const toRows: (record: ThreadRecord) => readonly (ThreadTableRow | CheckpointTableRow)[] =
        table === 'checkpoints' ? threadToCheckpointRows : wholeThreads(sourceUrl);
      for await (const batch of batches) yield convert(batch, toRows, ctx);
    },
  };
}

/** A row for the last part of each thread. Its state is the last checkpoint of the thread itself, in whichever part that was. */
function wholeThreads(sourceUrl: string | undefined): (record: ThreadRecord) => readonly ThreadTableRow[] {
  let head: HistoryEntry | undefined;
  return (record) => {
    if ((record.part?.number ?? 1) === 1) head = undefined;
    head = headOf(record) ?? head;
    return record.part?.isLast === false ? [] : [threadToRow(record, head, sourceUrl)];
  };
}

function convert<Row>(
  batch: Batch<unknown>,
  toRows: (record: ThreadRecord) => readonly Row[],
  ctx: StageContext,
): Batch<Row> {
  const records: Row[] = [];
  const origins: number[] = [];
  const exact = exactThreads(batch, 'forms');
  for (const [index, record] of exact.records.entries()) {
    let rows: readonly Row[];
    try {
      rows = toRows(asThreadRecord(record));
    } catch (error) {
      ctx.reject(batch.records[index], error, { batch, index });
      continue;
    }
    if (rows.length === 0) ctx.count('merged', 1, { batch });
    else ctx.count('expanded', rows.length - 1, { batch });
    for (const row of rows) {
      records.push(row);
      origins.push(index);
    }
  }
  const { bytes, at } = batch;
  // Between the parts of a thread there is no place to resume: its last checkpoint may have gone by.
  const last = batch.records.at(-1) as Partial<ThreadRecord> | null | undefined;
  const cursor = last?.part?.isLast === false ? undefined : batch.cursor;
  const rows = {
    records,
    bytes,
    cursor,
    at: at === undefined ? undefined : (index: number) => at(origins[index] ?? -1),
  };
  return exact === batch ? rows : withExactText(rows);
}

export const threadRowsComponent = defineTransform({
  type: 'thread-rows',
  summary: 'Makes table rows of LangGraph threads: one a thread, or one a checkpoint',
  details: 'For the `postgres` sink. `docs/langgraph.md` has the tables.',
  accepts: 'thread',
  gives: 'any',
  options,
  examples: ['type: thread-rows\ntable: checkpoints'],
  create: threadRows,
});
