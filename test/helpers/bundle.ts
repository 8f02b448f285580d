import { hash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { composeBundleLine } from '../../src/formats/bundle-line.ts';
import { chatDigest, documentDigest } from '../../src/formats/chat-digest.ts';
import type {
  LibrechatChatRecord,
  LibrechatFileRef,
  LibrechatRecord,
  LibrechatUserRecord,
} from '../../src/models/librechat-chat.ts';
import type { Batch, Source } from '../../src/stage.ts';

const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** A user's record, with what is given beyond a profile. */
export function userRecord(
  id: string,
  email: string | null,
  more: Partial<LibrechatUserRecord> = {},
): LibrechatUserRecord {
  return {
    type: 'user',
    user: { id, email },
    profile: bytesOf({ id, email, role: 'USER' }),
    related: [],
    files: [],
    ...more,
  };
}

/** A file of which everything is known. */
export function fileRef(fileId: string, more: Partial<LibrechatFileRef> = {}): LibrechatFileRef {
  const name = more.name ?? `${fileId}.txt`;
  return {
    key: fileId,
    fileId,
    name,
    storage: 'local',
    paths: [`uploads/${name}`],
    metadata: bytesOf({ file_id: fileId, filename: name }),
    ...more,
  };
}

/** A chat of these texts, one answering the other. */
export function chatRecord(
  user: LibrechatUserRecord['user'],
  id: string,
  texts: readonly string[],
  files: readonly LibrechatFileRef[] = [],
  fields: Readonly<Record<string, unknown>> = {},
): LibrechatChatRecord {
  const messages = texts.map((text, place) =>
    bytesOf({
      messageId: `${id}-${place}`,
      parentMessageId: place === 0 ? null : `${id}-${place - 1}`,
      user: user.id,
      text,
    }),
  );
  const conversation = bytesOf({ conversationId: id, user: user.id, title: `About ${id}`, ...fields });
  const digest = chatDigest({
    userId: user.id,
    conversationId: id,
    conversation: documentDigest(conversation),
    messages: messages.map((text) => documentDigest(text)),
  });
  const fileIds = files.map((file) => file.fileId);
  const line = composeBundleLine({
    userEmail: user.email,
    conversation,
    messages,
    fileIds,
    missingFileIds: [],
    branching: { has_branching: false, branch_points: [], missing_parent_ids: [] },
    addition: { key: id, user_id: user.id, conversation_id: id, digest, active_leaf: `${id}-${texts.length - 1}` },
  });
  const counts = {
    messages: texts.length,
    branchPoints: 0,
    orphans: 0,
    empty: texts.length === 0 ? 1 : 0,
    missingFiles: 0,
    repairs: {},
    losses: {},
  };
  return {
    type: 'chat',
    user,
    key: id,
    conversationId: id,
    updatedAt: null,
    line,
    files,
    counts,
    digest,
    toJSON: () => JSON.parse(Buffer.concat(line).toString()) as unknown,
  };
}

/** A source over records, `size` to a batch, whose cursor is the number of records given. */
export function recordsSource(records: readonly LibrechatRecord[], size = 3, bytes = 1000): Source<LibrechatRecord> {
  return {
    role: 'source',
    name: 'records',
    async *read({ cursor }) {
      for (let at = typeof cursor === 'number' ? cursor : 0; at < records.length; at += size) {
        const some = records.slice(at, at + size);
        yield { records: some, cursor: at + some.length, bytes: bytes * some.length } satisfies Batch<LibrechatRecord>;
      }
    },
  };
}

/** Every file below a folder by its path, as a digest of its bytes, or as text for those whose names end so. */
export async function treeOf(folder: string, textEndings: readonly string[] = []): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    const isText = textEndings.some((ending) => path.endsWith(ending));
    tree[path.slice(folder.length + 1)] = isText ? bytes.toString() : hash('sha256', bytes);
  }
  return Object.fromEntries(Object.entries(tree).sort(([a], [b]) => (a < b ? -1 : 1)));
}
