import type { LibrechatChat } from '../models/librechat.ts';
import { isTemporary } from '../models/librechat.ts';
import { librechatChats } from '../mappings/librechat-chats.ts';
import {
  scannedDocument,
  thinConversation,
  thinMessage,
  wholeDocument,
  type ScannedDocument,
} from '../mappings/librechat-thin.ts';
import { librechatToBundle, type ComposeLine } from '../mappings/librechat-to-bundle.ts';
import { librechatToConversation } from '../mappings/librechat-to-conversation.ts';
import type { Loss } from '../mappings/loss.ts';
import type { Conversation } from '../models/conversation.ts';
import { timeOf, type Document } from '../models/extended-json.ts';
import type { LibrechatChatRecord } from '../models/librechat-chat.ts';
import type { JoinedChats } from './joined.ts';

/** Which chats are wanted. */
export interface ChatChoice {
  readonly since?: string | undefined;
  readonly includeArchived: boolean;
  readonly includeTemporary: boolean;
}

/** Records of one owner and conversation id: one as a rule. `filtered`: how many chats were not wanted. */
export interface ChatRecords<T> {
  readonly records: readonly T[];
  readonly filtered: number;
}

/**
 * Makes the records for a bundle of documents that belong together: only what they need is decoded. `compose` as for
 * `librechatToBundle`.
 */
export function bundleRecords(
  joined: JoinedChats,
  choice: ChatChoice,
  compose?: ComposeLine,
): ChatRecords<LibrechatChatRecord> {
  const scanned = new Map<Document, ScannedDocument>();
  const chats = librechatChats({
    ...joined,
    conversations: scan(joined.conversations, thinConversation, scanned),
    messages: scan(joined.messages, thinMessage, scanned),
    files: scan(joined.files, scannedDocument, scanned),
  });
  const records: LibrechatChatRecord[] = [];
  for (const chat of chats) if (isWanted(chat, choice)) records.push(librechatToBundle(chat, scanned, compose));
  if (records.length > 1) records.sort((a, b) => (a.key < b.key ? -1 : 1));
  return { records, filtered: chats.length - records.length };
}

/** The documents of texts; what is known of each is put to what was scanned. */
function scan(
  texts: readonly Buffer[],
  scanText: (text: Buffer) => ScannedDocument,
  scanned: Map<Document, ScannedDocument>,
): Document[] {
  const documents: Document[] = [];
  for (const text of texts) {
    const one = scanText(text);
    scanned.set(one.document, one);
    documents.push(one.document);
  }
  return documents;
}

/** A conversation, and what it could not take with it. */
export interface MadeConversation {
  readonly conversation: Conversation;
  readonly losses: readonly Loss[];
}

/** Makes the canonical conversations of documents that belong together. */
export function conversationRecords(
  joined: JoinedChats,
  choice: ChatChoice,
  projects: ReadonlyMap<string, string>,
): ChatRecords<MadeConversation> {
  const documents = (texts: readonly Buffer[]): Document[] => texts.map(wholeDocument);
  const chats = librechatChats({
    ...joined,
    conversations: documents(joined.conversations),
    messages: documents(joined.messages),
    files: documents(joined.files),
  });
  const wanted = chats.filter((chat) => isWanted(chat, choice));
  const records = wanted.map((chat) => {
    const { conversation, losses } = librechatToConversation(chat);
    return { conversation: withProjectName(conversation, projects), losses };
  });
  return { records, filtered: chats.length - wanted.length };
}

function withProjectName(conversation: Conversation, projects: ReadonlyMap<string, string>): Conversation {
  const { project } = conversation;
  const name = project === null ? undefined : projects.get(project.id);
  return project === null || name === undefined ? conversation : { ...conversation, project: { ...project, name } };
}

function isWanted(
  { conversation, messages }: LibrechatChat,
  { since, includeArchived, includeTemporary }: ChatChoice,
): boolean {
  if (!includeArchived && conversation?.['isArchived'] === true) return false;
  if (!includeTemporary && conversation !== null && isTemporary(conversation)) return false;
  if (since === undefined) return true;
  const from = Date.parse(since);
  return [conversation, ...messages].some((document) => (timeOf(document?.['updatedAt']) ?? 0) >= from);
}
