import { idText, listOf, timeNumber, timeText, type Document } from '../models/extended-json.ts';
import type { LibrechatChat } from '../models/librechat.ts';

/** Documents of one owner and one conversation id, as a join brings them together. */
export interface LibrechatGroup {
  readonly userId: string;
  readonly conversationId: string | null;
  readonly user: Document | null;
  readonly conversations: readonly Document[];
  readonly messages: readonly Document[];
  readonly files: readonly Document[];
}

/** What groups documents into a conversation: the owner's id, and the conversation's (absent, null and empty are one). */
export function librechatGroupOf(document: Document): {
  readonly userId: string;
  readonly conversationId: string | null;
} {
  const conversationId = idText(document['conversationId']);
  const userId = idText(document['user']) ?? '';
  return { userId, conversationId: conversationId === undefined || conversationId === '' ? null : conversationId };
}

/**
 * The chats of a group: one as a rule.
 *
 * Of several conversation documents with one id the one saved last counts. Where documents have no conversation id, each
 * conversation takes the messages its own list names, and what is left makes a chat without a conversation.
 */
export function librechatChats(group: LibrechatGroup): LibrechatChat[] {
  const { conversations, messages, userId, conversationId, user, files } = group;
  const chat = { userId, conversationId, user, files };
  if (conversationId !== null || conversations.length === 0) {
    const [conversation = null, ...copies] = [...conversations].sort(newestFirst);
    return [{ ...chat, conversation, ...(copies.length > 0 && { copies }), messages }];
  }
  const owners = new Map<string, Document>();
  for (const conversation of [...conversations].sort(newestFirst)) {
    for (const id of listOf(conversation['messages']) ?? []) owners.set(idText(id) ?? '', conversation);
  }
  const shares = new Map<Document | null, Document[]>(conversations.map((conversation) => [conversation, []]));
  for (const message of messages) {
    const owner = owners.get(idText(message['_id']) ?? '') ?? null;
    const share = shares.get(owner);
    if (share === undefined) shares.set(owner, [message]);
    else share.push(message);
  }
  return [...shares].map(([conversation, share]) => ({
    ...chat,
    conversation,
    messages: share,
    files: filesOf(files, conversation, share),
  }));
}

/** Chats without an id share a group, not their files. */
function filesOf(
  files: readonly Document[],
  conversation: Document | null,
  messages: readonly Document[],
): readonly Document[] {
  const named = new Set<string>();
  for (const document of conversation === null ? messages : [conversation, ...messages])
    for (const id of librechatFileIds(document)) named.add(id);
  return files.filter((file) => named.has(idText(file['file_id']) ?? ''));
}

function newestFirst(a: Document, b: Document): number {
  const saved = (document: Document): number => timeNumber(timeText(document['updatedAt'])) ?? 0;
  const byTime = saved(b) - saved(a);
  if (byTime !== 0) return byTime;
  return (idText(a['_id']) ?? '') < (idText(b['_id']) ?? '') ? 1 : -1;
}

/** Ids of the files that a message or a conversation names: uploads, attachments, images in the content. */
export function librechatFileIds(document: Document): string[] {
  const ids: string[] = [];
  const add = (value: unknown): void => {
    if (typeof value === 'string') ids.push(value);
  };
  for (const field of ['files', 'attachments', 'content']) {
    for (const entry of listOf(document[field]) ?? []) {
      // A conversation lists ids, a message lists snapshots and parts.
      if (typeof entry !== 'object' || entry === null) {
        if (field === 'files') add(entry);
        continue;
      }
      const part = entry as Document;
      add(part['file_id']);
      const image = part['image_file'];
      if (typeof image === 'object' && image !== null) add((image as Document)['file_id']);
    }
  }
  return ids;
}
