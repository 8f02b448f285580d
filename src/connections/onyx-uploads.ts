import { setTimeout as delay } from 'node:timers/promises';

import pLimit from 'p-limit';

import type { OnyxApiFile } from '../models/onyx-api.ts';
import type { OnyxApi, OnyxUpload } from './onyx-api.ts';

/** A file by what is in it: two files with the same SHA-256 are one. */
export interface UploadableFile extends OnyxUpload {
  /** Of its bytes, hex. */
  readonly sha256: string;
}

/** A file that Onyx has. */
export interface UploadedFile {
  /** The `file_record`: what a message's `files` name as `id`. */
  readonly fileId: string;
  /** The `user_file`, which belongs to whom the key belongs to. */
  readonly userFileId: string;
  readonly name: string;
  /** How chats treat it, in Onyx's words: `image`, `document`, `plain_text`, `tabular`. */
  readonly type: string;
  /** False when Onyx was still working on it when the waiting ended; it goes on by itself. */
  readonly isReady: boolean;
}

/** A file that Onyx has, or why it has not. */
export type UploadResult = UploadedFile | { readonly refused: string };

/** What was uploaded by earlier runs. */
export interface UploadRecord {
  /** Those of these contents that were uploaded before, by SHA-256. */
  find(sha256s: readonly string[]): Promise<ReadonlyMap<string, { readonly userFileId: string }>>;
  /** Notes an upload, at once: a run that is killed then uploads nothing twice. */
  save(sha256: string, file: OnyxApiFile): Promise<void>;
}

export interface UploadOptions {
  readonly signal: AbortSignal;
  /** Without it, what earlier runs uploaded is uploaded again. */
  readonly record?: UploadRecord | undefined;
  /** Uploads at once. Default 4. */
  readonly concurrency?: number | undefined;
  /** How long to wait until Onyx has read the files, in milliseconds. Default 120 000. */
  readonly waitMs?: number | undefined;
  /** For tests. */
  readonly sleep?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined;
}

const firstPauseMs = 250;
const longestPauseMs = 5000;

/**
 * Uploads files to Onyx, each content once, and waits until Onyx has read them.
 *
 * What an earlier run uploaded is found by `record` and not uploaded again, unless it is gone from Onyx. The result has an
 * entry for each SHA-256: a file that Onyx does not take (kind, size, a password, nothing it can read) is `refused` with
 * its words, and no reason to stop.
 *
 * @throws {EtlError} as {@link OnyxApi} does, when it is not about a file: no answer, a key that is refused.
 */
export async function uploadFiles(
  client: OnyxApi,
  files: Iterable<UploadableFile>,
  { signal, record, concurrency = 4, waitMs = 120_000, sleep = pause }: UploadOptions,
): Promise<Map<string, UploadResult>> {
  const wanted = new Map<string, UploadableFile>();
  for (const file of files) if (!wanted.has(file.sha256)) wanted.set(file.sha256, file);
  const taken = await uploadedBefore(client, [...wanted.keys()], record, signal);
  const refused = new Map<string, string>();
  const limit = pLimit(concurrency);
  const uploads = [...wanted.values()]
    .filter(({ sha256 }) => !taken.has(sha256))
    .map((file) =>
      limit(async () => {
        signal.throwIfAborted();
        const result = await client.uploadFile(file, signal);
        if ('refused' in result) {
          refused.set(file.sha256, result.refused);
          return;
        }
        await record?.save(file.sha256, result);
        taken.set(file.sha256, result);
      }),
    );
  // All come to their end before the first error is thrown: nothing goes on behind the caller's back.
  for (const settled of await Promise.allSettled(uploads)) if (settled.status === 'rejected') throw settled.reason;
  await untilRead(client, taken, { signal, waitMs, sleep });
  return new Map(
    [...wanted.keys()].map((sha256): [string, UploadResult] => {
      const file = taken.get(sha256);
      return [sha256, file === undefined ? { refused: refused.get(sha256) ?? 'not uploaded' } : resultOf(file)];
    }),
  );
}

/** What earlier runs uploaded and Onyx still has. */
async function uploadedBefore(
  client: OnyxApi,
  sha256s: readonly string[],
  record: UploadRecord | undefined,
  signal: AbortSignal,
): Promise<Map<string, OnyxApiFile>> {
  const known = await record?.find(sha256s);
  if (known === undefined || known.size === 0) return new Map();
  const ids = [...known.values()].map(({ userFileId }) => userFileId);
  const there = new Map((await client.fileStatuses(ids, signal)).map((file) => [file.id, file]));
  const found = new Map<string, OnyxApiFile>();
  for (const [sha256, { userFileId }] of known) {
    const file = there.get(userFileId);
    if (file !== undefined && !isLost(file)) found.set(sha256, file);
  }
  return found;
}

/** Asks again and again, with pauses that double, and puts the newest answers into `files`. */
async function untilRead(
  client: OnyxApi,
  files: Map<string, OnyxApiFile>,
  { signal, waitMs, sleep }: { readonly signal: AbortSignal; readonly waitMs: number; readonly sleep: typeof pause },
): Promise<void> {
  let waited = 0;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
    const open = [...files].filter(([, file]) => isOpen(file));
    if (open.length === 0 || waited >= waitMs) return;
    await sleep(pauseMs, signal);
    waited += pauseMs;
    const ids = open.map(([, { id }]) => id);
    const now = new Map((await client.fileStatuses(ids, signal)).map((file) => [file.id, file]));
    for (const [sha256, file] of open) files.set(sha256, now.get(file.id) ?? { ...file, status: 'DELETING' });
  }
}

function resultOf(file: OnyxApiFile): UploadResult {
  if (isLost(file)) return { refused: `Onyx: could not read it (${file.status})` };
  const { id, file_id: fileId, name, chat_file_type: type } = file;
  return { fileId, userFileId: id, name, type, isReady: !isOpen(file) };
}

function isOpen({ status }: OnyxApiFile): boolean {
  return status === 'PROCESSING' || status === 'INDEXING' || status === 'UPLOADING';
}

/** A chat that names such a file could not be gone on with. */
function isLost({ status }: OnyxApiFile): boolean {
  return status === 'FAILED' || status === 'CANCELED' || status === 'DELETING';
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw error;
  });
}
