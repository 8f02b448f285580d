import { decodeKey } from '../spill/key-bytes.ts';
import type { Group } from '../spill/external-group.ts';
import type { Document } from '../models/extended-json.ts';
import { documentIdOf } from './document-keys.ts';
import type { AwaitedChats, JoinedUser } from './joined.ts';
import { relatedCollections, type RelatedCollection } from './librechat-input.ts';

/** What an entry in the group of chats is. */
export const conversationTag = 0;
export const messageTag = 1;
export const fileTag = 2;
export const userTag = 3;
/** Messages that are read later: the entry is how many, in four bytes. */
export const awaitedTag = 4;
/** The first of the related collections; the others follow. */
export const relatedTag = 5;
/** Related collections in the order of their tags. */
export const relatedNames = Object.keys(relatedCollections) as RelatedCollection[];

/** A group by its key; nothing when only files say that there was such a conversation. */
export function joinedGroup(
  { key, members }: Group,
  users: ReadonlyMap<string, Document>,
): JoinedUser | AwaitedChats | undefined {
  const texts = (wanted: number): Buffer[] => members.filter(({ tag }) => tag === wanted).map(({ text }) => text);
  const [user, conversation] = decodeKey(key);
  const userId = typeof user === 'string' ? user : '';
  const common = {
    key,
    bytes: members.reduce((sum, { tag, text }) => (tag === awaitedTag ? sum : sum + text.length), 0),
    userId,
    user: users.get(userId) ?? null,
    // In one order, however the documents were found.
    files: byRecordId(texts(fileTag)),
  };
  if (conversation === undefined) {
    const related = relatedNames.map((name, place) => ({
      name: relatedCollections[name].name,
      texts: byRecordId(texts(relatedTag + place)),
    }));
    return {
      kind: 'user',
      ...common,
      document: texts(userTag)[0],
      related: related.filter(({ texts: some }) => some.length > 0),
    };
  }
  const conversations = byRecordId(texts(conversationTag));
  const messages = texts(messageTag);
  const awaited = texts(awaitedTag).reduce((sum, count) => sum + count.readUInt32LE(), 0);
  if (conversations.length + messages.length + awaited === 0) return undefined;
  const conversationId = typeof conversation === 'string' ? conversation : null;
  return { kind: 'chats', ...common, conversationId, conversations, messages, awaited };
}

function byRecordId(texts: readonly Buffer[]): readonly Buffer[] {
  if (texts.length < 2) return texts;
  const keyed = texts.map((text) => ({ text, id: documentIdOf(text, '_id') ?? '' }));
  return keyed
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : Buffer.compare(a.text, b.text)))
    .map(({ text }) => text);
}
