import type { ThreadRecord } from '../../models/langgraph.ts';
import type { ThreadFidelity } from '../../models/langgraph-fidelity.ts';
import type { EntrySummary } from '../../models/langgraph-summary.ts';
import type { Relation } from './compare-threads.ts';
import type { TargetServer } from './target-server.ts';
import type { ThreadToWrite, ThreadWriter } from './thread-writer.ts';

/** What to do with a thread that is on the target already. */
export type IfThreadExists = 'skip' | 'continue' | 'replace' | 'fail';

/** A way of writing threads. */
export interface WriteMode {
  readonly name: 'state' | 'history' | 'full' | 'postgres';
  /** Whether checkpoints keep their ids, so that writing them again changes nothing. */
  readonly keepsIds: boolean;
  writer(thread: ThreadToWrite): ThreadWriter;
  /** Looks at what became of a thread; true when something was learned by which it comes out better. */
  learn?(record: ThreadRecord, restored: RestoredThread): Promise<boolean>;
  /** The last touch to a thread that is whole. True when it changed something. */
  settle?(thread: ThreadToWrite, source: readonly EntrySummary[], target: readonly EntrySummary[]): Promise<boolean>;
}

/** What became of a thread, as far as it was looked at: nothing but the fidelity where all of it is the same. */
export interface RestoredThread {
  readonly fidelity?: ThreadFidelity | undefined;
  /** Source id → target id, where they differ. */
  readonly ids?: ReadonlyMap<string, string> | undefined;
  readonly source?: readonly EntrySummary[];
  readonly target?: readonly EntrySummary[];
}

export interface JobOptions {
  readonly server: TargetServer;
  readonly mode: WriteMode;
  readonly ifExists: IfThreadExists;
  readonly verify: boolean;
  /** For threads that do not say which graph they are of. */
  readonly graphId: string | undefined;
  readonly signal: AbortSignal;
  /** Told before anything is written of a thread, and when it turns out to be somebody else's. */
  readonly begun: { add(threadId: string): void; remove(threadId: string): void };
}

export interface JobOutcome {
  readonly kind: 'written' | 'skipped';
  readonly checkpoints: number;
  /** Of a thread that was there already. */
  readonly relation?: Relation | undefined;
  readonly fidelity?: ThreadFidelity | undefined;
  readonly losses?: ReadonlyMap<string, number>;
  /** Channels that the graph of the target adds. */
  readonly added?: ReadonlySet<string>;
}
