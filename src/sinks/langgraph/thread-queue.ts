import { ThreadFaults } from '../../connections/langgraph-thread-faults.ts';
import { EtlError } from '../../errors.ts';
import type { ThreadPart } from '../../models/langgraph.ts';
import type { Batch } from '../../stage.ts';
import type { AsideFile } from './aside-file.ts';
import type { BegunThreads } from './begun-threads.ts';
import { BoundedWork } from './bounded-work.ts';
import { PartsJob } from './parts-job.ts';
import { QueuedParts } from './queued-parts.ts';
import { QueuedBatch, type Outcome } from './queued-batch.ts';
import { queuedRecords, type QueuedRecord } from './queued-records.ts';
import { writeThread } from './thread-job.ts';
import type { JobOptions, JobOutcome } from './write-mode.ts';

/** Threads that are read and not written yet hold no more than this, by the source's measure; one always. */
const maxBytes = 32 * 1024 * 1024;

export interface QueueOptions extends JobOptions {
  readonly concurrency: number;
  readonly begun: BegunThreads;
  /** For what waits for the end of a thread in parts. */
  readonly aside: AsideFile;
}

/** Writes the threads of batches, several at a time. Batches are done in their order, each when all its threads are. */
export class ThreadQueue {
  readonly #options: QueueOptions;
  readonly #work: BoundedWork;
  readonly #batches: QueuedBatch[] = [];
  /** By thread id, so that two records of one id do not get in each other's way. */
  readonly #writing = new Map<string, Promise<Outcome>>();
  readonly #faults: ThreadFaults;
  #parts: QueuedParts<Place> | undefined;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#work = new BoundedWork(options.concurrency);
    this.#faults = new ThreadFaults(options.server.connection, options.signal);
  }

  /**
   * Takes a batch in, and waits until there is room for another one.
   *
   * @param asItCame What is counted and rejected of it.
   */
  async add(batch: Batch<unknown>, asItCame: Batch<unknown>): Promise<void> {
    const records = queuedRecords(batch, (id) => this.#options.server.idOf(id));
    const queued = new QueuedBatch(asItCame, records);
    this.#batches.push(queued);
    const size = records.length === 0 ? 0 : (batch.bytes ?? 0) / records.length;
    const ids = records.flatMap((record) => ('threadId' in record && isStart(record) ? [record.threadId] : []));
    const there = ids.length === 0 ? Promise.resolve(new Set<string>()) : this.#options.server.existing(ids);
    // What is looked for is all threads at once: none of them is at fault.
    there.catch((error: unknown) => this.#work.fail(error));
    for (const [index, record] of records.entries()) {
      const place = { queued, index };
      if ('error' in record) this.#settle([place], { kind: 'failed', error: record.error });
      else if (record.part === undefined) this.#work.add(size, () => this.#whole(record, place, there));
      else this.#addPart(record, record.part, place, size, there);
    }
    const work = this.#work;
    while (work.failure === undefined && (work.count >= 2 * this.#options.concurrency || work.bytes >= maxBytes))
      await work.change();
  }

  /** The batches that are done, as far as all before them are. Throws what ends the run, behind them. */
  *settled(): Generator<QueuedBatch> {
    for (let first = this.#batches[0]; first?.open === 0; first = this.#batches[0]) {
      this.#batches.shift();
      yield first;
    }
    if (this.#work.failure !== undefined) throw this.#work.failure.error;
  }

  /**
   * The rest of the batches, as they are done. A thread whose last part did not come is rejected; when the run was stopped,
   * it is left: the next attempt knows it, and writes it anew.
   */
  async *drain({ halted }: { readonly halted: boolean }): AsyncGenerator<QueuedBatch> {
    yield* this.settled();
    while (this.#work.count > 0) {
      await this.#work.change();
      yield* this.settled();
    }
    if (halted || this.#parts === undefined) return;
    const { places, threadId } = this.#parts;
    const error = new EtlError('ETL_RECORD_INVALID', 'the last part of the thread is missing', {
      where: { record: threadId },
    });
    await this.#parts.abandon();
    this.#options.begun.done(threadId);
    this.#settle(places, { kind: 'failed', error });
    yield* this.settled();
  }

  /** Lets nothing new begin and waits for what is under way. */
  async close(): Promise<void> {
    await this.#work.close();
  }

  async #whole(record: QueuedRecord, place: Place, there: Promise<ReadonlySet<string>>): Promise<void> {
    const id = record.threadId.toLowerCase();
    const earlier = this.#writing.get(id);
    const writing = this.#outcome(record.threadId, async () => {
      if (earlier !== undefined) await earlier;
      const found = await this.#found(record, there);
      return await writeThread(record.read(), found, this.#options);
    });
    this.#writing.set(id, writing);
    try {
      this.#settle([place], await writing);
    } finally {
      if (this.#writing.get(id) === writing) this.#writing.delete(id);
    }
    await this.#worked(place.queued);
  }

  /** Parts are written one after the other; what became of the thread is known, for all of them, after the last. */
  #addPart(
    record: QueuedRecord,
    part: ThreadPart,
    place: Place,
    size: number,
    there: Promise<ReadonlySet<string>>,
  ): void {
    const { threadId } = record;
    if (part.number === 1 || this.#parts?.threadId !== threadId) {
      if (part.number !== 1) {
        const error = new EtlError('ETL_RECORD_INVALID', 'a part of a thread without the parts before it', {
          where: { record: threadId },
        });
        this.#settle([place], { kind: 'failed', error });
        return;
      }
      const job = this.#found(record, there).then((found) =>
        PartsJob.begin(record.read().record, found, this.#options),
      );
      this.#parts = new QueuedParts(threadId, job);
    }
    const parts = this.#parts;
    parts.places.push(place);
    const before = parts.tail;
    parts.tail = this.#work.begin(size, async () => {
      await before;
      await parts.add(record);
      if (part.isLast) this.#settle(parts.places, await this.#outcome(threadId, () => parts.finish()));
      await this.#worked(place.queued);
    });
    if (part.isLast) this.#parts = undefined;
  }

  async #found(
    { threadId }: QueuedRecord,
    there: Promise<ReadonlySet<string>>,
  ): Promise<{ isThere: boolean; isOurs: boolean }> {
    const ids = await there;
    const { begun } = this.#options;
    const isOurs = begun.has(threadId);
    if (isOurs) begun.resume(threadId);
    return { isThere: ids.has(threadId), isOurs };
  }

  /** What a thread comes to. What is wrong with all threads is thrown. */
  async #outcome(threadId: string, work: () => Promise<JobOutcome>): Promise<Outcome> {
    let outcome: Outcome;
    try {
      outcome = await work();
      this.#faults.passed();
    } catch (error) {
      this.#options.signal.throwIfAborted();
      if (this.#work.failure !== undefined) throw error;
      outcome = { kind: 'failed', error: await this.#faults.ofThread(error) };
    }
    this.#options.begun.done(threadId);
    return outcome;
  }

  #settle(places: readonly Place[], outcome: Outcome): void {
    for (const { queued, index } of places) {
      // Of a thread in parts, the last one stands for what was written.
      const counts = places.at(-1)?.queued === queued && places.at(-1)?.index === index;
      queued.outcomes[index] = counts || outcome.kind === 'failed' ? outcome : { kind: outcome.kind, checkpoints: 0 };
      queued.open -= 1;
    }
    this.#work.changed();
  }

  /** A batch that only waits for the end of a thread in parts does so on the disk. */
  async #worked(queued: QueuedBatch): Promise<void> {
    queued.busy -= 1;
    if (queued.busy === 0 && queued.open > 0) await queued.putAside(this.#options.aside);
  }
}

interface Place {
  readonly queued: QueuedBatch;
  readonly index: number;
}

function isStart({ part }: QueuedRecord): boolean {
  return part === undefined || part.number === 1;
}
