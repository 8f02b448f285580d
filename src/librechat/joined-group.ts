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
  const [user, conversation] = decodeKey(key);
  const userId = typeof user === 'string' ? user : '';
  const common = {
    key,
    bytes: bytesOf(members),
    userId,
    user: users.get(userId) ?? null,
    // In one order, however the documents were found.
    files: byRecordId(textsOf(members, fileTag)),
  };
  if (conversation === undefined) {
    const related = relatedNames.map((name, place) => ({
      name: relatedCollections[name].name,
      texts: byRecordId(textsOf(members, relatedTag + place)),
    }));
    return {
      kind: 'user',
      ...common,
      document: textsOf(members, userTag)[0],
      related: related.filter(({ texts: some }) => some.length > 0),
    };
  }
  const conversations = byRecordId(textsOf(members, conversationTag));
  const messages = textsOf(members, messageTag);
  let awaited = 0;
  for (const count of textsOf(members, awaitedTag)) awaited += count.readUInt32LE();
  if (conversations.length + messages.length + awaited === 0) return undefined;
  const conversationId = typeof conversation === 'string' ? conversation : null;
  return { kind: 'chats', ...common, conversationId, conversations, messages, awaited };
}

function textsOf(members: Group['members'], wanted: number): Buffer[] {
  const texts: Buffer[] = [];
  for (const { tag, text } of members) if (tag === wanted) texts.push(text);
  return texts;
}

/** Bytes of the documents. */
function bytesOf(members: Group['members']): number {
  let bytes = 0;
  for (const { tag, text } of members) if (tag !== awaitedTag) bytes += text.length;
  return bytes;
}

function byRecordId(texts: readonly Buffer[]): readonly Buffer[] {
  if (texts.length < 2) return texts;
  return texts.map(withId).sort(compareIds).map(textOf);
}

interface TextWithId {
  readonly text: Buffer;
  readonly id: string;
}

function withId(text: Buffer): TextWithId {
  return { text, id: documentIdOf(text, '_id') ?? '' };
}

function compareIds(a: TextWithId, b: TextWithId): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : Buffer.compare(a.text, b.text);
}

function textOf({ text }: TextWithId): Buffer {
  return text;
}
