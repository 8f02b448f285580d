import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { describeCause, EtlError } from '../errors.ts';
import { readManifest } from '../files/bundle-folders.ts';
import { inputError } from '../files/file-error.ts';
import { readJsonValues } from '../files/read-json-values.ts';
import { chatDifferences } from '../formats/bundle-differences.ts';
import { readBundleLine } from '../formats/bundle-line-reader.ts';
import {
  compareBundleOrder,
  FILES_MANIFEST_FILE,
  MANIFEST_FILE,
  USERS_FILE,
  type BundleFileEntry,
  type BundleIndexEntry,
  type BundleManifest,
} from '../formats/bundle.ts';
import type { LibrechatChatRecord, LibrechatRecord } from '../models/librechat-chat.ts';
import { pipeline } from '../pipeline.ts';
import type { Source } from '../stage.ts';
import { verifyFiles } from './verify-files.ts';
import { Differences, type VerifyReport } from './verify-report.ts';
import { nameOf, walkBundle } from './walk-bundle.ts';

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
  let checked = { chats: 0, messages: 0, files: 0, bytes: 0, sourceChats: 0 };
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
      await pipeline(against.source, { name: 'verify' })
        .to(async (records) => {
          checked = { ...checked, ...(await walk(records)) };
        })
        .run({ signal });
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
}

/** The values of a file's lines up to where it is broken: that it is, is noted by its digest. */
async function* tolerant(path: string, signal: AbortSignal): AsyncGenerator<unknown> {
  try {
    yield* readJsonValues(path, signal);
  } catch (error) {
    if (!(error instanceof EtlError)) throw error;
  }
}

interface WalkedCounts {
  readonly chats: number;
  readonly messages: number;
  readonly sourceChats: number;
}

async function verifyChats(
  path: string,
  manifest: BundleManifest,
  records: AsyncIterable<LibrechatRecord> | undefined,
  differences: Differences,
  signal: AbortSignal,
): Promise<WalkedCounts> {
  const others = records === undefined ? undefined : new OrderedChats(records);
  let chats = 0;
  let messages = 0;
  let written = 0;
  let before: BundleIndexEntry | undefined;
  await others?.advance();
  for await (const { entry, line } of walkBundle(path, manifest, differences, signal)) {
    chats += 1;
    if (line !== undefined) {
      written += 1;
      messages += verifyChat(entry, line, differences);
    }
    if (others === undefined) continue;
    if (before !== undefined && compareBundleOrder(before, entry) >= 0)
      throw notInOrder(`the bundle ${path}`, before, entry);
    before = entry;
    for (
      let other = others.current;
      other !== undefined && compareBundleOrder(placeOf(other), entry) < 0;
      other = others.current
    ) {
      differences.add('missing', nameOf(placeOf(other)), 'is in the source and not in the bundle');
      await others.advance();
    }
    const other = others.current;
    if (other === undefined || compareBundleOrder(placeOf(other), entry) !== 0) {
      differences.add('unexpected', nameOf(entry), 'is in the bundle and not in the source');
      continue;
    }
    if (other.digest !== entry.digest) compareChats(entry, line, other, differences);
    await others.advance();
  }
  for (let other = others?.current; other !== undefined; other = others?.current) {
    differences.add('missing', nameOf(placeOf(other)), 'is in the source and not in the bundle');
    await others?.advance();
  }
  differences.expect('count', MANIFEST_FILE, 'conversations', manifest.counts.conversations, written);
  differences.expect('count', MANIFEST_FILE, 'messages', manifest.counts.messages, messages);
  return { chats, messages, sourceChats: others?.count ?? 0 };
}

/** Makes a chat's digest again and compares what its line and the index say. Gives the number of its messages. */
function verifyChat(entry: BundleIndexEntry, bytes: Buffer, differences: Differences): number {
  const line = readBundleLine(bytes);
  const where = nameOf(entry);
  const { digest } = line;
  if (line.statedDigest !== digest)
    differences.add(
      'chat',
      where,
      `does not hold what its digest says: stated ${line.statedDigest ?? 'none'}, is ${digest}`,
    );
  if (entry.digest !== digest) differences.add('index', where, `expected digest ${entry.digest}, found ${digest}`);
  differences.expect('index', where, 'key and owner', [entry.key, entry.user], [line.key, line.userId]);
  differences.expect('index', where, 'messages', entry.messages, line.messages.length);
  differences.expect('chat', where, 'message_count', line.statedMessages, line.messages.length);
  return line.messages.length;
}

function compareChats(
  entry: BundleIndexEntry,
  line: Buffer | undefined,
  other: LibrechatChatRecord,
  differences: Differences,
): void {
  const there = Buffer.from(other.line.buffer, other.line.byteOffset, other.line.byteLength);
  const detail = `bundle ${entry.digest}, source ${other.digest}`;
  differences.add(
    'differs',
    nameOf(entry),
    detail,
    line === undefined ? undefined : () => chatDifferences(readBundleLine(line), readBundleLine(there)),
  );
}

/** The chats among some records, one at a time, held to be in order. */
class OrderedChats {
  current: LibrechatChatRecord | undefined;
  count = 0;
  readonly #records: AsyncIterator<LibrechatRecord>;

  constructor(records: AsyncIterable<LibrechatRecord>) {
    this.#records = records[Symbol.asyncIterator]();
  }

  async advance(): Promise<void> {
    const before = this.current;
    for (;;) {
      const next = await this.#records.next();
      if (next.done === true) {
        this.current = undefined;
        return;
      }
      if (next.value.type !== 'chat') continue;
      if (before !== undefined && compareBundleOrder(placeOf(before), placeOf(next.value)) >= 0)
        throw notInOrder('the source', placeOf(before), placeOf(next.value));
      this.current = next.value;
      this.count += 1;
      return;
    }
  }
}

type Place = Pick<BundleIndexEntry, 'user' | 'key'>;

function placeOf({ user, key }: LibrechatChatRecord): Place {
  return { user: user.id, key };
}

function notInOrder(what: string, before: Place, after: Place): EtlError {
  return new EtlError(
    'ETL_SOURCE_INVALID',
    `${what} does not give chats by owner and key: ${nameOf(before)}, then ${nameOf(after)}`,
    {
      hint: 'Only bundles and sources in that order can be compared, such as those of the `librechat` source.',
    },
  );
}
