import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline as nodePipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';

import { sinkCommits, sourceItems, startOf, type Halt, type Item } from './boundary.ts';
import { checkStages } from './check-sums.ts';
import { recordsRead, type StageRun } from './context.ts';
import { EtlError, toEtlError } from './errors.ts';
import { countingSink, throughAll } from './flow.ts';
import type { Json } from './json.ts';
import { liveRun } from './live-run.ts';
import { stageNames, type PipelinePlan } from './plan.ts';
import { positionOf, seqInto } from './position.ts';
import { RejectLog } from './rejects.ts';
import { errorReport, imbalance, withReport, type RunReport } from './report.ts';
import type { RunOptions } from './run-options.ts';
import { RunProgress } from './run-progress.ts';
import { RunWarnings } from './run-warnings.ts';
import type { Commit, Ledger, Progress, RunIdentity } from './stage.ts';
import { stageRuns } from './stage-runs.ts';
import { unreadSince } from './unread.ts';

// How long a run that has ended waits for its source to close.
const closeGraceMs = 5000;

/** What a run begins with. */
interface RunStart {
  readonly identity: RunIdentity;
  readonly ledger: Ledger | undefined;
  /** What is left of an earlier attempt. */
  readonly saved: Progress | undefined;
  /** Only a part of what there is gets read: then no cursor moves. */
  readonly isSample: boolean;
}

/** One attempt to bring a pipeline to its end. */
export class PipelineRun {
  readonly #plan: PipelinePlan;
  readonly #ledger: Ledger | undefined;
  readonly #saved: Progress | undefined;
  readonly #options: RunOptions;
  readonly #isSample: boolean;
  readonly #abort = new AbortController();
  readonly #stop: AbortSignal;
  readonly #progress: RunProgress;
  readonly #rejects: RejectLog;
  readonly #stages: StageRun[] = [];
  readonly #flushes: (() => Promise<void>)[] = [];
  readonly #warnings: RunWarnings;
  #halt: Halt | undefined;

