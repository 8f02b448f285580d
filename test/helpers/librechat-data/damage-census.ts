import type { Document } from 'bson';

/**
 * Counts damage by looking at stored documents only, knowing nothing of the generator: the check on its manifest.
 *
 * Messages are grouped by (user, conversationId); documents without a conversationId are counted and left out of the
 * tree counts. Kinds are named as in the manifest.
 */
export function damageCensus(documents: Readonly<Record<string, readonly Document[]>>): Record<string, number> {
  const counts: Record<string, number> = {};
  const add = (kind: string, by = 1): void => {
    if (by > 0) counts[kind] = (counts[kind] ?? 0) + by;
  };
  const messages = documents.messages ?? [];
  const conversations = documents.conversations ?? [];
  const groups = grouped(messages.filter(hasConversation), groupKey);
  const chats = new Set(conversations.filter(hasConversation).map(groupKey));
  const users = new Set((documents.users ?? []).map(({ _id }) => String(_id)));

  for (const [prefix, list] of [
    ['conversation-id', conversations],
    ['message-conversation-id', messages],
  ] as const) {
    for (const document of list) if (!hasConversation(document)) add(`${prefix}-${formOf(document.conversationId)}`);
  }
  for (const [key, group] of groups) {
    if (!chats.has(key)) add('orphan-message', group.length);
    groupCensus(group, add);
  }
  for (const key of chats) if (!groups.has(key)) add('empty-chat');
  for (const same of grouped(conversations.filter(hasConversation), (one) => one.conversationId as string).values()) {
    if (same.length > 1) add('same-id-two-users', same.length);
  }
  for (const { user } of conversations) if (!users.has(user as string)) add('deleted-user');
  for (const message of messages) contentCensus(message, add);
  return counts;
}

type Add = (kind: string, by?: number) => void;

function groupCensus(group: readonly Document[], add: Add): void {
  const byId = new Map<string, Document>();
  for (const [id, copies] of grouped(group, (one) => one.messageId as string)) {
    byId.set(id, copies[0] as Document); // a group has a member
    if (copies.length > 1) add(areAlike(copies) ? 'duplicate-exact' : 'duplicate-conflicting', copies.length - 1);
  }
  const onCycle = cyclesOf(byId);
  add('parent-cycle', onCycle);
  for (const message of byId.values()) {
    const parentId = message.parentMessageId as string | null | undefined;
    if (/_$/u.test(message.messageId)) add('id-trailing-underscores');
    if (message.createdAt === undefined) add('created-at-absent');
    if (!('parentMessageId' in message)) add('root-parent-absent');
    else if (parentId === null) add('root-parent-null');
    else if (parentId === '') add('root-parent-empty');
    else if (parentId === '00000000-0000-4000-8000-000000000000') add('root-parent-claude');
    else if (parentId === message.messageId) add('self-parent');
    else if (parentId !== undefined && !/^0{8}-/u.test(parentId))
      parentCensus(message, parentId, byId, onCycle > 0, add);
  }
}

function parentCensus(
  message: Document,
  parentId: string,
  byId: ReadonlyMap<string, Document>,
  isCyclic: boolean,
  add: Add,
): void {
  const parent = byId.get(parentId);
  if (parent === undefined) {
    add(byId.has(parentId.replace(/_+$/u, '')) ? 'parent-trailing-underscore' : 'missing-parent');
    return;
  }
  if (isCyclic || message.createdAt === undefined) return; // on a cycle somebody is always older than a parent
  const later = (message.createdAt as Date).getTime() - (parent.createdAt as Date).getTime();
  if (later < 0) add('time-before-parent');
  if (later === 0) add('time-equals-parent');
}

/** Cycles of two and more: walks up from each message, marking what was seen. */
function cyclesOf(byId: ReadonlyMap<string, Document>): number {
  const seenFrom = new Map<string, string>();
  let cycles = 0;
  for (const start of byId.keys()) {
    let at = start;
    while (byId.has(at) && !seenFrom.has(at)) {
      seenFrom.set(at, start);
      at = (byId.get(at) as Document).parentMessageId as string;
    }
    const isSelf = byId.get(at)?.parentMessageId === at;
    if (seenFrom.get(at) === start && !isSelf) cycles++;
  }
  return cycles;
}

function contentCensus(message: Document, add: Add): void {
  const content = Array.isArray(message.content) ? (message.content as (Document | null)[]) : [];
  if (content.includes(null)) add('content-null-holes');
  const text = message.text as string;
  if (text.includes('\0')) add('nul-character');
  if (text.includes('\ufffd')) add('replacement-character');
  if (text.includes('\u2028')) add('odd-characters');
  if (text.length > 10 && content.length === 1 && content[0]?.text === text && !text.includes('\0'))
    add('text-copies-content');
}

function grouped(documents: readonly Document[], key: (document: Document) => string): Map<string, Document[]> {
  const groups = new Map<string, Document[]>();
  for (const document of documents) {
    const group = groups.get(key(document));
    if (group === undefined) groups.set(key(document), [document]);
    else group.push(document);
  }
  return groups;
}

function hasConversation({ conversationId }: Document): boolean {
  return typeof conversationId === 'string' && conversationId !== '';
}

function formOf(conversationId: unknown): string {
  if (conversationId === undefined) return 'absent';
  return conversationId === null ? 'null' : 'empty';
}

function groupKey({ user, conversationId }: Document): string {
  return `${user}/${conversationId}`;
}

function areAlike(copies: readonly Document[]): boolean {
  const [first, ...rest] = copies.map(({ _id, ...fields }) => JSON.stringify(fields));
  return rest.every((other) => other === first);
}
