import { composeBundleLine, type BundleLineParts } from '../formats/bundle-line.ts';
import { chatDigest, documentDigest } from '../formats/chat-digest.ts';
import { idText, listOf, timeOf, timeText, type Document } from '../models/extended-json.ts';
import type { LibrechatChatRecord, LibrechatUserRef } from '../models/librechat-chat.ts';
import type { LibrechatChat } from '../models/librechat.ts';
import { treeOf } from '../tree/conversation-tree.ts';
import { repairTree, type RepairedNode } from '../tree/repair-tree.ts';
import { compareNodes } from '../tree/tree-node.ts';
import { librechatChatFiles } from './librechat-chat-files.ts';
import { withoutSecretsInText } from './librechat-clean-text.ts';
import { scannedDocument, wholeDocument, type ScannedDocument } from './librechat-thin.ts';
import { chatRepairs, contentOf, holdsAll, nodeOf, type MessageNode } from './librechat-to-conversation.ts';

/** Makes the pieces of a line: see `composeBundleLine`. */
export type ComposeLine = (parts: BundleLineParts) => readonly Uint8Array[];

/**
 * Makes the record for a bundle of a LibreChat chat: every document as the database has it, secrets left out, and beside them
 * what the messages' tree is and what is wrong with it.
 *
 * Messages need only the fields that {@link thinMessage} reads; `scanned` has what is known of each document. All messages are in
 * it, duplicates too, by their time. The findings are those of `librechatToConversation`. `compose` puts the line
 * together.
 */
export function librechatToBundle(
  chat: LibrechatChat,
  scanned: ReadonlyMap<Document, ScannedDocument>,
  compose: ComposeLine = composeBundleLine,
): LibrechatChatRecord {
  const { userId, conversationId, user, conversation, copies = [], messages, files } = chat;
  const cleaner = new Cleaner(scanned);
  const nodes: MessageNode[] = [];
  for (const document of messages)
    nodes.push(nodeOf(document, () => contentOf(wholeDocument(cleaner.scannedOf(document).text))));
  nodes.sort(compareNodes);
  const tree = repairTree(nodes);
  const shape = treeOf(tree.nodes, { missingParentIds: tree.missingParents });
  const named = (listOf(conversation?.['files']) ?? []).filter((id) => typeof id === 'string');
  const found = librechatChatFiles(
    { files, messages: tree.nodes.map(documentOf), named, ownerId: userId },
    (document) => cleaner.clean(document, 'other').text,
  );
  const repairs: { kind: string; messageId?: string | undefined }[] = [
    ...chatRepairs(chat),
    ...tree.repairs,
    ...tree.nodes.filter(hasHoles).map(({ id }) => ({ kind: 'content-holes', messageId: id })),
    ...(holdsAll(listOf(conversation?.['messages']), messages) ? [] : [{ kind: 'message-list-differs' }]),
    ...found.repairs,
  ];

  const cleanConversation = conversation === null ? null : cleaner.clean(conversation, 'other');
  const cleanCopies = copies.map((copy) => cleaner.clean(copy, 'other'));
  const [texts, digests]: [Buffer[], string[]] = [[], []];
  for (const { document } of nodes) {
    const { text, digest: own } = cleaner.clean(document, 'message');
    texts.push(text);
    digests.push(own);
  }
  const digest = chatDigest({
    userId,
    conversationId,
    conversation: cleanConversation?.digest ?? null,
    copies: cleanCopies.map((copy) => copy.digest),
    messages: digests,
  });
  const owner = librechatUserRef(userId, user);
  const key = keyOf(conversationId, conversation);
  const line = compose({
    userEmail: owner.email,
    conversation: cleanConversation?.text ?? null,
    copies: cleanCopies.map(({ text }) => text),
    messages: texts,
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
      losses: cleaner.secrets > 0 ? { secret: cleaner.secrets } : {},
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

/** Gives documents' texts without secrets, and counts what is left out. */
class Cleaner {
  secrets = 0;
  readonly #scanned: ReadonlyMap<Document, ScannedDocument>;

  constructor(scanned: ReadonlyMap<Document, ScannedDocument>) {
    this.#scanned = scanned;
  }

  scannedOf(document: Document): ScannedDocument {
    return this.#scanned.get(document) ?? scannedDocument(Buffer.from(JSON.stringify(document)));
  }

  /** A document's text, and its digest. */
  clean(document: Document, kind: 'message' | 'other'): Pick<ScannedDocument, 'text' | 'digest'> {
    const known = this.scannedOf(document);
    if (!known.mayHoldSecret) return known;
    const text = withoutSecretsInText(known.text, kind, () => (this.secrets += 1));
    return text === known.text ? known : { text, digest: documentDigest(text) };
  }
}

function documentOf({ node }: RepairedNode<MessageNode>): Document {
  return node.document;
}

function hasHoles({ node: { document } }: RepairedNode<MessageNode>): boolean {
  return listOf(document['content'])?.includes(null) === true;
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
