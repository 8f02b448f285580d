import { resolve } from 'node:path';

import { z } from 'zod';

import { whenDone } from '../batch.ts';
import { defineSink } from '../component.ts';
import { FileDownloads } from '../connections/file-downloads.ts';
import { EtlError, systemCode } from '../errors.ts';
import { outputError } from '../files/file-error.ts';
import { commitEvery, compress, gzipLevelOf, level } from '../files/file-sink-options.ts';
import { isGone } from '../files/is-gone.ts';
import { targetLedger } from '../files/target-ledger.ts';
import type { Json } from '../json.ts';
import { conversationToBundle } from '../mappings/conversation-to-bundle.ts';
import { asConversation, type Conversation } from '../models/conversation.ts';
import { isLibrechatRecord, type LibrechatRecord } from '../models/librechat-chat.ts';
import { bytesRead } from '../position.ts';
import type { Batch, Commit, Sink, StageContext } from '../stage.ts';
import { bundleBytes, newBundleState, type BundleState } from './bundle/bundle-state.ts';
import { BundleWriter } from './bundle/bundle-writer.ts';
import { download } from './bundle/download-options.ts';
import { missingRoots } from './bundle/missing-roots.ts';
import { PreviousIndex } from './bundle/previous-index.ts';
import { checkTarget, replacementPath, swapIn, takeBackSwap } from './bundle/replace-bundle.ts';

const options = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe('Folder of the bundle. It is made; its progress is kept in `<path>.etl/` beside it.')
    .meta({ examples: ['./exports/librechat'] }),
  layout: z
    .enum(['users', 'single'])
    .default('users')
    .describe(
      "`users`: a folder for each user, for which a user's records must follow one another. `single`: one for all.",
    ),
  assetRoots: z
    .array(z.string().min(1))
    .default([])
    .describe('Folders to look for uploaded files in. Nothing outside them is ever read.')
    .meta({ examples: [['./uploads', './images']] }),
  copyFiles: z
    .boolean()
    .default(true)
    .describe(
      'Copies the files that are found into the bundle, equal ones once for a user. Otherwise they are only hashed.',
    ),
  download,
  concurrency: z.int().positive().max(64).default(8).describe('Files looked for and copied at a time.'),
  ifExists: z
    .enum(['error', 'replace'])
    .default('error')
    .describe(
      'What to do when the folder holds a bundle: refuse, or put the new one in its place once that is complete.',
    ),
  compress,
  level,
  commitEvery,
  since: z
    .string()
    .optional()
    .describe('An earlier bundle: only what changed since then is written, and `removed.jsonl` names what is gone.')
    .meta({ examples: ['./exports/last-week'] }),
  exportedAt: z.iso
    .datetime()
    .optional()
    .describe(
      'Time to put into the bundle instead of when the run began: two bundles of the same data are then the same bytes.',
    ),
  scope: z
    .json()
    .optional()
    .describe(
      'What was asked for, kept in the manifest, so that `etl verify --against` reads the same from the source.',
    ),
});
export type BundleSinkOptions = z.input<typeof options>;
type Options = z.output<typeof options>;

/**
 * Writes chats as a bundle: JSON lines, uploaded files, and digests that prove it whole. `docs/bundle.md` has its layout.
 *
 * Takes conversations of any source, and the records of the `librechat` source's fast form, which keep every document as the
 * database has it. Chats are written as they come, with progress beside the bundle: a run killed anywhere and repeated leaves
 * the same bytes as an unbroken one. Memory is that of a few batches and of one user's file ids.
 *
 * @throws {EtlError} `ETL_SINK_EXISTS` when the folder is not empty; `ETL_SINK_CHANGED` when it is not as this run left it;
 *   `ETL_SOURCE_INVALID` when a user's records do not follow one another; `ETL_SINK_FAILED` when the disk refuses.
 */
export function bundleSink(input: BundleSinkOptions): Sink<Conversation | LibrechatRecord> {
  const chosen = options.parse(input);
  const { commitEvery: every, level: gzip, concurrency: _, download: fetching, ...decisive } = chosen;
  const config = {
    ...decisive,
    // The rhythm of commits decides the bytes of compressed files only.
    ...(chosen.compress !== 'none' && { level: gzip, commitEvery: every }),
    ...(fetching !== undefined && { download: { hosts: fetching.hosts, maxBytes: fetching.maxBytes } }),
  };
  return {
    role: 'sink',
    name: 'bundle',
    config: JSON.parse(JSON.stringify(config)) as Json,
    ifExists: chosen.ifExists,
    ledger: () => targetLedger(chosen.path),
    checkNew: () => checkTarget(chosen.path, chosen.ifExists),
    isGone: () => isGone(chosen.path),
    write: (batches, ctx) => writeBundle(batches, ctx, chosen),
  };
}

