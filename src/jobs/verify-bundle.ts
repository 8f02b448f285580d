import { stat } from 'node:fs/promises';
import { devNull } from 'node:os';
import { join } from 'node:path';

import { describeCause, EtlError } from '../errors.ts';
import { readManifest } from '../files/bundle-folders.ts';
import { inputError } from '../files/file-error.ts';
import { readJsonValues } from '../files/read-json-values.ts';
import {
  FILES_MANIFEST_FILE,
  MANIFEST_FILE,
  USERS_FILE,
  type BundleFileEntry,
  type BundleManifest,
} from '../formats/bundle.ts';
import type { LibrechatRecord } from '../models/librechat-chat.ts';
import { pipeline } from '../pipeline.ts';
import type { Source } from '../stage.ts';
import { verifyChats, type WalkedCounts } from './verify-chats.ts';
import { verifyFiles } from './verify-files.ts';
import { Differences, type VerifyReport } from './verify-report.ts';
import { verifySummaries } from './verify-summaries.ts';

/** How to verify. */
export interface VerifyOptions {
  readonly signal?: AbortSignal | undefined;
  /** Differences that are described; all are counted. Default 100. */
  readonly maxDifferences?: number | undefined;
  /** What the bundle must be equal to, chat by chat: gives chats in the order of a bundle. */
  readonly against?: { readonly source: Source<LibrechatRecord>; readonly name: string } | undefined;
}

/**
 * Proves that a bundle is whole, and on demand that it is equal to its source.
 *
 * Every file is hashed, every chat's digest made again from its documents, every count compared. Against a source, each chat
 * is compared by its digest, and one that differs document by document and field by field. Memory is that of the list of files.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` when there is no folder; what the source throws. Differences are not errors.
 */
export async function verifyBundle(path: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  const { against, signal = new AbortController().signal } = options;
  const differences = new Differences(options.maxDifferences ?? 100);
  let checked = { chats: 0, messages: 0, files: 0, bytes: 0, sourceChats: 0, sourceRejected: 0 };
  const manifest = await manifestOf(path, differences);
  if (manifest !== undefined) {
    const { stated, ...hashed } = await verifyFiles(path, manifest, differences, signal);
    await verifyUsers(path, manifest, stated, differences, signal);
    checked = { ...checked, ...hashed };
    const walk = (records: AsyncIterable<LibrechatRecord> | undefined): Promise<WalkedCounts> =>
      verifyChats(path, manifest, records, differences, signal);
    if (against === undefined) {
      checked = { ...checked, ...(await walk(undefined)) };
    } else {
      // What cannot be read was left out of the bundle, too: it is counted here, and listed where the bundle was made.
      const { counts } = await pipeline(against.source, { name: 'verify', onReject: { to: devNull } })
        .to(async (records) => {
          checked = { ...checked, ...(await walk(records)) };
        })
        .run({ signal });
      checked = { ...checked, sourceRejected: counts.rejected };
    }
  }
  const found = differences.report();
  return {
    schema: 'threadmill/verify@1',
    bundle: path,
    against: against?.name ?? null,
    ok: found.total === 0,
    checked,
    differences: found,
  };
}

async function manifestOf(path: string, differences: Differences): Promise<BundleManifest | undefined> {
  await stat(path).catch((error: unknown) => {
    throw inputError(error, path);
  });
  try {
    const manifest = await readManifest(path);
    if (manifest === undefined)
      differences.add('manifest', MANIFEST_FILE, 'is missing: the bundle was not completed, or another tool made it');
    return manifest;
  } catch (error) {
    differences.add('manifest', MANIFEST_FILE, describeCause(error));
    return undefined;
  }
}

/** Compares the users, and each folder's manifest of files, with the counts and the checksums. */
async function verifyUsers(
  path: string,
  manifest: BundleManifest,
  stated: ReadonlyMap<string, string>,
  differences: Differences,
  signal: AbortSignal,
): Promise<void> {
  const folders = new Set<string>();
  let users = 0;
  let files = 0;
  let copied = 0;
  for await (const user of tolerant(join(path, USERS_FILE), signal)) {
    users += 1;
    const folder = (user as { readonly folder?: unknown } | null)?.folder;
    if (typeof folder === 'string') folders.add(folder);
  }
  for (const folder of folders) {
    const prefix = folder === '.' ? '' : `${folder}/`;
    const name = `${prefix}${FILES_MANIFEST_FILE}${manifest.compress === 'gzip' ? '.gz' : ''}`;
    for await (const value of tolerant(join(path, name), signal)) {
      const { file_id: id, copied: isCopied, copied_rel_path: place, sha256 } = value as Partial<BundleFileEntry>;
      files += 1;
      if (isCopied !== true) continue;
      copied += 1;
      if (typeof place !== 'string' || stated.get(prefix + place) !== sha256)
        differences.add('file', name, `says of file ${id ?? '?'} what the checksums do not`);
    }
  }
  differences.expect('count', MANIFEST_FILE, 'users', manifest.counts.users, users);
  differences.expect('count', MANIFEST_FILE, 'files', manifest.counts.files, files);
  differences.expect('count', MANIFEST_FILE, 'files copied', manifest.counts.filesCopied, copied);
  await verifySummaries(path, manifest, folders, differences);
}

/** The values of a file's lines up to where it is broken: that it is, is noted by its digest. */
async function* tolerant(path: string, signal: AbortSignal): AsyncGenerator<unknown> {
  try {
    yield* readJsonValues(path, signal);
  } catch (error) {
    if (!(error instanceof EtlError)) throw error;
  }
}
