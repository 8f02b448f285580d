import type { FileLayout } from '../../files/record-file.ts';
import { threadToBackup } from '../../mappings/threads-backup.ts';
import { asThreadRecord, joinThreadParts, type ThreadRecord } from '../../models/langgraph.ts';

/**
 * A `threads_backup.json`: `{"threads": [ … ], "export_date", "source", "total_threads"}`, a thread a line.
 *
 * Parts of a thread wait in memory until the last of them has come: the file holds whole threads, newest checkpoint first.
 */
export function backupLayout(source: string | undefined, now: () => Date = () => new Date()): FileLayout<unknown> {
  let parts: ThreadRecord[] = [];
  return {
    head: '{"threads":[',
    async write(batch, output, ctx, before) {
      let written = 0;
      for (const [index, value] of batch.records.entries()) {
        let record: ThreadRecord;
        try {
          record = asThreadRecord(value);
        } catch (error) {
          ctx.reject(value, error, { batch, index });
          continue;
        }
        if (record.part?.number === 1) parts = [];
        parts.push(record);
        if (record.part?.isLast === false) {
          ctx.count('merged', 1, { batch });
          continue;
        }
        const element = JSON.stringify(threadToBackup(joinThreadParts(parts)));
        parts = [];
        const waiting = output.writeText(`${before + written === 0 ? '\n' : ',\n'}${element}`);
        if (waiting !== undefined) await waiting;
        written += 1;
      }
      return written;
    },
    tail: (threads) =>
      `${threads === 0 ? '' : '\n'}],\n${JSON.stringify({
        export_date: now().toISOString(),
        source: source ?? null,
        total_threads: threads,
      }).slice(1)}\n`,
  };
}
