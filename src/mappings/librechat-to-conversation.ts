import { canonicalJson } from '../canonical-json.ts';
import type { Json } from '../json.ts';
import {
  CONVERSATION_SCHEMA,
  type Conversation,
  type ConversationRepair,
  type ConversationSource,
  type Settings,
} from '../models/conversation.ts';
import { DocumentReader } from '../models/document-reader.ts';
import { idText, listOf, numberOf, timeOf, timeOfObjectId, type Document } from '../models/extended-json.ts';
import { isRootMarker, isTemporary, librechatSettings, type LibrechatChat } from '../models/librechat.ts';
import { treeOf } from '../tree/conversation-tree.ts';
import { repairTree, type RepairedTree } from '../tree/repair-tree.ts';
import type { TreeNode } from '../tree/tree-node.ts';
import { FileList } from './librechat-file-list.ts';
import { isFromUser, librechatToMessage } from './librechat-message.ts';
import type { PartExtra } from './librechat-part-marks.ts';
import { isBookkeeping, withoutSecrets } from './librechat-secrets.ts';
import { librechatOwner } from './librechat-user.ts';
import type { Loss } from './loss.ts';

/** A message document as the tree's repair looks at it. */
export interface MessageNode extends TreeNode {
  readonly document: Document;
}

/**
 * Makes the canonical conversation of a LibreChat chat, whatever state it is in.
 *
 * The tree is mended (each repair is on the record), every field that has no place in the record is kept verbatim in
 * `source.extra`, and secrets are left out and listed as losses. Takes documents as relaxed or canonical Extended JSON or
 * with plain values; ids and dates are decoded only in fields that hold them, never in what users and models wrote.
 */
export function librechatToConversation(chat: LibrechatChat): {
  readonly conversation: Conversation;
  readonly losses: readonly Loss[];
} {
  const losses: Loss[] = [];
  const clean = (value: Json, place: string): Json =>
    withoutSecrets(value, (path) => losses.push({ kind: 'secret', detail: path === '' ? place : `${place}.${path}` }));
  const { conversationId, userId, user, copies = [] } = chat;
  const document = chat.conversation ?? {};
  const reader = new DocumentReader(document);
  const files = new FileList(chat.files, userId, clean);
  const tree = repairTree(chat.messages.map((message) => nodeOf(message)));
  const repairs: ConversationRepair[] = [...chatRepairs(chat), ...(tree.repairs as ConversationRepair[])];

  const messages = tree.nodes.map(({ node, id, parentId }) => {
    const inferredTime =
      node.isTimeInferred === true && node.time !== undefined ? new Date(node.time).toISOString() : undefined;
    const message = librechatToMessage(
      node.document,
      { id, parentId, inferredTime, userId },
      { messageId: id, conversationId, files, clean },
    );
    const holes = message.source?.extra?.['contentHoles'];
    if (Array.isArray(holes))
      repairs.push({ kind: 'content-holes', messageId: id, detail: `${holes.length} empty places` });
    return message;
  });

  const recordId = reader.id('_id');
  const id = conversationId ?? recordId ?? 'without-conversation';
  const createdAt = reader.time('createdAt') ?? null;
  const updatedAt = reader.time('updatedAt') ?? null;
  const archivedAt = reader.time('archivedAt');
  const expiresAt = reader.time('expiredAt');
  const projectId = reader.id('chatProjectId');
  reader.mark('conversationId', (document['conversationId'] ?? null) === conversationId);
  reader.mark('user', (idText(document['user']) ?? '') === userId);
  reader.mark('isTemporary', typeof document['isTemporary'] === 'boolean');
  const title = reader.text('title') ?? null;
  const archived = reader.flag('isArchived') === true;
  const pinned = reader.flag('pinned') === true;
  const tags = textsOf(reader, 'tags');
  const named = textsOf(reader, 'files');
  const settings = settingsOf(reader, clean);
  const isHintSound = holdsAll(listOf(document['messages']), chat.messages);
  reader.mark('messages', isHintSound);
  if (!isHintSound)
    repairs.push({ kind: 'message-list-differs', detail: "the conversation's own list of messages is not theirs" });
  const fileRecords = files.finish(named);
  for (const repair of files.repairs) repairs.push(repair);

  const conversation: Conversation = {
    schema: CONVERSATION_SCHEMA,
    id,
    key: `librechat:${userId}:${id}`,
    owner: librechatOwner(userId, user),
    title,
    createdAt,
    updatedAt,
    archived,
    ...(archivedAt !== undefined && { archivedAt }),
    pinned,
    temporary: isTemporary(document),
    ...(expiresAt !== undefined && { expiresAt }),
    tags,
    project: projectId === undefined ? null : { id: projectId },
    settings,
    messages,
    tree: treeOf(messages, { repairs, missingParentIds: tree.missingParents }),
    files: fileRecords,
    source: sourceOf(reader, recordId, { chat, tree, others: [...copies, ...files.dropped], clean }),
  };
  return { conversation, losses };
}

