import { EtlError } from '../../errors.ts';
import type { HistoryEntry } from '../../models/langgraph.ts';
import { summarizeEntry, type EntrySummary } from '../../models/langgraph-summary.ts';
import { AddedChannels } from './added-channels.ts';
import { isEndMark, type CheckpointPair } from './compare-threads.ts';
import type { MadeCheckpoints } from './made-checkpoints.ts';
import type { TargetServer } from './target-server.ts';
import type { Losses, ThreadToWrite } from './thread-writer.ts';

/** The checkpoints of a thread that are on the target from before: a history goes on behind them when it begins with them. */
export class MatchedBeginning {
  readonly #server: TargetServer;
  readonly #thread: ThreadToWrite;
  readonly #made: MadeCheckpoints;
  readonly #losses: Losses;
  readonly #existing: readonly EntrySummary[];
  readonly #added = new AddedChannels();
  #matched = 0;
  /** The last checkpoint that was there already. */
  #last: CheckpointPair | undefined;

  /** @param made Gets those that are there. */
  constructor(server: TargetServer, thread: ThreadToWrite, made: MadeCheckpoints, losses: Losses) {
    this.#server = server;
    this.#thread = thread;
    this.#made = made;
    this.#losses = losses;
    this.#existing = thread.existing ?? [];
  }

  /** Whether all that was there is passed. */
  get isOver(): boolean {
    return this.#matched === this.#existing.length;
  }

  /** Whether the target has this checkpoint from before: all up to it were the same. */
  async has(entry: HistoryEntry): Promise<boolean> {
    this.#added.learn([entry]);
    const summary = summarizeEntry(entry);
    for (let index = this.#matched; index < this.#existing.length; index++) {
      const there = this.#existing[index];
      if (there === undefined) break;
      if (there.values === summary.values || (await this.#isAlike(there.id, summary.values))) {
        this.#passTo(index);
        this.#matched += 1;
        this.#made.add(summary.id, there.id);
        this.#last = { source: summary, target: there };
        return true;
      }
      // Copies that were made to write on, or to show another branch, are nothing of the source's.
      if (there.source === 'fork') continue;
      throw new EtlError('ETL_RECORD_INVALID', 'the thread is on the target with another history', {
        where: { file: this.#server.where, record: this.#thread.threadId },
        hint: 'It is left alone. `ifExists: replace` (--if-exists replace) deletes it there and writes it anew.',
      });
    }
    this.#passTo(this.#existing.length);
    return false;
  }

  /** What marks that the thread had ended is nothing of the source's. */
  skipEndMark(): void {
    if (!isEndMark(this.#existing[this.#matched], this.#last)) return;
    this.#matched += 1;
    this.#made.add(undefined);
  }

  #passTo(index: number): void {
    this.#losses.add('copies made to fork from', index - this.#matched);
    for (; this.#matched < index; this.#matched++) this.#made.add(undefined);
  }

  /** Whether the target's graph only added channels to a checkpoint: of a thread in parts, this is not known beforehand. */
  async #isAlike(id: string, values: string): Promise<boolean> {
    if (this.#thread.isWhole) return false;
    const there = await this.#server.checkpoint(this.#thread.threadId, id);
    return summarizeEntry(this.#added.without(there)).values === values;
  }
}
