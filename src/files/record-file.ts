import { resolve } from 'node:path';

import { whenDone } from '../batch.ts';
import { EtlError, systemCode } from '../errors.ts';
import type { Json } from '../json.ts';
import { bytesRead } from '../position.ts';
import type { Batch, Commit, StageContext } from '../stage.ts';
import { BufferedOutput } from './buffered-output.ts';
import { outputError } from './file-error.ts';
import type { FileLayout } from './file-layout.ts';
import { GzipOutput } from './gzip-output.ts';
import type { Output } from './output.ts';
import { openTargetFile, type IfExists } from './target-file.ts';

/** Where and how to write. */
export interface RecordFileOptions {
  readonly path: string;
  readonly ifExists: IfExists;
  /** Bytes read between two commits. */
  readonly commitEvery: number;
  /** Level 1 to 9; absent: not compressed. */
  readonly gzipLevel?: number | undefined;
}

/** Where the file stood at a commit. */
interface State {
  readonly length: number;
  /** Records of this run in the file. */
  readonly records: number;
  /** Bytes read up to here: commits are counted from it, so that a resumed run makes them at the same places. */
  readonly read: number;
  /** The layout's own. */
  readonly layout?: Json | undefined;
}

/**
 * Writes records to a file so that a run killed anywhere and repeated leaves the same bytes as an unbroken one.
 *
 * The file is brought to the disk before each commit, and a resumed run cuts it back to the length of the last one. Nothing
 * is touched before the first batch has come: a source that fails at once leaves an existing target as it is.
 *
 * A commit waits for the disk while the next batches are written, and comes out when it is there.
 *
 * A plain file is also committed when the run is halted. A compressed one is cut back then: its blocks must end where those
 * of an unbroken run do.
 *
 * @throws {EtlError} `ETL_SINK_EXISTS`, `ETL_SINK_CHANGED`, `ETL_SINK_FAILED` with what is committed.
 */
export async function* writeRecordFile<T>(
  input: AsyncIterable<Batch<T>>,
  ctx: StageContext,
  options: RecordFileOptions,
  layout: FileLayout<T>,
): AsyncGenerator<Commit> {
  const file = new RecordFile(ctx, options, layout);
  try {
    for await (const batch of input) {
      if (!file.isOpen) yield await file.open();
      const commit = await file.add(batch);
      if (commit !== undefined) yield commit;
    }
    if (ctx.halted) {
      yield* file.halt();
      return;
    }
    if (!file.isOpen) yield await file.open();
    yield* file.commitAll();
    await file.complete();
  } catch (error) {
    throw file.failure(error);
  } finally {
    await file.close();
  }
}

/** A commit that waits for the disk. */
interface BegunCommit {
  readonly commit: Commit;
  readonly state: State;
  readonly done: Promise<void>;
  isDone: boolean;
}

class RecordFile<T> {
  readonly #ctx: StageContext;
  readonly #options: RecordFileOptions;
  readonly #layout: FileLayout<T>;
  #output: Output | undefined;
  /** What the last commit left. */
  #committed: State;
  /** The commit after that, which is not on the disk yet. */
  #begun: BegunCommit | undefined;
  #records: number;
  /** The last place where the run can be resumed. */
  #mark: { readonly cursor: Json; readonly state: State } | undefined;
  /** Of the batch written last. */
  #cursor: Json | undefined;

