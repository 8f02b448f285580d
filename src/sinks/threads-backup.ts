import { join } from 'node:path';

import { z } from 'zod';

import { defineSink } from '../component.ts';
import { commitEvery, compress, level, gzipLevelOf } from '../files/file-sink-options.ts';
import { isGone } from '../files/is-gone.ts';
import { checkNewTarget } from '../files/target-file.ts';
import { targetLedger } from '../files/target-ledger.ts';
import { textFileSink } from '../files/text-file-sink.ts';
import { writeRecordFile } from '../files/record-file.ts';
import { THREADS_FILE, type ThreadRecord } from '../models/langgraph.ts';
import type { Batch, Commit, Sink, StageContext } from '../stage.ts';
import { backupLayout } from './threads-backup/backup-layout.ts';
import { beginBundle, completeBundle, refuseBundle } from './threads-backup/bundle-index.ts';
import { threadLinesLayout } from './threads-backup/thread-lines.ts';

const options = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe('Folder of the bundle; for `format: json` the file.')
    .meta({ examples: ['./exports/threads', './threads_backup.json'] }),
  format: z
    .enum(['bundle', 'json'])
    .default('bundle')
    .describe(
      '`bundle`: JSON lines with an index and a manifest of digests. `json`: one `threads_backup.json` as other tools read it.',
    ),
  ifExists: z
    .enum(['replace', 'error'])
    .default('error')
    .describe('What to do when there is one: write it anew, or refuse.'),
  source: z.string().optional().describe('Where the threads are from, to be kept in the file.'),
  compress,
  level,
  commitEvery,
});
export type ThreadsBackupSinkOptions = z.input<typeof options>;
type Options = z.output<typeof options>;

/**
 * Writes LangGraph threads to the disk.
 *
 * A bundle is a folder: `threads.jsonl` (each record as the source gave it), `index.jsonl` (a line a thread: checkpoints,
 * bytes, SHA-256), and `MANIFEST.json` with counts and digests, written last. `format: json` gives the one file that the
 * existing Python tool reads and writes, with members of ours beside its own so that nothing is lost; a thread in parts is
 * put together in memory for that. Both go on after a kill where they stood, and leave the bytes of an unbroken run.
 *
 * @throws {EtlError} `ETL_SINK_EXISTS`, `ETL_SINK_CHANGED`, `ETL_SINK_FAILED`.
 */
export function threadsBackupSink(input: ThreadsBackupSinkOptions): Sink<ThreadRecord> {
  const given = options.parse(input);
  const { format, source, ...file } = given;
  if (format === 'json') return textFileSink('threads-backup', file, backupLayout(source), { format });
  const gzipLevel = gzipLevelOf(file.compress, file.level);
  const name = join(file.path, gzipLevel === undefined ? THREADS_FILE : `${THREADS_FILE}.gz`);
  const { path, ifExists } = file;
  const rhythm = gzipLevel === undefined ? {} : { level: file.level, commitEvery: file.commitEvery };
  return {
    role: 'sink',
    name: 'threads-backup',
    config: { path, format, compress: file.compress, ...rhythm, ...(source === undefined ? {} : { source }), ifExists },
    ifExists,
    ledger: () => targetLedger(path),
    isGone: () => isGone(path),
    async checkNew() {
      await checkNewTarget(name, ifExists);
      if (ifExists === 'error') await refuseBundle(path);
    },
    write: (batches, ctx) => writeBundle(batches, ctx, { ...given, name, gzipLevel }),
  };
}

async function* writeBundle(
  input: AsyncIterable<Batch<unknown>>,
  ctx: StageContext,
  {
    name,
    gzipLevel,
    path,
    ifExists,
    commitEvery: every,
    source,
  }: Options & {
    readonly name: string;
    readonly gzipLevel: number | undefined;
  },
): AsyncGenerator<Commit> {
  const begun = (async function* () {
    let isFirst = true;
    for await (const batch of input) {
      if (isFirst) await beginBundle(path, name, ctx.cursor === undefined ? ifExists : 'replace');
      isFirst = false;
      yield batch;
    }
  })();
  const target = { path: name, ifExists, commitEvery: every, gzipLevel };
  yield* writeRecordFile(begun, ctx, target, threadLinesLayout);
  // What is written from here on belongs to no commit: a run killed in between writes it again.
  if (!ctx.halted) await completeBundle(path, name, source, ctx.signal);
}

export const threadsBackupSinkComponent = defineSink({
  type: 'threads-backup',
  summary: 'LangGraph threads on the disk: a bundle with digests, or a threads_backup.json',
  details:
    'A bundle is JSON lines exactly as the server gave them, an index with the SHA-256 of every thread, and a manifest, written last. ' +
    '`format: json` writes the file of the existing Python tool. The same command after a kill goes on from the last commit.',
  accepts: 'thread',
  options,
  examples: [
    'type: threads-backup\npath: ./exports/threads\ncompress: gzip',
    'type: threads-backup\npath: ./threads_backup.json\nformat: json',
  ],
  create: threadsBackupSink,
});
