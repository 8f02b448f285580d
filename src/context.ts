import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { HeldCounts } from './held-counts.ts';
import type { Json } from './json.ts';
import { cursorOf, positionOf, renumberedBy, seqInto, withStageState, type Position } from './position.ts';
import { recordId, rejectReason, type RejectLog } from './rejects.ts';
import type { Batch, RecordOrigin, StageContext, Tally } from './stage.ts';
import { makeFolder } from './make-folder.ts';

/** What is counted at one stage, for progress, the report and the check of the sums. Records, bytes, milliseconds. */
export interface StageStats {
  readonly stage: string;
  readonly role: 'source' | 'transform' | 'sink';
  in: number;
  out: number;
  bytes: number;
  filtered: number;
  skipped: number;
  merged: number;
  expanded: number;
  rejected: number;
  /** Records of an earlier attempt that were read again and left out. */
  replayed: number;
  /** Time spent waiting for the stage before, and for the stage after. */
  waitUpMs: number;
  waitDownMs: number;
  busyMs: number;
  /** The input was read to its end. */
  exhausted: boolean;
}

/** What a stage spends its time on; `idle` is not counted: another stage of the same loop is at work. */
type Activity = 'busyMs' | 'waitUpMs' | 'waitDownMs' | 'idle';

/** Parts of a run that every stage's context shares. */
export interface RunServices {
  readonly rejects: RejectLog;
  readonly stageDirectory: string | undefined;
  readonly dryRun: boolean;
  /** Where this attempt began. */
  readonly start: Position;
  readonly halted: () => boolean;
  readonly read: () => number;
  readonly warn: (stage: string, message: string) => void;
  readonly beforeCommit: (flush: () => Promise<void>) => void;
  readonly progressAt: StageContext['progressAt'];
}

/** A stage in a run: its context, its figures, and the counts that wait for the next commit. */
export class StageRun implements StageContext {
  readonly stage: string;
  readonly signal: AbortSignal;
  readonly cursor: Json | undefined;
  readonly stats: StageStats;
  /** The batch the stage has pulled last: what it rejects or counts belongs there unless it says otherwise. */
  seq = 0;
  /** Of a source: its own cursor after the batch it has given last. */
  given: Json = null;
  readonly #order: number;
  readonly #services: RunServices;
  /** The last number that the stage gave to a batch of its own (see `partCursor`). */
  #given: number;
  readonly #counts = new HeldCounts<Tally | 'rejected'>();
  readonly #findings = new HeldCounts();
  #directory: Promise<string> | undefined;
  #temporary: string | undefined;
  #activity: Activity = 'idle';
  #since = 0;

  constructor(
    stage: { readonly name: string; readonly role: StageStats['role']; readonly order: number },
    resume: { readonly cursor: Json | undefined },
    signal: AbortSignal,
    services: RunServices,
  ) {
    this.stage = stage.name;
    this.signal = signal;
    this.cursor = resume.cursor;
    this.seq = seqInto(services.start, stage.order);
    this.#given = seqInto(services.start, stage.order + 1);
    this.#order = stage.order;
    this.#services = services;
    this.stats = {
      stage: stage.name,
      role: stage.role,
      in: 0,
      out: 0,
      bytes: 0,
      filtered: 0,
      skipped: 0,
      merged: 0,
      expanded: 0,
      rejected: 0,
      replayed: 0,
      waitUpMs: 0,
      waitDownMs: 0,
      busyMs: 0,
      exhausted: false,
    };
  }

  get activity(): Activity {
    return this.#activity;
  }

