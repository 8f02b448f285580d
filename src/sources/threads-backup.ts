import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { defineSource } from '../component.ts';
import { inputError } from '../files/file-error.ts';
import { batchBytes, batchSize } from '../files/file-source-options.ts';
import { checkInputs, inputEstimate } from '../files/input-estimate.ts';
import { jsonArrayFormat, jsonLinesFormat } from '../files/json-formats.ts';
import { readRecords } from '../files/read-records.ts';
import { mapBatch } from '../map-batch.ts';
import { backupToThread, historyLength, isWithoutHistory } from '../mappings/threads-backup.ts';
import { exactThreads, withExactText } from '../models/exact-threads.ts';
import { asThreadRecord, THREADS_FILE, type ThreadRecord } from '../models/langgraph.ts';
import type { Source } from '../stage.ts';
import { checkThreadFiles, readThreadManifest, threadsFileOf } from './threads-backup/bundle-manifest.ts';
import { BackupWatch } from './threads-backup/stated-counts.ts';

const options = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe('Folder of a bundle of threads, or a `threads_backup.json` of another tool. Plain, gzip or zstd.')
    .meta({ examples: ['./exports/threads', './threads_backup.json'] }),
  at: z
    .string()
    .optional()
    .describe('In a backup of another tool: the member that holds the threads; empty when the file is the array.')
    .meta({ examples: ['data.threads'] }),
  batchSize,
  batchBytes,
  maxLineBytes: z
    .int()
    .positive()
    .default(256 * 1024 * 1024)
    .describe('A longer thread is rejected. It takes no memory.'),
  requireComplete: z
    .boolean()
    .default(true)
    .describe(
      'Refuse a bundle without a manifest, which was not completed, or whose files are not as long as it says. `etl verify` makes the digests again, too.',
    ),
});
export type ThreadsBackupSourceOptions = z.input<typeof options>;

/**
 * Reads threads that were exported before: a bundle of ours, or a `threads_backup.json` of any size.
 *
 * A bundle's records come as they were written. A backup's are brought into the same form; what other tools keep of a thread
 * is its own history, without that of its subgraphs. A bundle that was not completed, or has lost something since, is refused
 * before anything is read; a backup that holds fewer threads or checkpoints than it says is warned of. The cursor is a byte offset.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND`, `ETL_SOURCE_INVALID`, `ETL_SOURCE_TRUNCATED`, `ETL_SOURCE_CHANGED`.
 */
export function threadsBackupSource(input: ThreadsBackupSourceOptions): Source<ThreadRecord> {
  const given = options.parse(input);
  const { path, at = 'threads', requireComplete } = given;
  const lines = async (): Promise<string | undefined> => await linesOf(path, requireComplete);
  return {
    role: 'source',
    name: 'threads-backup',
    config: { path, at },
    async *read(ctx) {
      const file = await lines();
      if (file === undefined) {
        const format = jsonArrayFormat(at === '' ? undefined : at, given);
        const watch = new BackupWatch(path);
        let checkpoints = 0;
        for await (const batch of readRecords(path, watch.watched(format), ctx)) {
          ctx.finding(noHistory, batch.records.filter(isWithoutHistory).length, { batch });
          for (const value of batch.records) checkpoints += historyLength(value);
          const exact = exactThreads(batch, 'forms');
          const threads = mapBatch(exact, backupToThread, ctx, { isPure: true });
          yield exact === batch ? threads : withExactText(threads);
        }
        const stated = await watch.stated(ctx.signal);
        const found = { threads: watch.elements, checkpoints: ctx.cursor === undefined ? checkpoints : undefined };
        for (const what of ['threads', 'checkpoints'] as const) {
          const [expected, is] = [stated[what], found[what]];
          if (expected === undefined || is === undefined || expected === is) continue;
          ctx.warn(`the backup says that it has ${expected} ${what}, and holds ${is}: it may have lost some`);
          ctx.finding(`not in the backup: ${what} that it says it has`, Math.max(0, expected - is));
        }
        return;
      }
      for await (const batch of readRecords(file, jsonLinesFormat(given), ctx))
        yield mapBatch(batch, asThreadRecord, ctx, { isPure: true });
    },
    estimate: async () => inputEstimate((await lines()) ?? path),
    check: async () => checkInputs((await lines()) ?? path),
  };
}

const noHistory = 'without history: threads of which the backup has the last state only';

/** The file with the lines of a bundle; nothing when the path is a backup of another tool. */
async function linesOf(path: string, requireComplete: boolean): Promise<string | undefined> {
  const found = await stat(path).catch((error: unknown) => {
    throw inputError(error, path);
  });
  if (!found.isDirectory()) return /\.jsonl(\.gz|\.zst)?$/.test(path) ? path : undefined;
  if (requireComplete) {
    const manifest = await readThreadManifest(path);
    await checkThreadFiles(path, manifest);
    return join(path, threadsFileOf(manifest));
  }
  const compressed = join(path, `${THREADS_FILE}.gz`);
  const isCompressed = await stat(compressed).then(
    () => true,
    () => false,
  );
  return isCompressed ? compressed : join(path, THREADS_FILE);
}

export const threadsBackupSourceComponent = defineSource({
  type: 'threads-backup',
  summary: 'LangGraph threads exported before: a bundle, or another tool’s threads_backup.json',
  details:
    'Reads files of any size in the memory of a few threads. A bundle’s threads come exactly as they were written; those of a `threads_backup.json` ' +
    'are brought into the same form, history oldest first.',
  gives: 'thread',
  options,
  examples: ['type: threads-backup\npath: ./exports/threads', 'type: threads-backup\npath: ./threads_backup.json'],
  create: threadsBackupSource,
});