  constructor(plan: PipelinePlan, { identity, ledger, saved, isSample }: RunStart, options: RunOptions) {
    this.#plan = plan;
    this.#ledger = ledger;
    this.#saved = saved;
    this.#options = options;
    this.#isSample = isSample;
    this.#warnings = new RunWarnings(options.onWarning);
    this.#stop = options.stopSignal ?? new AbortController().signal;
    this.#progress = new RunProgress(identity, saved, this.#isSample);
    this.#rejects = new RejectLog(
      options.dryRun === true && plan.onReject !== 'stop' ? { ...plan.onReject, to: '/dev/null' } : plan.onReject,
      this.#progress.counts.rejected,
      options.onReject,
    );
  }

  async execute(): Promise<RunReport> {
    const { dryRun, signal } = this.#options;
    if (this.#saved?.status === 'finished') return this.#unchanged(this.#saved, signal);
    const abort = (): void => this.#abort.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    let failure: EtlError | undefined;
    try {
      if (signal?.aborted === true) abort();
      if (dryRun !== true) await this.#rejects.open(this.#saved?.rejectBytes);
      this.#makeStages();
      // Before anything is written: where the target and the reject file stood when the run began.
      await this.#save('running');
      await this.#flow();
      failure = this.#halt?.reason;
      if (this.#halt === undefined) await this.#finish();
    } catch (error) {
      failure =
        signal?.aborted === true
          ? aborted(error)
          : toEtlError(error, 'ETL_SINK_FAILED', { stage: stageNames(this.#plan).at(-1) });
    } finally {
      signal?.removeEventListener('abort', abort);
      await this.#rejects.close();
      await Promise.all(this.#stages.map((stage) => stage.close()));
    }
    if (failure !== undefined) throw withReport(failure, this.#report('failed', failure));
    if (this.#halt !== undefined) return this.#report('stopped');
    if (dryRun === true) return this.#report('dry-run');
    return this.#report(this.#isSample ? 'sampled' : 'finished');
  }

  /** There is nothing to do; what came to the input since is told. */
  async #unchanged(saved: Progress, signal = new AbortController().signal): Promise<RunReport> {
    const more = await unreadSince(this.#plan, saved, signal);
    if (more !== undefined) this.#warnings.add(this.#plan.source.name, more);
    return this.#report('unchanged');
  }

  #makeStages(): void {
    const start = startOf(this.#progress.position);
    const { dryRun } = this.#options;
    const directory = this.#ledger?.directory;
    const services = {
      rejects: this.#rejects,
      stageDirectory: directory === undefined ? undefined : join(directory, 'stages'),
      dryRun: dryRun === true,
      start,
      halted: () => this.#halt !== undefined,
      read: () => start.read + this.#read(),
      warn: (stage: string, message: string) => this.#warnings.add(stage, message),
      beforeCommit: (flush: () => Promise<void>) => void this.#flushes.push(flush),
      progressAt: (cursor: Json, commit: Commit) => this.#progressAt(cursor, commit),
    };
    // A source that waits for the outside world is woken by a stop as well as by an abort.
    const signals = { source: AbortSignal.any([this.#abort.signal, this.#stop]), others: this.#abort.signal };
    this.#stages.push(...stageRuns(this.#plan, this.#progress, signals, services));
    this.#options.onStart?.(liveRun(this.#plan.name, this.#progress, this.#stages));
  }

  /** The whole way of the records: Node's pipeline from the source through the transforms to the sink. */
  async #flow(): Promise<void> {
    const { source, transforms } = this.#plan;
    const sink = this.#options.dryRun === true ? countingSink(this.#plan.sink.name) : this.#plan.sink;
    const runs = this.#stages;
    const sourceRun = runs[0] as StageRun;
    const sinkRun = runs.at(-1) as StageRun;
    const { limit } = this.#options;
    const reading = { limit, stop: this.#stop };
    const items = sourceItems(source, sourceRun, startOf(this.#progress.position), reading);
    const readable = Readable.from(items, { objectMode: true, highWaterMark: 1 });
    try {
      await nodePipeline(
        readable,
        async function* (read: AsyncIterable<Item>) {
          yield* throughAll(transforms, runs.slice(1, -1), read);
        },
        async (ready: AsyncIterable<Item>) => {
          const commits = sinkCommits(sink, sinkRun, ready, (halt) => {
            this.#halt = halt;
          });
          for await (const commit of commits) await this.#commit(commit);
        },
        { signal: this.#abort.signal },
      );
    } catch (error) {
      // A source that waits for the outside world is woken, so that it can close what it opened.
      this.#abort.abort(error);
      throw error;
    } finally {
      await closed(readable);
    }
  }

  async #commit(commit: Commit): Promise<void> {
    const progress = this.#progress;
    if (this.#isSample || commit.cursor === undefined) {
      // A sink that stores the progress itself has had its records counted with that.
      if (commit.saved !== true) progress.commitRecords(commit.records);
      // Before the first record: the sink says what the target looked like, so that a run killed later can go back to it.
      if (commit.state !== undefined && progress.counts.written === 0) {
        progress.sinkState = commit.state;
        await this.#save('running');
      }
      return;
    }
    if (commit.saved !== true) {
      const toSave = await this.#progressAt(commit.cursor, commit);
      await this.#ledger?.save(toSave as unknown as Progress);
    }
    this.#options.onCommit?.(progress.toSave('running', this.#rejects.length));
  }

  /** Makes everything before `cursor` durable and gives the progress to save. */
  async #progressAt(cursor: Json, commit: Pick<Commit, 'records' | 'state'>): Promise<Json> {
    const position = positionOf(cursor);
    if (position === undefined)
      throw new EtlError('ETL_STAGE_FAILED', 'a sink committed a cursor that is not from a batch');
    for (const flush of this.#flushes) await flush();
    await this.#rejects.flush((stage) => seqInto(position, stage));
    this.#progress.commit(this.#stages, cursor, position, commit);
    return this.#progress.toSave('running', this.#rejects.length) as unknown as Json;
  }

  /** The input ended by itself: settle what is left, check the sums, and say so in the ledger. */
  async #finish(): Promise<void> {
    await this.#rejects.flush(Number.POSITIVE_INFINITY);
    const readAhead = checkStages(this.#stages.map(({ stats }) => stats));
    this.#progress.finish(this.#stages, this.#read() - readAhead);
    const { counts } = this.#progress;
    const off = imbalance(counts);
    if (off !== 0)
      throw new EtlError(
        'ETL_COUNT_MISMATCH',
        `${Math.abs(off)} records ${off > 0 ? 'missing' : 'too many'}: ${JSON.stringify(counts)}`,
      );
    await this.#save(this.#isSample ? 'sampled' : 'finished');
    const directory = this.#ledger?.directory;
    if (directory !== undefined) await rm(join(directory, 'stages'), { recursive: true, force: true });
  }

  /** Records read in this attempt. */
  #read(): number {
    const source = this.#stages[0];
    return source === undefined ? 0 : recordsRead(source.stats);
  }

  async #save(status: Progress['status']): Promise<void> {
    // A sample never touches the progress of a real run: what it wrote is cut off when that run goes on.
    if (this.#progress.isForeign) return;
    await this.#ledger?.save(this.#progress.toSave(status, this.#rejects.length));
  }

  #report(status: RunReport['status'], error?: EtlError): RunReport {
    const { onReject } = this.#plan;
    return {
      ...this.#progress.report(status),
      bytesRead: this.#stages[0]?.stats.bytes ?? 0,
      bytesWritten: this.#stages.at(-1)?.stats.bytes ?? 0,
      stages: this.#stages.map(({ stats: { exhausted: _, ...figures } }) => figures),
      rejects: {
        to: onReject === 'stop' || this.#options.dryRun === true ? null : onReject.to,
        ...this.#rejects.reasons(),
      },
      warnings: this.#warnings.all,
      error: error === undefined ? null : errorReport(error),
      ledger: this.#ledger?.where ?? null,
    };
  }
}

/** Waits until the source has closed what it opened; not for ever, as it may be one that no signal wakes. */
async function closed(reading: Readable): Promise<void> {
  if (reading.closed) return;
  const close = new Promise<void>((resolve) => {
    reading.once('close', resolve);
  });
  await Promise.race([close, delay(closeGraceMs, undefined, { ref: false })]);
}

function aborted(cause: unknown): EtlError {
  return new EtlError('ETL_ABORTED', 'the run was stopped before it was finished', { cause });
}