  constructor(ctx: StageContext, options: RecordFileOptions, layout: FileLayout<T>) {
    this.#ctx = ctx;
    this.#options = options;
    this.#layout = layout;
    // What comes back is what we gave with a commit.
    this.#committed = (ctx.cursor as unknown as State | undefined) ?? { length: 0, records: 0, read: 0 };
    this.#records = this.#committed.records;
    if (this.#committed.layout !== undefined) this.#layout.state?.restore(this.#committed.layout);
  }

  get isOpen(): boolean {
    return this.#output !== undefined;
  }

  /** Opens the target; the commit says where it stood before anything was written. */
  async open(): Promise<Commit> {
    const { path, ifExists, gzipLevel } = this.#options;
    const { file, length } = await openTargetFile(
      path,
      ifExists,
      this.#ctx.cursor === undefined ? undefined : this.#committed.length,
    );
    const plain = new BufferedOutput(file, length);
    this.#output = gzipLevel === undefined ? plain : new GzipOutput(plain, gzipLevel);
    this.#committed = { ...this.#committed, length };
    if (length === 0) await this.#output.writeText(this.#layout.head ?? '');
    return { records: 0, state: stateOf(this.#committed) };
  }

  async add(batch: Batch<T>): Promise<Commit | undefined> {
    const output = this.#open;
    this.#records += await this.#layout.write(batch, output, this.#ctx, this.#records);
    const done = whenDone(batch);
    if (done !== undefined) output.whenTaken(done);
    const { cursor } = batch;
    this.#cursor = cursor;
    if (cursor !== undefined && this.#layout.isHolding?.() !== true) {
      const read = bytesRead(cursor) ?? 0;
      this.#mark = { cursor, state: this.#here(read) };
      if (read - this.#left.read >= this.#options.commitEvery) {
        const before = await this.#finish();
        await this.#begin(cursor, read);
        return before;
      }
    }
    return this.#begun?.isDone === true ? this.#finish() : undefined;
  }

  /** The input ended early: what can be resumed behind is committed, the rest goes. */
  async *halt(): AsyncGenerator<Commit> {
    const output = this.#output;
    if (output === undefined) return;
    const before = await this.#finish();
    if (before !== undefined) yield before;
    const mark = this.#mark;
    if (mark === undefined || this.#options.gzipLevel !== undefined) {
      await output.cutBack(this.#committed.length);
      return;
    }
    await output.sync();
    if (output.length > mark.state.length) await output.cutBack(mark.state.length);
    this.#records = mark.state.records;
    if (mark.state.layout !== undefined) this.#layout.state?.restore(mark.state.layout);
    yield* this.#commit(mark.cursor, mark.state.read);
  }

  /** The input is at its end: everything is committed. */
  async *commitAll(): AsyncGenerator<Commit> {
    const cursor = this.#cursor;
    this.#layout.end?.(this.#ctx);
    yield* this.#commit(cursor, bytesRead(cursor) ?? this.#left.read);
  }

  /** Ends the file. What is written here belongs to no commit: a run killed in between writes it again. */
  async complete(): Promise<void> {
    const tail = this.#layout.tail?.(this.#records) ?? '';
    if (tail === '') return;
    await this.#open.writeText(tail);
    await this.#open.sync();
  }

  async close(): Promise<void> {
    await this.#output?.close();
  }

  /** What went wrong with the file, and how much of it is safe. Other errors stay as they are. */
  failure(error: unknown): unknown {
    if (error instanceof EtlError || systemCode(error)?.startsWith('E') !== true || this.#ctx.signal.aborted)
      return error;
    const { length, records } = this.#committed;
    const safe = `${records} records (${length} bytes) are committed in ${resolve(this.#options.path)}`;
    return outputError(error, this.#options.path, {
      hint: `${safe}; remove the cause and run the same command again to go on from there.`,
    });
  }

  get #open(): Output {
    if (this.#output === undefined) throw new Error('the target is not open');
    return this.#output;
  }

  /** Where the file stands with all that was written. */
  #here(read: number): State {
    const layout = this.#layout.state?.save();
    const { length } = this.#open;
    return { length, records: this.#records, read, ...(layout === undefined ? {} : { layout }) };
  }

  /** What the last commit will leave once it is on the disk: commits are counted from there. */
  get #left(): State {
    return this.#begun?.state ?? this.#committed;
  }

  async *#commit(cursor: Json | undefined, read: number): AsyncGenerator<Commit> {
    const before = await this.#finish();
    if (before !== undefined) yield before;
    await this.#begin(cursor, read);
    const commit = await this.#finish();
    if (commit !== undefined) yield commit;
  }

  /** Begins a commit of all that was written; the one before must be finished. */
  async #begin(cursor: Json | undefined, read: number): Promise<void> {
    const output = this.#open;
    const { done } = await output.beginSync();
    const before = this.#committed;
    const state = this.#here(read);
    const counts = { records: state.records - before.records, bytes: state.length - before.length };
    const commit = cursor === undefined ? counts : { ...counts, cursor, state: stateOf(state) };
    const begun = { commit, state, done, isDone: false };
    const end = (): void => {
      begun.isDone = true;
    };
    // What went wrong is thrown where it is finished.
    done.then(end, end);
    this.#begun = begun;
    this.#mark = undefined;
  }

  /** The commit that was begun, once it is on the disk. */
  async #finish(): Promise<Commit | undefined> {
    const begun = this.#begun;
    if (begun === undefined) return undefined;
    await begun.done;
    this.#committed = begun.state;
    this.#begun = undefined;
    return begun.commit;
  }
}

function stateOf({ length, records, read, layout }: State): Json {
  return { length, records, read, ...(layout === undefined ? {} : { layout }) };
}
