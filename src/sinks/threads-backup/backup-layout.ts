import { EtlError, isRecordError } from '../../errors.ts';
import type { FileLayout } from '../../files/file-layout.ts';
import { historyLength, threadToBackup } from '../../mappings/threads-backup.ts';
import { exactText, exactThreads } from '../../models/exact-threads.ts';
import { asThreadRecord, joinThreadParts, type ThreadRecord } from '../../models/langgraph.ts';
import type { Batch, StageContext } from '../../stage.ts';

/**
 * A `threads_backup.json`: `{"threads": [ … ], "export_date", "source", "total_threads", "total_checkpoints"}`, a thread a line.
 *
 * Parts of a thread wait in memory until the last of them has come: the file holds whole threads, newest checkpoint first. A
 * thread whose parts do not all come is rejected.
 *
 * @see langgraph-threads-migration, `JSONExporter`: `total_checkpoints` is of the histories, without those of subgraphs
 */
export function backupLayout(
  source: string | undefined,
  now: () => Date = () => new Date(),
): FileLayout<unknown> & Required<Pick<FileLayout<unknown>, 'state' | 'isHolding'>> {
  const open = new OpenThread();
  let checkpoints = 0;
  return {
    head: '{"threads":[',
    async write(batch, output, ctx, before) {
      let written = 0;
      const exact = exactThreads(batch, 'forms');
      for (const [index, value] of exact.records.entries()) {
        let whole: ThreadRecord | undefined;
        try {
          whole = open.take(asThreadRecord(value), ctx, batch);
        } catch (error) {
          if (!isRecordError(error)) throw error;
          ctx.reject(batch.records[index], error, { batch, index });
          continue;
        }
        if (whole === undefined) {
          ctx.count('merged', 1, { batch });
          continue;
        }
        const element = threadToBackup(whole);
        const separator = before + written === 0 ? '\n' : ',\n';
        const waiting = output.writeText(`${separator}${exactText(element)}`);
        if (waiting !== undefined) await waiting;
        written += 1;
        checkpoints += historyLength(element);
      }
      return written;
    },
    isHolding: () => open.isOpen,
    end: (ctx) => open.giveUp(ctx),
    state: {
      save: () => checkpoints,
      restore(state) {
        checkpoints = Number(state);
      },
    },
    tail: (threads) =>
      `${threads === 0 ? '' : '\n'}],\n${JSON.stringify({
        export_date: now().toISOString(),
        source: source ?? null,
        total_threads: threads,
        total_checkpoints: checkpoints,
      }).slice(1)}\n`,
  };
}

/** The thread whose parts are coming, if one is. */
class OpenThread {
  #parts: ThreadRecord[] = [];

  get isOpen(): boolean {
    return this.#parts.length > 0;
  }

  /** The whole thread, when this record is the last of it. */
  take(record: ThreadRecord, ctx: StageContext, batch: Batch<unknown>): ThreadRecord | undefined {
    const { thread_id: id, part } = record;
    if ((part?.number ?? 1) === 1) this.giveUp(ctx, batch);
    if (part === undefined) return record;
    const isNext = this.#parts.length + 1 === part.number && (this.#parts[0]?.thread_id ?? id) === id;
    if (!isNext) {
      throw new EtlError('ETL_RECORD_INVALID', `part ${part.number} of a thread without the parts before it`, {
        where: { record: id },
        hint: 'Leave the records of a thread together, in the order the source gives them.',
      });
    }
    this.#parts.push(record);
    if (!part.isLast) return undefined;
    const parts = this.#parts;
    this.#parts = [];
    return joinThreadParts(parts);
  }

  /** Rejects the thread whose last part did not come. */
  giveUp(ctx: StageContext, batch?: Batch<unknown>): void {
    const [first] = this.#parts;
    if (first === undefined) return;
    this.#parts = [];
    const { thread_id } = first;
    // The part before stands for the thread.
    ctx.count('merged', -1, { batch });
    const error = new EtlError('ETL_RECORD_INVALID', 'the last part of the thread is missing', {
      where: { record: thread_id },
    });
    ctx.reject({ thread_id }, error, { batch });
  }
}
