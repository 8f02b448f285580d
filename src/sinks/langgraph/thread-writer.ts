import type { HistoryEntry, ThreadOrigin } from '../../models/langgraph.ts';
import type { RawThread } from '../../models/langgraph-raw.ts';
import type { EntrySummary } from '../../models/langgraph-summary.ts';

/** The thread to write: what is the same in all its parts. */
export interface ThreadToWrite {
  readonly threadId: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The graph of the thread; nothing for a thread that never ran. */
  readonly graphId: string | undefined;
  readonly origin: ThreadOrigin;
  /** What its checkpointer holds, for a target of the same runtime. */
  readonly raw?: RawThread | undefined;
  /** All of it comes in one piece, which is in memory anyway. */
  readonly isWhole: boolean;
  /** How long its text is, where it came as text. */
  readonly bytes?: number | undefined;
  /** Checkpoints that are on the target already, oldest first: a half-written thread, or one to go on with. */
  readonly existing?: readonly EntrySummary[] | undefined;
}

/** Writes the history of one thread, which comes in one piece or several, in order. */
export interface ThreadWriter {
  add(entries: readonly HistoryEntry[]): Promise<void>;
  /** Writes what is held back. */
  finish(): Promise<WrittenThread>;
  /** Lets go of a thread that is not to be finished. */
  abandon?(): Promise<void>;
}

export interface WrittenThread {
  /**
   * What the checkpoints of the thread itself are on the target, in the order they were made: the source's ids, or nothing
   * for one of our own. Absent: the ids are the same.
   */
  readonly order?: readonly (string | undefined)[];
  /** The source's checkpoints as they are to be on the target, where its ids of tasks are others. */
  readonly source?: readonly EntrySummary[];
  /** What could not be written, by kind: counted in the report. */
  readonly losses: ReadonlyMap<string, number>;
  /** The metadata that the server gave the thread. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** Counts losses by kind. */
export class Losses {
  readonly counts = new Map<string, number>();

  add(kind: string, times = 1): void {
    if (times > 0) this.counts.set(kind, (this.counts.get(kind) ?? 0) + times);
  }
}