  /** The stage turns to something else: the time since it last did so is added to its figures. */
  turnTo(activity: Activity): void {
    const now = performance.now();
    if (this.#activity !== 'idle') this.stats[this.#activity] += now - this.#since;
    this.#activity = activity;
    this.#since = now;
  }

  get halted(): boolean {
    return this.#services.halted();
  }

  get dryRun(): boolean {
    return this.#services.dryRun;
  }

  reject(record: unknown, cause: unknown, from: RecordOrigin = {}): void {
    const seq = this.#seqOf(from);
    const reject = { stage: this.stage, ...rejectReason(cause), at: placeOf(record, seq, from), record };
    this.#services.rejects.add(reject, { seq, stage: this.#order }, this.#services.read());
    this.stats.rejected += 1;
    this.#counts.hold('rejected', 1, seq);
  }

  count(what: Tally, records: number, from: RecordOrigin = {}): void {
    if (records === 0) return;
    this.stats[what] += records;
    this.#counts.hold(what, records, this.#seqOf(from));
  }

  finding(kind: string, times: number, from: RecordOrigin = {}): void {
    if (times === 0) return;
    this.#findings.hold(kind, times, this.#seqOf(from));
  }

  withState(cursor: Json | undefined, state: Json): Json | undefined {
    return withStageState(cursor, this.stage, state);
  }

  partCursor(state: Json, after?: Json): Json {
    const position = positionOf(after) ?? this.#services.start;
    this.#given += 1;
    const states = { ...position.states, [this.stage]: state };
    return cursorOf({ ...renumberedBy(position, this.#order, this.#given), states });
  }

  replayed(records: number): void {
    this.stats.replayed += records;
  }

  warn(message: string): void {
    this.#services.warn(this.stage, message);
  }

  directory(): Promise<string> {
    this.#directory ??= this.#makeDirectory();
    return this.#directory;
  }

  beforeCommit(flush: () => Promise<void>): void {
    this.#services.beforeCommit(flush);
  }

  progressAt(cursor: Json, commit: { readonly records: number; readonly state?: Json }): Promise<Json> {
    return this.#services.progressAt(cursor, commit);
  }

  /** Takes the counts and findings up to a position, or all, off the waiting list. */
  settle(
    position: Position | undefined,
    add: {
      readonly count: (what: Tally | 'rejected', records: number) => void;
      readonly finding: (kind: string, times: number) => void;
    },
  ): void {
    const seq = position === undefined ? Number.POSITIVE_INFINITY : seqInto(position, this.#order);
    this.#counts.settle(seq, add.count);
    this.#findings.settle(seq, add.finding);
  }

  /** Removes what was only for this attempt. */
  async close(): Promise<void> {
    if (this.#temporary !== undefined) await rm(this.#temporary, { recursive: true, force: true });
  }

  #seqOf(from: RecordOrigin): number {
    // What a source leaves out goes with the batch it is about to give.
    const current = this.stats.role === 'source' ? this.seq + 1 : this.seq;
    return positionOf(from.batch?.cursor)?.seq ?? current;
  }

  async #makeDirectory(): Promise<string> {
    const parent = this.#services.stageDirectory;
    if (parent === undefined) {
      this.#temporary = await mkdtemp(join(tmpdir(), `etl-${this.stage}-`));
      return this.#temporary;
    }
    const path = join(parent, this.stage);
    await makeFolder(path);
    return path;
  }
}

/** How many records a source has read: those it gave and those it left out itself. */
export function recordsRead({ out, rejected, filtered, skipped, merged, expanded }: StageStats): number {
  return out + rejected + filtered + skipped + merged - expanded;
}

function placeOf(record: unknown, seq: number, { batch, index, at }: RecordOrigin): string {
  if (at !== undefined) return at;
  if (batch !== undefined && index !== undefined) {
    const known = batch.at?.(index);
    if (known !== undefined) return known;
  }
  const place = index === undefined ? `batch ${seq}` : `batch ${seq}, record ${index + 1}`;
  const id = recordId(record);
  return id === undefined ? place : `${place}, ${id}`;
}

/** The sequence number that a batch without a cursor belongs to: after `seq`, before the next batch with one. */
export function seqOfBatch(batch: Batch<unknown>, seq: number): number {
  return positionOf(batch.cursor)?.seq ?? Math.floor(seq) + 0.5;
}
