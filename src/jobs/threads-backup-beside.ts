import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { withCursor } from '../batch.ts';
import { EtlError } from '../errors.ts';
import { BufferedOutput } from '../files/buffered-output.ts';
import { gzipLevelOf } from '../files/file-sink-options.ts';
import { GzipOutput } from '../files/gzip-output.ts';
import type { Output } from '../files/output.ts';
import type { FileLayout } from '../files/file-layout.ts';
import { openTargetFile } from '../files/target-file.ts';
import type { Json } from '../json.ts';
import { THREADS_FILE, type ThreadRecord } from '../models/langgraph.ts';
import { threadsBackupSink } from '../sinks/threads-backup.ts';
import { backupLayout } from '../sinks/threads-backup/backup-layout.ts';
import { beginBundle, completeBundle } from '../sinks/threads-backup/bundle-index.ts';
import { threadLinesLayout } from '../sinks/threads-backup/thread-lines.ts';
import type { Batch, StageContext, Transform } from '../stage.ts';

/** A backup to write while threads move. */
export interface BackupBeside {
  /** A folder for a bundle; `….json` and `….json.gz` are written as a `threads_backup.json`. */
  readonly path: string;
  readonly ifExists: 'replace' | 'error';
  /** Where the threads are from, to be kept in the backup. */
  readonly source: string;
  /** False: threads pass and nothing is written, for samples. */
  readonly isWritten?: boolean;
}

/** Where the file was when a batch had passed. */
interface State {
  readonly length: number;
  readonly records: number;
  /** The layout's own. */
  readonly layout?: Json | undefined;
}

/**
 * A stage that writes the threads that pass into a backup as well, as the sink `threads-backup` would. Each batch's cursor says
 * how long the file was then, and no commit is recorded before that much is on the disk: a run that is killed and goes on
 * leaves the backup of an unbroken one. The backup is completed when the last thread has passed.
 *
 * @throws {EtlError} `ETL_SINK_EXISTS`, `ETL_SINK_CHANGED`, `ETL_SINK_FAILED`.
 */
export function threadsBackupBeside<T extends ThreadRecord>(beside: BackupBeside): Transform<T, T> {
  const { path, ifExists, isWritten = true } = beside;
  const format = /\.json(\.gz)?$/.test(path) ? 'json' : 'bundle';
  const compress = path.endsWith('.json.gz') ? 'gzip' : 'none';
  return {
    role: 'transform',
    name: 'backup',
    config: { path, format, compress },
    async *apply(input, ctx) {
      if (ctx.dryRun || !isWritten) {
        yield* input;
        return;
      }
      // A run that was killed before its first commit is known by this file: what is there is its own.
      const begun = join(await ctx.directory(), 'begun');
      if (ctx.cursor === undefined && !(await isThere(begun))) {
        await threadsBackupSink({ path, format, compress, ifExists }).checkNew?.().catch(refused);
      }
      await writeFile(begun, '');
      const bundle = format === 'bundle' ? join(path, THREADS_FILE) : undefined;
      if (bundle !== undefined) await beginBundle(path, bundle, 'replace');
      const layout = format === 'bundle' ? threadLinesLayout : backupLayout(beside.source);
      const level = gzipLevelOf(compress, 1);
      yield* written(input, ctx, { path: bundle ?? path, layout, level });
      if (bundle !== undefined) await completeBundle(path, bundle, beside.source, ctx.signal);
    },
  };
}

async function* written<T>(
  input: AsyncIterable<Batch<T>>,
  ctx: StageContext,
  file: { readonly path: string; readonly layout: FileLayout<unknown>; readonly level: number | undefined },
): AsyncGenerator<Batch<T>> {
  const { path, layout, level } = file;
  // What comes back is what was put into a cursor below.
  const from = ctx.cursor as unknown as State | undefined;
  const { file: target, length } = await openTargetFile(path, 'replace', from?.length);
  const plain = new BufferedOutput(target, length);
  const output: Output = level === undefined ? plain : new GzipOutput(plain, level);
  let syncing: Promise<void> = Promise.resolve();
  ctx.beforeCommit(() => syncing);
  const writing = quiet(ctx);
  let records = from?.records ?? 0;
  if (from?.layout !== undefined) layout.state?.restore(from.layout);
  try {
    if (length === 0) await output.writeText(layout.head ?? '');
    for await (const batch of input) {
      records += await layout.write(batch, output, writing, records);
      if (batch.cursor === undefined || layout.isHolding?.() === true) {
        yield withCursor(batch, undefined);
        continue;
      }
      await syncing;
      ({ done: syncing } = await output.beginSync());
      // What went wrong is thrown where it is waited for.
      syncing.catch(() => undefined);
      const own = layout.state?.save();
      const state = { length: output.length, records, ...(own === undefined ? {} : { layout: own }) } satisfies State;
      yield withCursor(batch, ctx.withState(batch.cursor, state));
    }
    await output.writeText(layout.tail?.(records) ?? '');
    await output.endBlock();
    await output.sync();
  } finally {
    await output.close();
  }
}

/** The stage for a layout: what becomes of the records is not decided here, and not counted. */
function quiet(ctx: StageContext): StageContext {
  return {
    stage: ctx.stage,
    signal: ctx.signal,
    dryRun: ctx.dryRun,
    halted: ctx.halted,
    reject: (record, cause, from) => ctx.reject(record, cause, from),
    count: () => undefined,
    finding: (kind, times, from) => ctx.finding(kind, times, from),
    withState: (cursor, state) => ctx.withState(cursor, state),
    partCursor: (state, after) => ctx.partCursor(state, after),
    replayed: (count) => ctx.replayed(count),
    warn: (message) => ctx.warn(message),
    directory: () => ctx.directory(),
    beforeCommit: (flush) => ctx.beforeCommit(flush),
    progressAt: (cursor, commit) => ctx.progressAt(cursor, commit),
  };
}

function refused(error: unknown): never {
  if (!(error instanceof EtlError) || error.code !== 'ETL_SINK_EXISTS') throw error;
  throw new EtlError(error.code, error.message, {
    where: error.where,
    hint: 'Give another --backup-file, move it away, or write over it with --replace-backup.',
    cause: error.cause,
  });
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
