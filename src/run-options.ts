import type { StageStats } from './context.ts';
import type { Reject } from './rejects.ts';
import type { Counts, Progress } from './stage.ts';

/** How to run it. */
export interface RunOptions {
  /** Stops at once: what is in flight is lost, what is committed stays. The same run goes on from there. */
  readonly signal?: AbortSignal | undefined;
  /** Stops in order: no more is read, what was read is written and committed. */
  readonly stopSignal?: AbortSignal | undefined;
  /** Reads this many records only. Never moves the cursor: the next run without it starts where it would have. */
  readonly limit?: number | undefined;
  /** Forgets the progress of an earlier run and starts over. */
  readonly newRun?: boolean | undefined;
  /** Does everything but write. */
  readonly dryRun?: boolean | undefined;
  /** Gets a live view of the run, for progress displays. */
  readonly onStart?: ((live: LiveRun) => void) | undefined;
  readonly onWarning?: ((stage: string, message: string) => void) | undefined;
  readonly onCommit?: ((progress: Progress) => void) | undefined;
  /** Sees each record that is left out under the reject policy, when it is rejected: before the batch around it is committed. */
  readonly onReject?: ((reject: Reject) => void) | undefined;
}

/** A running pipeline's figures, as they are at the moment of looking. */
export interface LiveRun {
  readonly run: string;
  readonly pipeline: string;
  readonly resumed: boolean;
  readonly stages: readonly Readonly<StageStats>[];
  /** Records and bytes read before this attempt. */
  readonly before: { readonly read: number; readonly bytes: number };
  /** Up to the last commit, over all attempts. */
  committed(): Counts;
}
