import { randomUUID } from 'node:crypto';

import { startOf } from './boundary.ts';
import type { StageRun } from './context.ts';
import type { Json } from './json.ts';
import type { Position } from './position.ts';
import { noCounts, type RunReport } from './report.ts';
import type { Commit, Counts, Progress, RunIdentity } from './stage.ts';

type ProgressReport = Omit<
  RunReport,
  'bytesRead' | 'bytesWritten' | 'stages' | 'rejects' | 'warnings' | 'error' | 'ledger'
>;

/**
 * How far a run has come: what is committed and what is counted of it, over all attempts. Only what a sink has made safe
 * gets in here, and this is all that a ledger saves.
 */
export class RunProgress {
  readonly run: string;
  readonly attempts: number;
  readonly startedAt: string;
  readonly #identity: RunIdentity;
  readonly #saved: Progress | undefined;
  readonly #limited: boolean;
  readonly #clock = performance.now();
  counts: Counts;
  findings: Readonly<Record<string, number>>;
  /** The cursor of the last batch committed. */
  position: Json;
  /** What the sink left with its last commit. */
  sinkState: Json;
  /** Where the input ended; nothing while it has not, or when it has no cursors. */
  #inputEnd: Json = null;

  /** `saved`: what an earlier attempt left; `limited`: a sample, which never moves the cursor. */
  constructor(identity: RunIdentity, saved: Progress | undefined, limited: boolean) {
    // A sample is started over, but its place in the target is known: the sink takes it back.
    const before = saved?.status === 'sampled' ? undefined : saved;
    this.run = before?.run ?? randomUUID();
    this.attempts = (saved?.attempts ?? 0) + 1;
    this.startedAt = saved?.startedAt ?? new Date().toISOString();
    this.#identity = identity;
    this.#saved = saved;
    this.#limited = limited;
    this.counts = before?.counts ?? noCounts;
    this.findings = before?.findings ?? {};
    this.position = before?.position ?? null;
    this.sinkState = saved?.sink ?? null;
  }

  get elapsedMs(): number {
    return Math.round((this.#saved?.elapsedMs ?? 0) + performance.now() - this.#clock);
  }

  /** A commit of everything up to `cursor`. */
  commit(
    stages: readonly StageRun[],
    cursor: Json,
    position: Position,
    commit: Pick<Commit, 'records' | 'state'>,
  ): void {
    this.#settle(stages, position, position.read, commit.records);
    this.position = cursor;
    if (commit.state !== undefined) this.sinkState = commit.state;
  }

  /** A commit that does not move the cursor. */
  commitRecords(records: number): void {
    this.counts = { ...this.counts, written: this.counts.written + records };
  }

  /** The input has ended: `read` records were read in this attempt, and what is counted and not settled yet is settled. */
  finish(stages: readonly StageRun[], read: number): void {
    const before = startOf(this.#saved?.status === 'sampled' ? null : (this.#saved?.position ?? null)).read;
    this.#settle(stages, undefined, before + read, 0);
    // A stage that has enough leaves the rest unread: that is no end.
    if (stages.every(({ stats }) => stats.exhausted)) this.#inputEnd = stages[0]?.given ?? null;
  }

  /** Saving would overwrite the progress of a real run by that of a sample. */
  get isForeign(): boolean {
    return this.#limited && this.#saved !== undefined && this.#saved.status !== 'sampled';
  }

  /** What a report says of it. */
  report(status: RunReport['status']): ProgressReport {
    return {
      schema: 'threadmill/report@1',
      run: this.run,
      pipeline: this.#identity.pipeline,
      status,
      startedAt: this.startedAt,
      finishedAt: new Date().toISOString(),
      elapsedMs: this.elapsedMs,
      // A run that was finished before and is only looked at is no attempt.
      attempts: status === 'unchanged' ? this.attempts - 1 : this.attempts,
      resumed: this.position !== null && this.attempts > 1,
      counts: this.counts,
      findings: this.findings,
    };
  }

  /** As a ledger saves it. */
  toSave(status: Progress['status'], rejectBytes: number): Progress {
    return {
      version: 1,
      run: this.run,
      ...this.#identity,
      status: this.#limited ? 'sampled' : status,
      position: this.#limited ? null : this.position,
      ...(this.#inputEnd !== null && !this.#limited && { inputEnd: this.#inputEnd }),
      sink: this.sinkState,
      counts: this.counts,
      ...(Object.keys(this.findings).length > 0 && { findings: this.findings }),
      rejectBytes: this.#limited ? (this.#saved?.rejectBytes ?? 0) : rejectBytes,
      attempts: this.attempts,
      startedAt: this.startedAt,
      savedAt: new Date().toISOString(),
      elapsedMs: this.elapsedMs,
    };
  }

  #settle(stages: readonly StageRun[], position: Position | undefined, read: number, written: number): void {
    const counts = { ...this.counts, read, written: this.counts.written + written };
    const findings: Record<string, number> = { ...this.findings };
    for (const stage of stages) {
      stage.settle(position, {
        count: (what, records) => {
          counts[what] += records;
        },
        finding: (kind, times) => {
          findings[kind] = (findings[kind] ?? 0) + times;
        },
      });
    }
    this.counts = counts;
    this.findings = findings;
  }
}
