import type { JsonRecords } from './formats/json-records.ts';
import type { Json } from './json.ts';

/**
 * Records that move together.
 *
 * A batch holds 100 to 500 records as a rule and about 256 KB to 1 MB; a single record larger than that is a batch of
 * its own. Where a source cuts its batches depends on the data and the options only, never on timing, so that a resumed
 * run cuts them at the same places.
 *
 * `records` may be made on first use: a batch that carries `json` decodes its records only when somebody asks for them
 * (see {@link jsonBatch}). Use {@link recordCount} where the number is enough. Records are never changed in place.
 */
export interface Batch<out T> {
  readonly records: readonly T[];
  /** The same records as JSON text. A sink that writes JSON copies it; a stage that changes records drops it. */
  readonly json?: JsonRecords | undefined;
  /** Size of these records where they were read, in bytes: for MB/s, ETA and the commit rhythm. */
  readonly bytes?: number | undefined;
  /** Where to resume after this batch. Absent: no safe place to resume here, the batch counts with the next cursor. */
  readonly cursor?: Json | undefined;
  /** Where record `index` came from, for error messages: `export.jsonl:7`. */
  readonly at?: ((index: number) => string) | undefined;
}

/** What is safe on the other side: after fsync, after COMMIT, after the 2xx. */
export interface Commit {
  /** Records written since the commit before. */
  readonly records: number;
  /** Bytes written since the commit before. */
  readonly bytes?: number | undefined;
  /** The cursor of the last batch that is safe. Everything before it is safe too. */
  readonly cursor?: Json | undefined;
  /** What the sink itself needs to resume after this commit, such as the length of its file. */
  readonly state?: Json | undefined;
  /** True when the sink has stored the progress itself, in the transaction that wrote the records. */
  readonly saved?: boolean | undefined;
}

/** What may happen to records on their way besides being written; the sums are checked at the end of a run. */
export type Tally = 'filtered' | 'skipped' | 'merged' | 'expanded';

/** What the engine gives to a stage for one run. */
export interface StageContext {
  /** The stage's name in this run: its component's name, with `-2`, `-3` when it occurs again. */
  readonly stage: string;
  /** Fires when the run must stop at once. Every await on the outside world takes it. */
  readonly signal: AbortSignal;
  /**
   * What this stage left with the last commit of the run that is being resumed: a source's cursor, a transform's state
   * (see `withState`), a sink's `Commit.state`. Absent at the start of a run.
   */
  readonly cursor?: Json | undefined;
  /** True once the input has ended early (an error before, Ctrl-C): what is held back must not be given out. */
  readonly halted: boolean;
  /** True in a dry run: a stage must not write anything. */
  readonly dryRun: boolean;

  /**
   * Leaves one record out, under the pipeline's reject policy.
   *
   * A stage that works on several batches at a time names the one the record came in.
   *
   * @throws {EtlError} `ETL_RECORD_REJECTED` when the policy is to stop, `ETL_TOO_MANY_REJECTS` past its limits.
   */
  reject(record: unknown, cause: unknown, from?: RecordOrigin): void;
  /** Counts records that are not written for a reason, or that became more. `from` as for `reject`. */
  count(what: Tally, records: number, from?: RecordOrigin): void;
  /**
   * Counts something worth knowing about the records that are given: what was mended, what could not be kept. `kind` is one of a
   * few words, such as `mended: missing-parent`. The report has the sums over all attempts. `from` as for `reject`.
   */
  finding(kind: string, times: number, from?: RecordOrigin): void;
  /** Puts this stage's own small state into a batch's cursor: it comes back as `ctx.cursor` when the run is resumed. */
  withState(cursor: Json | undefined, state: Json): Json | undefined;
  /**
   * For a stage that gives several batches between two cursors of its input: the cursor of the next of them. `after` is the
   * last cursor of the input that everything before has been given of; absent: where this attempt began. The state says how
   * far beyond that the stage is: a resumed run knows by it what to leave out (see `replayed`). Such a stage takes the
   * cursors of all its batches from here.
   */
  partCursor(state: Json, after?: Json): Json;
  /** Says that so many records, given in an earlier attempt of this run, were read again and are not given again. */
  replayed(records: number): void;
  /** Says something to the person who runs this, once for each different text. */
  warn(message: string): void;
  /** A folder of this stage's own, for data too large for memory. It outlives a killed run and goes when the run is finished. */
  directory(): Promise<string>;
  /** Has `flush` called before each commit is recorded: to bring the stage's own files to the disk. */
  beforeCommit(flush: () => Promise<void>): void;
  /**
   * For sinks that store progress in their own transaction: brings rejects and the stages' files to the disk and gives the
   * progress up to `cursor` as JSON to store beside the rows. The commit then says `saved: true`.
   */
  progressAt(cursor: Json, commit: { readonly records: number; readonly state?: Json }): Promise<Json>;
}

/** Which record is meant: its batch, and its place in it. */
export interface RecordOrigin {
  readonly batch?: Batch<unknown> | undefined;
  readonly index?: number | undefined;
  /** Where the record stands in its input, when the stage knows better than the batch: `export.jsonl:7`. */
  readonly at?: string | undefined;
}

/** How much there is to read, as far as it can be known cheaply. */
export interface Estimate {
  readonly records?: number | undefined;
  readonly bytes?: number | undefined;
  /** The first records come at once: where their number is not known, a few of them tell it well enough from the bytes. */
  readonly isQuick?: boolean | undefined;
  /** How it will be read, in a few words: shown by `etl plan`. */
  readonly plan?: string | undefined;
}

