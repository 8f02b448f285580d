import { isTaken } from '../../connections/langgraph-errors.ts';
import { EtlError } from '../../errors.ts';
import type { ThreadRecord } from '../../models/langgraph.ts';
import { summarizeEntry, type EntrySummary } from '../../models/langgraph-summary.ts';
import { AddedChannels } from './added-channels.ts';
import { hasOwnIds, isAboutThread, isSeen, threadToWrite, undone } from './thread-job.ts';
import type { JobOptions, JobOutcome } from './write-mode.ts';
import { proven } from './proven.ts';
import type { ThreadWriter } from './thread-writer.ts';

/**
 * Brings a thread to the target that comes in several parts, without ever holding all of it.
 *
 * What cannot be told before the last part, whether the thread is the same as one that is there, is told as it goes: a
 * thread that is continued must have the beginning of this one; one that is skipped is not compared.
 */
export class PartsJob {
  readonly #options: JobOptions;
  readonly #first: ThreadRecord;
  readonly #source: EntrySummary[] = [];
  readonly #added = new AddedChannels();
  #existing: readonly EntrySummary[] = [];
  #writer: ThreadWriter | undefined;
  #mayDelete = false;
  #error: unknown;

  private constructor(first: ThreadRecord, options: JobOptions) {
    this.#options = options;
    this.#first = { ...first, history: [] };
  }

  static async begin(
    first: ThreadRecord,
    found: { readonly isThere: boolean; readonly isOurs: boolean },
    options: JobOptions,
  ): Promise<PartsJob> {
    const job = new PartsJob(first, options);
    await job.#try(() => job.#begin(first, found));
    return job;
  }

  async add(part: ThreadRecord): Promise<void> {
    this.#added.learn(part.history);
    this.#source.push(...part.history.map((entry) => summarizeEntry(entry)));
    await this.#try(async () => this.#writer?.add(part.history));
  }

  /** @throws what went wrong with any of the parts, after what was written is removed. */
  async finish(): Promise<JobOutcome> {
    const writer = this.#writer;
    if (this.#error === undefined && writer === undefined) return { kind: 'skipped', checkpoints: 0 };
    let outcome: JobOutcome | undefined;
    await this.#try(async () => {
      if (writer === undefined) return;
      this.#refuseOther(this.#existing, this.#source);
      const source = { summaries: this.#source, added: this.#added };
      ({ outcome } = await proven(this.#first, source, await writer.finish(), this.#options));
    });
    if (outcome !== undefined) return outcome;
    await writer?.abandon?.();
    const { thread_id: threadId } = this.#first;
    if (isTaken(this.#error)) return await this.#taken(threadId);
    throw this.#mayDelete && isAboutThread(this.#error)
      ? await undone(threadId, this.#error, this.#options)
      : this.#error;
  }

  /** Somebody made the thread since it was looked for, or hides it: the parts that went by cannot be compared any more. */
  async #taken(threadId: string): Promise<JobOutcome> {
    const { begun, server, ifExists } = this.#options;
    this.#mayDelete = false;
    begun.remove(threadId);
    await isSeen(server, threadId, this.#error);
    if (ifExists === 'skip') return { kind: 'skipped', checkpoints: 0 };
    throw this.#error;
  }

  /** Removes what was written of the thread, unless it was there before. */
  async abandon(): Promise<void> {
    await this.#writer?.abandon?.();
    if (this.#mayDelete) await this.#options.server.delete(this.#first.thread_id).catch(() => undefined);
  }

  async #begin(first: ThreadRecord, { isThere, isOurs }: { isThere: boolean; isOurs: boolean }): Promise<void> {
    const { server, mode, ifExists, begun } = this.#options;
    const thread = { ...threadToWrite(first, this.#options), isWhole: false };
    let existing: readonly EntrySummary[] | undefined;
    if (isThere && !isOurs) {
      if (ifExists === 'skip') return;
      if (ifExists === 'fail') {
        throw new EtlError('ETL_RECORD_INVALID', 'the thread is on the target already', {
          where: { file: server.where, record: thread.threadId },
          hint: 'Choose what becomes of such threads: `ifExists: skip | continue | replace` (--if-exists).',
        });
      }
    }
    if (isThere && !isOurs && ifExists === 'continue' && mode.name !== 'state')
      existing = await server.history.summaries(thread.threadId, { subgraphs: false });
    else {
      if (isThere) await server.delete(thread.threadId);
      this.#mayDelete = true;
      begun.add(thread.threadId);
    }
    this.#existing = existing ?? [];
    // Made again by the API, it has other ids from the beginning.
    this.#refuseOther(this.#existing.slice(0, 1), first.history.map(summarizeEntry));
    this.#writer = mode.writer({ ...thread, existing });
  }

  /**
   * Modes that keep ids write a thread over what is there.
   *
   * @throws {EtlError} `ETL_RECORD_INVALID` when the target has checkpoints that are not the source's.
   */
  #refuseOther(existing: readonly EntrySummary[], source: readonly EntrySummary[]): void {
    const { server, mode } = this.#options;
    if (!mode.keepsIds || hasOwnIds(existing, source)) return;
    throw new EtlError('ETL_RECORD_INVALID', 'the thread on the target has other checkpoints', {
      where: { file: server.where, record: this.#first.thread_id },
      hint: 'It went on there, or was made again by the API. Write it anew: `ifExists: replace` (--if-exists replace).',
    });
  }

  /** The first thing that goes wrong ends the thread; what comes of it later is passed over. */
  async #try(work: () => Promise<unknown>): Promise<void> {
    if (this.#error !== undefined) return;
    try {
      await work();
    } catch (error) {
      this.#options.signal.throwIfAborted();
      this.#error = error;
    }
  }
}
