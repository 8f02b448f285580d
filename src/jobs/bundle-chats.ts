import { EtlError } from '../errors.ts';
import type { BundleIndexEntry, BundleManifest } from '../formats/bundle.ts';
import type { LibrechatChatRecord, LibrechatRecord } from '../models/librechat-chat.ts';
import type { Source, StageContext } from '../stage.ts';
import { Differences } from './verify-report.ts';
import { walkBundle } from './walk-bundle.ts';

const batchSize = 100;

/** The chats of a bundle in its own order and as its own records: to compare another bundle with. */
export function bundleChats(path: string, manifest: BundleManifest): Source<LibrechatRecord> {
  return { role: 'source', name: 'bundle', config: { path }, read: (ctx) => read(path, manifest, ctx) };
}

async function* read(
  path: string,
  manifest: BundleManifest,
  { signal }: StageContext,
): AsyncGenerator<{ readonly records: LibrechatChatRecord[] }> {
  const differences = new Differences(1);
  let records: LibrechatChatRecord[] = [];
  for await (const { entry, line } of walkBundle(path, manifest, differences, signal)) {
    records.push(chatOf(entry, line ?? Buffer.from('{}')));
    if (records.length < batchSize) continue;
    yield { records };
    records = [];
  }
  if (records.length > 0) yield { records };
  const [first] = differences.report().first;
  if (first !== undefined)
    throw new EtlError('ETL_SOURCE_INVALID', `${path} is not whole: ${first.where} ${first.detail}`, {
      where: { file: path },
    });
}

function chatOf(entry: BundleIndexEntry, line: Buffer): LibrechatChatRecord {
  const { user, key, conversation_id: conversationId, updated_at: updatedAt, messages, digest } = entry;
  const counts = {
    messages,
    branchPoints: 0,
    orphans: 0,
    empty: messages === 0 ? 1 : 0,
    missingFiles: 0,
    repairs: {},
    losses: {},
  };
  return {
    type: 'chat',
    user: { id: user, email: null },
    key,
    conversationId,
    updatedAt,
    line: [line],
    files: [],
    counts,
    digest,
    toJSON: () => JSON.parse(line.toString()) as unknown,
  };
}
