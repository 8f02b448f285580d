import { composeBundleLine } from '../formats/bundle-line.ts';
import { chatDigest, documentDigest } from '../formats/chat-digest.ts';
import type { Part } from '../models/conversation-parts.ts';
import type { Conversation, FileRecord, Message } from '../models/conversation.ts';
import type { LibrechatChatRecord, LibrechatFileRef } from '../models/librechat-chat.ts';
import { linkOf } from './librechat-chat-files.ts';

/** What LibreChat writes as the parent of a first message. */
const NO_PARENT = '00000000-0000-0000-0000-000000000000';

/**
 * A conversation of any source as a chat for a bundle.
 *
 * Its documents have LibreChat's names for what those who read bundles look at, and the conversation itself under
 * `threadmill`: reading the bundle gives the same conversation back (see `bundleToConversation`).
 */
export function conversationToBundle(record: Conversation): LibrechatChatRecord {
  const { messages, ...rest } = record;
  const { id, key, owner, title, createdAt, updatedAt, archived, tags, settings, tree, files, source } = rest;
  const conversation = textOf({
    conversationId: id,
    user: owner.id,
    title,
    endpoint: settings.endpoint ?? null,
    model: settings.model,
    isArchived: archived,
    tags,
    createdAt,
    updatedAt,
    threadmill: rest,
  });
  const texts = messages.map((message) => textOf(messageDocument(message, id)));
  const digest = chatDigest({
    userId: owner.id,
    conversationId: id,
    conversation: documentDigest(conversation),
    messages: texts.map((text) => documentDigest(text)),
  });
  const missing = files.filter(({ fromMessage }) => fromMessage === true).map((file) => file.id);
  const { hasBranching, branchPoints, missingParentIds, activeLeaf, repairs } = tree;
  const line = composeBundleLine({
    userEmail: owner.email ?? null,
    conversation,
    messages: texts,
    fileIds: files.map((file) => file.id),
    missingFileIds: missing,
    branching: { has_branching: hasBranching, branch_points: branchPoints, missing_parent_ids: missingParentIds },
    addition: { form: 'conversation', key, user_id: owner.id, conversation_id: id, digest, active_leaf: activeLeaf },
  });
  return {
    type: 'chat',
    user: { id: owner.id, email: owner.email ?? null, name: owner.name },
    key,
    conversationId: id,
    updatedAt,
    line,
    files: files.map(fileRef),
    counts: {
      messages: messages.length,
      branchPoints: branchPoints.length,
      orphans: source.orphan === true ? 1 : 0,
      empty: messages.length === 0 ? 1 : 0,
      missingFiles: missing.length,
      repairs: byKind(repairs),
      losses: {},
    },
    digest,
    toJSON: () => JSON.parse(Buffer.concat(line).toString()) as unknown,
  };
}

function messageDocument(message: Message, conversationId: string): object {
  const { id, parentId, role, name, createdAt, parts, model, unfinished, failed, ...rest } = message;
  const text = parts
    .map(shownText)
    .filter((shown) => shown !== '')
    .join('\n\n');
  // A message that is its text and nothing else is kept once.
  const isPlain =
    parts.length === 1 && parts[0] !== undefined && parts[0].type === 'text' && Object.keys(parts[0]).length === 2;
  return {
    messageId: id,
    parentMessageId: parentId ?? NO_PARENT,
    conversationId,
    isCreatedByUser: role === 'user',
    sender: name,
    text,
    createdAt,
    model,
    unfinished,
    error: failed,
    threadmill: { id, parentId, role, ...(isPlain ? {} : { parts }), ...rest },
  };
}

/** What a reader is shown of a part. */
function shownText(part: Part): string {
  switch (part.type) {
    case 'text':
    case 'error':
      return part.text;
    default:
      return '';
  }
}

function fileRef(file: FileRecord): LibrechatFileRef {
  const { id, name, mediaType, bytes, storage, url, text, width, height, createdAt, paths = [], unavailable } = file;
  const metadata = {
    file_id: id,
    filename: name,
    filepath: url,
    type: mediaType,
    bytes,
    source: storage,
    width,
    height,
    text,
    createdAt,
  };
  return {
    key: id,
    fileId: id,
    name: name ?? null,
    storage: storage ?? null,
    paths,
    unavailable,
    ...linkOf(storage, url),
    metadata: textOf(metadata),
  };
}

function byKind(repairs: readonly { readonly kind: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of repairs) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function textOf(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