async function* writeBundle(
  input: AsyncIterable<Batch<unknown>>,
  ctx: StageContext,
  chosen: Options,
): AsyncGenerator<Commit> {
  // What comes back is what we gave with a commit.
  let state =
    (ctx.cursor as unknown as BundleState | undefined) ?? newBundleState(chosen.exportedAt ?? new Date().toISOString());
  let { records } = state;
  let last: Batch<unknown> | undefined;
  let bundle: Opened | undefined;
  async function commit(writer: BundleWriter, cursor: Json | undefined): Promise<Commit> {
    const before = state;
    state = { ...(await writer.commit()), records, read: bytesRead(cursor) ?? before.read };
    return {
      records: records - before.records,
      bytes: bundleBytes(state) - bundleBytes(before),
      cursor,
      state: state as unknown as Json,
    };
  }
  try {
    for await (const batch of input) {
      if (bundle === undefined) {
        bundle = await open(ctx, chosen, state);
        yield { records: 0, state: state as unknown as Json };
      }
      records += await addBatch(bundle.writer, batch, ctx);
      const done = whenDone(batch);
      if (done !== undefined) bundle.writer.whenTaken(done);
      last = batch;
      const read = bytesRead(batch.cursor);
      if (read !== undefined && read - state.read >= chosen.commitEvery)
        yield await commit(bundle.writer, batch.cursor);
    }
    if (ctx.halted) {
      // Compressed blocks must end where those of an unbroken run do; records without a cursor cannot be resumed behind.
      if (bundle !== undefined && last?.cursor !== undefined && chosen.compress === 'none')
        yield await commit(bundle.writer, last.cursor);
      return;
    }
    if (bundle === undefined) {
      bundle = await open(ctx, chosen, state);
      yield { records: 0, state: state as unknown as Json };
    }
    yield await commit(bundle.writer, last?.cursor);
    // What is written from here on belongs to no commit: a run killed in between writes it again.
    const bytes = await bundle.writer.finish();
    if (chosen.ifExists === 'replace') await swapIn(chosen.path);
    yield { records: 0, bytes: bytes - bundleBytes(state) };
  } catch (error) {
    throw failure(error, ctx, chosen.path, state);
  } finally {
    await bundle?.previous?.close();
    await bundle?.writer.close();
    await bundle?.downloads?.close();
  }
}

interface Opened {
  readonly writer: BundleWriter;
  readonly previous: PreviousIndex | undefined;
  readonly downloads: FileDownloads | undefined;
}

async function open(ctx: StageContext, chosen: Options, state: BundleState): Promise<Opened> {
  const { path, ifExists, layout, scope, since, assetRoots, copyFiles, concurrency } = chosen;
  const isNew = ctx.cursor === undefined;
  for (const root of await missingRoots(assetRoots)) ctx.warn(`${root} is no folder: no uploads are found there`);
  if (isNew) await checkTarget(path, ifExists);
  else if (ifExists === 'replace') await takeBackSwap(path, state.exportedAt);
  const gzipLevel = gzipLevelOf(chosen.compress, chosen.level);
  const ending = gzipLevel === undefined ? '' : '.gz';
  const downloads = chosen.download === undefined ? undefined : new FileDownloads(chosen.download);
  const settings = { gzipLevel, ending, assetRoots, copyFiles, concurrency, downloads, signal: ctx.signal } as const;
  const previous = since === undefined ? undefined : await PreviousIndex.open(since, state.compared, scope);
  try {
    const target = ifExists === 'replace' ? replacementPath(path) : path;
    const writer = await BundleWriter.open(
      { path: target, layout, compress: chosen.compress, scope, settings, previous },
      state,
    );
    return { writer, previous, downloads };
  } catch (error) {
    await previous?.close();
    throw error;
  }
}

/** Writes a batch's records and gives how many it wrote; what is no conversation is rejected, what is as it was is skipped. */
async function addBatch(writer: BundleWriter, batch: Batch<unknown>, ctx: StageContext): Promise<number> {
  let written = 0;
  let unchanged = 0;
  for (const [index, record] of batch.records.entries()) {
    let chat: LibrechatRecord;
    try {
      chat = isLibrechatRecord(record) ? record : conversationToBundle(asConversation(record));
    } catch (error) {
      ctx.reject(record, error, { batch, index });
      continue;
    }
    if (await writer.add(chat)) written += 1;
    else unchanged += 1;
  }
  ctx.count('skipped', unchanged, { batch });
  return written;
}

function failure(error: unknown, ctx: StageContext, path: string, { records }: BundleState): unknown {
  if (error instanceof EtlError || systemCode(error)?.startsWith('E') !== true || ctx.signal.aborted) return error;
  return outputError(error, path, {
    hint: `${records} records are committed in ${resolve(path)}; remove the cause and run the same command again to go on from there.`,
  });
}

export const bundleSinkComponent = defineSink({
  type: 'bundle',
  summary: 'A folder of chats as JSON lines with their files, and digests that prove it whole',
  details:
    'Takes conversations from any source. One folder a user with `conversations.jsonl`, `files_manifest.jsonl`, `files/` and `summary.json`; ' +
    'at the top the users, an index with the digest of every chat, `checksums.sha256` for every file, and `MANIFEST.json`, written last. ' +
    'The same command after a kill goes on from the last commit and leaves the same bytes. `etl verify` proves a bundle whole.',
  accepts: 'any',
  options,
  examples: [
    'type: bundle\npath: ./exports/librechat\nassetRoots: [./uploads, ./images]',
    'type: bundle\npath: ./exports/chats\nlayout: single\ncompress: gzip',
  ],
  create: bundleSink,
});