/** What the tree's repair has to know of a message. */
export function nodeOf(document: Document, content = (): string => contentOf(document)): MessageNode {
  const recordId = idText(document['_id']);
  const id = idText(document['messageId']);
  const parentId = idText(document['parentMessageId']);
  const stored = timeOf(document['createdAt']);
  return {
    document,
    id: id === undefined || id === '' ? null : id,
    parentId: isRootMarker(parentId) ? null : (parentId ?? null),
    time: stored ?? timeOfObjectId(recordId),
    isTimeInferred: stored === undefined,
    order: recordId,
    role: isFromUser(document) ? 'user' : 'assistant',
    isUnfinished: document['unfinished'] === true,
    updated: timeOf(document['updatedAt']),
    content,
  };
}

/** Two documents of one id are the same when they differ in the database's own id only. */
export function contentOf({ _id: _, ...rest }: Document): string {
  return canonicalJson(rest);
}

/** What was wrong with the chat around its messages. */
export function chatRepairs({
  conversation,
  conversationId,
  user,
  userId,
  copies = [],
}: LibrechatChat): ConversationRepair[] {
  const repairs: ConversationRepair[] = [];
  if (conversation === null)
    repairs.push({ kind: 'conversation-missing', detail: 'messages without their conversation' });
  if (conversationId === null) repairs.push({ kind: 'conversation-id-absent' });
  if (user === null)
    repairs.push({
      kind: 'owner-missing',
      detail: userId === '' ? 'the documents name no owner' : `no account ${userId}`,
    });
  for (const copy of copies)
    repairs.push({ kind: 'conversation-duplicate', detail: `dropped ${idText(copy['_id']) ?? ''}` });
  return repairs;
}

/** A list of texts, read only when it is nothing else. */
function textsOf(reader: DocumentReader, name: string): readonly string[] {
  const list = listOf(reader.document[name]);
  if (list === undefined) {
    reader.mark(name, reader.document[name] === null);
    return [];
  }
  const texts = list.filter((value) => typeof value === 'string');
  reader.mark(name, texts.length === list.length);
  return texts;
}

function settingsOf(reader: DocumentReader, clean: (value: Json, place: string) => Json): Settings {
  const endpoint = reader.text('endpoint');
  const model = reader.text('model');
  const agentId = reader.text('agent_id');
  const systemPrompt = reader.text('promptPrefix');
  let parameters: { [name: string]: Json } | undefined;
  for (const [name, value] of Object.entries(reader.document)) {
    if (!librechatSettings.has(name)) continue;
    reader.mark(name);
    if (value === undefined || value === null) continue;
    parameters ??= {};
    parameters[name] = numberOf(value) ?? value;
  }
  return {
    ...(endpoint !== undefined && { endpoint }),
    ...(model !== undefined && { model }),
    ...(agentId !== undefined && { agentId }),
    ...(systemPrompt !== undefined && { systemPrompt }),
    ...(parameters !== undefined && { parameters: clean(parameters, 'conversations') as PartExtra }),
  };
}

/**
 * Whether the conversation's own list names every message and nothing else. It is a hint only: forks carry their original's
 * list, and rows whose write failed are not in it.
 */
export function holdsAll(list: readonly Json[] | undefined, messages: readonly Document[]): boolean {
  if (list === undefined) return true;
  const listed = new Set<string | undefined>();
  for (const id of list) listed.add(idText(id));
  const own = new Set<string | undefined>();
  const named = new Set<Json | undefined>();
  for (const message of messages) {
    const id = idText(message['_id']);
    own.add(id);
    if (listed.has(id)) named.add(message['messageId']);
  }
  for (const id of listed) if (!own.has(id)) return false;
  for (const message of messages) if (!named.has(message['messageId'])) return false;
  return true;
}

interface SourceParts {
  readonly chat: LibrechatChat;
  readonly tree: RepairedTree<MessageNode>;
  /** Documents other than messages that gave way. */
  readonly others: readonly Document[];
  readonly clean: (value: Json, place: string) => Json;
}

function sourceOf(
  reader: DocumentReader,
  recordId: string | undefined,
  { chat, tree, others, clean }: SourceParts,
): ConversationSource {
  const lost = tree.dropped.filter(({ kind }) => kind === 'duplicate-conflicting').map(({ node }) => node.document);
  const dropped = [...lost, ...others].map((document) => clean(document as Json, 'dropped'));
  const extra = reader.rest(isBookkeeping);
  return {
    system: 'librechat',
    ...(recordId !== undefined && { recordId }),
    ...(chat.conversation === null && { orphan: true as const }),
    ...(dropped.length > 0 && { dropped }),
    ...(extra !== undefined && { extra: clean(extra, 'conversations') as PartExtra }),
  };
}