interface StageBase {
  readonly name: string;
  /** The options that decide what the stage gives, without secrets: a run is resumed only when they are unchanged. */
  readonly config?: Json | undefined;
  /** Tries the outside world without reading or writing data: for `etl check --connect`. Throws what is wrong. */
  check?(signal: AbortSignal): Promise<string>;
}

/** Where records come from. `read` gives batches, in an order that a resumed run repeats. */
export interface Source<out Out> extends StageBase {
  readonly role: 'source';
  read(ctx: StageContext): AsyncIterable<Batch<Out>>;
  estimate?(signal: AbortSignal): Promise<Estimate>;
  /**
   * What there is beyond the cursor that a finished run ended with, in words: it has grown, it is another. Nothing when there is no
   * more, or when that cannot be told cheaply. May throw as `read` does.
   */
  unread?(end: Json, signal: AbortSignal): Promise<string | undefined>;
  /** It ends before the end of what there is: a run of it is a sample, which moves no cursor. */
  readonly isSample?: boolean | undefined;
}

/**
 * Turns batches into batches.
 *
 * A transform that needs no await gives `start`, and the engine runs neighbours of that kind in one loop; `apply` is then
 * derived ({@link syncTransform}). A batch's cursor goes with the last record that came out of it; a stage that holds
 * records back holds back the cursor with them.
 */
export interface Transform<in In, out Out> extends StageBase {
  readonly role: 'transform';
  apply(input: AsyncIterable<Batch<In>>, ctx: StageContext): AsyncIterable<Batch<Out>>;
  start?(ctx: StageContext): (batch: Batch<In>) => Batch<Out>;
  /**
   * It gives one batch for each, in their order, and once that is given, it holds on to nothing of the text (`batch.json`) but
   * what it gave: that memory may be used again once the sink has written it.
   */
  readonly holdsNothing?: boolean | undefined;
}

/** Where records go. What comes out of `write` is what is safe. */
export interface Sink<in In> extends StageBase {
  readonly role: 'sink';
  write(input: AsyncIterable<Batch<In>>, ctx: StageContext): AsyncIterable<Commit>;
  /** Where the progress of a run into this sink is kept. Absent: nowhere, and a repeated run starts over. */
  ledger?(run: RunIdentity): Ledger;
  /** Holds that a new run may write here. Asked before the progress of an earlier run is forgotten; throws `ETL_SINK_EXISTS`. */
  checkNew?(): Promise<void>;
  /** Whether what a finished run wrote is there no more: it is then written anew. Absent: that cannot be told cheaply. */
  isGone?(): Promise<boolean>;
  /** It writes the JSON text of a batch that has one: records decoded by the stages before are let go of. */
  readonly writesText?: boolean | undefined;
  /**
   * What happens to a target that is there already; `replace` refuses a sample. A sink that decides record by record, and
   * replaces no more than it writes, leaves this out.
   */
  readonly ifExists?: string | undefined;
}

/** What makes a repeated command the same run: the pipeline's name and a digest of its configuration. */
export interface RunIdentity {
  readonly pipeline: string;
  readonly digest: string;
  readonly config: Json;
}

/** Where a run stands after a commit. Saved as a whole, beside the data. */
export interface Progress {
  readonly version: 1;
  readonly run: string;
  readonly pipeline: string;
  readonly digest: string;
  readonly config: Json;
  /** `sampled`: a `--limit` run, which the next full run starts over. */
  readonly status: 'running' | 'finished' | 'sampled';
  /** The cursor of the last batch committed: the engine's position with the source's cursor and the stages' states in it. */
  readonly position: Json;
  /** Of a finished run: the source's own cursor at the end of its input, where it has one. Everything up to it was read. */
  readonly inputEnd?: Json | undefined;
  /** What the sink left with its last commit. */
  readonly sink: Json;
  readonly counts: Counts;
  /** What the stages found up to here, by kind. Absent: nothing. */
  readonly findings?: Readonly<Record<string, number>> | undefined;
  /** Length of the reject file, in bytes. */
  readonly rejectBytes: number;
  readonly attempts: number;
  readonly startedAt: string;
  readonly savedAt: string;
  /** Time spent working up to here, over all attempts, in milliseconds. */
  readonly elapsedMs: number;
}

/** Records by what became of them: `read + expanded = written + skipped + filtered + merged + rejected`. */
export interface Counts {
  readonly read: number;
  readonly written: number;
  readonly skipped: number;
  readonly filtered: number;
  readonly merged: number;
  readonly expanded: number;
  readonly rejected: number;
}

/** Keeps the progress of one run where the data is, and keeps a second run of the same pipeline out. */
export interface Ledger {
  /** Where it is, for people. */
  readonly where: string;
  /** A folder for the stages' own files and the reject file's default place. */
  readonly directory?: string | undefined;
  /**
   * Takes the lock and gives what was saved last.
   *
   * @throws {EtlError} `ETL_RUN_LOCKED` when another process has the same run open.
   */
  open(): Promise<Progress | undefined>;
  /** What was saved last, without taking the lock: for `etl status`. */
  peek(): Promise<Progress | undefined>;
  save(progress: Progress): Promise<void>;
  /** Forgets the run: the next one starts at the beginning. */
  reset(): Promise<void>;
  close(): Promise<void>;
}
