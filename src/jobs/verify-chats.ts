import { EtlError } from '../errors.ts';
import { chatDifferences } from '../formats/bundle-differences.ts';
import { readBundleLine } from '../formats/bundle-line-reader.ts';
import { compareBundleOrder, MANIFEST_FILE, type BundleIndexEntry, type BundleManifest } from '../formats/bundle.ts';
import type { LibrechatChatRecord, LibrechatRecord } from '../models/librechat-chat.ts';
import { nameOf } from './folder-lines.ts';
import type { Differences } from './verify-report.ts';
import { walkBundle } from './walk-bundle.ts';

/** What was gone through. */
export interface WalkedCounts {
  readonly chats: number;
  readonly messages: number;
  readonly sourceChats: number;
}

/** Holds every chat of a bundle to its digest and to the index and, when there are any, to the records of its source. */
export async function verifyChats(
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
  const detail = `bundle ${entry.digest}, source ${other.digest}`;
  differences.add(
    'differs',
    nameOf(entry),
    detail,
    line === undefined
      ? undefined
      : () => chatDifferences(readBundleLine(line), readBundleLine(Buffer.concat(other.line))),
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
