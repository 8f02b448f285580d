import { EtlError } from '../../errors.ts';
import type { PartsJob } from './parts-job.ts';
import type { QueuedRecord } from './queued-records.ts';
import type { JobOutcome } from './write-mode.ts';

/** A thread that comes in parts, which are written one after the other. `Place`: where a part came from. */
export class QueuedParts<Place> {
  readonly threadId: string;
  readonly places: Place[] = [];
  /** Settled when all parts so far are written. */
  tail: Promise<void> = Promise.resolve();
  readonly #job: Promise<PartsJob>;
  /** A part that is no thread: it spoils this thread, and no other. */
  #spoiled: EtlError | undefined;

  constructor(threadId: string, job: Promise<PartsJob>) {
    this.threadId = threadId;
    this.#job = job;
    job.catch(() => undefined);
  }

  async add(record: QueuedRecord): Promise<void> {
    if (this.#spoiled !== undefined) return;
    try {
      const job = await this.#job;
      await job.add(record.read().record);
    } catch (error) {
      if (!(error instanceof EtlError) || error.code !== 'ETL_RECORD_INVALID') throw error;
      this.#spoiled = error;
    }
  }

  /** @throws what went wrong with any of the parts. */
  async finish(): Promise<JobOutcome> {
    if (this.#spoiled === undefined) return await (await this.#job).finish();
    await this.abandon();
    throw this.#spoiled;
  }

  /** Removes what was written of it. */
  async abandon(): Promise<void> {
    // A job that did not come about has written nothing.
    const begun = await this.#job.catch(() => undefined);
    await begun?.abandon();
  }
}
