import { composeBundleLine } from '../formats/bundle-line.ts';
import { chatDigest, documentDigest } from '../formats/chat-digest.ts';
import { idText, listOf, timeOf, timeText, type Document } from '../models/extended-json.ts';
import type { LibrechatChatRecord, LibrechatUserRef } from '../models/librechat-chat.ts';
import type { LibrechatChat } from '../models/librechat.ts';
import { treeOf } from '../tree/conversation-tree.ts';
import { repairTree } from '../tree/repair-tree.ts';
import { compareNodes } from '../tree/tree-node.ts';
import { librechatChatFiles } from './librechat-chat-files.ts';
import { withoutSecretsInText } from './librechat-clean-text.ts';
import { wholeDocument, type ScannedDocument } from './librechat-thin.ts';
import { chatRepairs, contentOf, holdsAll, nodeOf } from './librechat-to-conversation.ts';

/**
 * Makes the record for a bundle of a LibreChat chat: every document as the database has it, secrets left out, and beside them
 * what the messages' tree is and what is wrong with it.
 *
 * Messages need only the fields that {@link thinMessage} reads; `scannedOf` gives what is known of each document. All messages
 * are in it, duplicates too, by their time. The findings are those of `librechatToConversation`.
 */
export function librechatToBundle(
  chat: LibrechatChat,
  scannedOf: (document: Document) => ScannedDocument,
): LibrechatChatRecord {
  const { userId, conversationId, user, conversation, copies = [], messages, files } = chat;
  let secrets = 0;
  const clean = (document: Document, kind: 'message' | 'other'): CleanText =>
    cleanText(scannedOf(document), kind, () => (secrets += 1));
  const nodes = messages
    .map((document) => nodeOf(document, () => contentOf(wholeDocument(scannedOf(document).text))))
    .sort(compareNodes);
  const tree = repairTree(nodes);
  const placed = tree.nodes.map(({ id, parentId }) => ({ id, parentId }));
  const shape = treeOf(placed, { missingParentIds: tree.missingParents });
  const named = (listOf(conversation?.['files']) ?? []).filter((id) => typeof id === 'string');
  const found = librechatChatFiles(
    { files, messages: tree.nodes.map(({ node }) => node.document), named, ownerId: userId },
    (document) => clean(document, 'other').text,
  );
  const repairs: { kind: string; messageId?: string | undefined }[] = [
    ...chatRepairs(chat),
    ...tree.repairs,
    ...tree.nodes
      .filter(({ node }) => hasHoles(node.document))
      .map(({ id }) => ({ kind: 'content-holes', messageId: id })),
    ...(holdsAll(listOf(conversation?.['messages']), messages) ? [] : [{ kind: 'message-list-differs' }]),
    ...found.repairs,
  ];

  const cleanConversation = conversation === null ? null : clean(conversation, 'other');
  const cleanCopies = copies.map((copy) => clean(copy, 'other'));
  const cleanMessages = nodes.map(({ document }) => clean(document, 'message'));
  const digest = chatDigest({
    userId,
    conversationId,
    conversation: cleanConversation?.digest ?? null,
    copies: cleanCopies.map((copy) => copy.digest),
    messages: cleanMessages.map((message) => message.digest),
  });
  const owner = librechatUserRef(userId, user);
  const key = keyOf(conversationId, conversation);
  const line = composeBundleLine({
    userEmail: owner.email,
    conversation: cleanConversation?.text ?? null,
    copies: cleanCopies.map(({ text }) => text),
    messages: cleanMessages.map(({ text }) => text),
    fileIds: found.fileIds,
    missingFileIds: found.missingIds,
    branching: {
      has_branching: shape.hasBranching,
      branch_points: shape.branchPoints,
      missing_parent_ids: shape.missingParentIds,
    },
    addition: {
      form: 'documents',
      key,
      user_id: userId,
      conversation_id: conversationId,
      digest,
      active_leaf: shape.activeLeaf,
      roots: shape.roots.length,
      leaves: shape.leaves.length,
      depth: shape.depth,
      ...(conversation === null && { orphan: true }),
      ...(repairs.length > 0 && { repairs: repairs.map(({ kind, messageId }) => ({ kind, messageId })) }),
    },
  });
  return {
    type: 'chat',
    user: owner,
    key,
    conversationId,
    updatedAt: savedAt(conversation === null ? messages : [conversation, ...messages]),
    line,
    files: found.refs,
    counts: {
      messages: messages.length,
      branchPoints: shape.branchPoints.length,
      orphans: conversation === null ? 1 : 0,
      empty: messages.length === 0 ? 1 : 0,
      missingFiles: found.missingIds.length,
      repairs: byKind(repairs),
      losses: secrets > 0 ? { secret: secrets } : {},
    },
    digest,
    toJSON: () => JSON.parse(Buffer.concat(line).toString()) as unknown,
  };
}

/** Whose a record is. */
export function librechatUserRef(userId: string, user: Document | null): LibrechatUserRef {
  const { email, name } = user ?? {};
  return { id: userId, email: typeof email === 'string' ? email : null, ...(typeof name === 'string' && { name }) };
}

/** Chats without an id come before all others of their owner: no id begins with this. */
const beforeAll = '\u0001';

/** What a chat is known and ordered by: its id; without one, what the database calls its conversation. */
function keyOf(conversationId: string | null, conversation: Document | null): string {
  return conversationId ?? `${beforeAll}${idText(conversation?.['_id']) ?? 'without-conversation'}`;
}

interface CleanText {
  readonly text: Buffer;
  readonly digest: string;
}

/** A document's text without secrets, and its digest. */
function cleanText(
  { text, digest, mayHoldSecret }: ScannedDocument,
  kind: 'message' | 'other',
  found: () => void,
): CleanText {
  if (!mayHoldSecret) return { text, digest };
  const clean = withoutSecretsInText(text, kind, found);
  return clean === text ? { text, digest } : { text: clean, digest: documentDigest(clean) };
}

function hasHoles({ content }: Document): boolean {
  return listOf(content)?.includes(null) === true;
}

/** When the last of some documents was saved. */
function savedAt(documents: readonly Document[]): string | null {
  let latest = Number.NEGATIVE_INFINITY;
  for (const { updatedAt } of documents) latest = Math.max(latest, timeOf(updatedAt) ?? latest);
  const text = timeText(documents.find(({ updatedAt }) => timeOf(updatedAt) === latest)?.['updatedAt']);
  return text ?? null;
}

function byKind(repairs: readonly { readonly kind: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of repairs) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
