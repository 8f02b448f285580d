import { chatDigest, documentDigest } from './chat-digest.ts';
import { jsonElements, jsonMember, jsonMembers, jsonValue, type JsonRange } from './json-members.ts';

/** A document inside a line, as its text. */
export interface LineDocument {
  readonly bytes: Buffer;
  /** What tells it from the others of its kind: a message's id, with its database id where it has one. */
  readonly id: string;
}

/** What a line of `conversations.jsonl` says, its documents as the text they stand in. */
export interface BundleLine {
  readonly userId: string;
  readonly conversationId: string | null;
  readonly key: string | null;
  /** What the line says its digest is; null in bundles of other tools. */
  readonly statedDigest: string | null;
  /** What it is. */
  readonly digest: string;
  readonly statedMessages: number | null;
  readonly conversation: LineDocument | null;
  readonly copies: readonly LineDocument[];
  readonly messages: readonly LineDocument[];
  readonly fileIds: readonly string[];
}

/** Reads a line, with or without `exported_at`. The text must be valid JSON. */
export function readBundleLine(bytes: Buffer): BundleLine {
  const members = jsonMembers(bytes);
  const find = (name: string): JsonRange | undefined => jsonMember(members, name);
  const addition = find('threadmill');
  const additions = addition === undefined ? [] : jsonMembers(bytes, addition.start, addition.end);
  const stated = (name: string): unknown => {
    const member = jsonMember(additions, name);
    return member === undefined ? undefined : jsonValue(bytes, member);
  };
  const listed = (range: JsonRange | undefined): LineDocument[] =>
    range === undefined ? [] : jsonElements(bytes, range.start, range.end).map((element) => documentIn(bytes, element));
  const found = find('conversation');
  const conversation = found === undefined || isNull(bytes, found) ? null : documentIn(bytes, found);
  const messages = listed(find('messages'));
  const copies = listed(jsonMember(additions, 'copies'));
  const userId = textOr(stated('user_id'), '');
  const statedId = stated('conversation_id');
  const conversationId = typeof statedId === 'string' ? statedId : null;
  const count = find('message_count');
  const messageCount = count === undefined ? undefined : jsonValue(bytes, count);
  const ids = find('file_ids');
  const fileIds = ids === undefined ? undefined : jsonValue(bytes, ids);
  return {
    userId,
    conversationId,
    key: textOrNull(stated('key')),
    statedDigest: textOrNull(stated('digest')),
    digest: chatDigest({
      userId,
      conversationId,
      conversation: conversation === null ? null : documentDigest(conversation.bytes),
      copies: copies.map((copy) => documentDigest(copy.bytes)),
      messages: messages.map((message) => documentDigest(message.bytes)),
    }),
    statedMessages: typeof messageCount === 'number' ? messageCount : null,
    conversation,
    copies,
    messages,
    fileIds: Array.isArray(fileIds) ? (fileIds as readonly unknown[]).filter((id) => typeof id === 'string') : [],
  };
}

function documentIn(bytes: Buffer, { start, end }: JsonRange): LineDocument {
  const document = bytes.subarray(start, end);
  const members = jsonMembers(document);
  const ids = ['messageId', 'conversationId', '_id'].flatMap((name) => {
    const member = jsonMember(members, name);
    // A message names its conversation, too: its own id comes first and is enough.
    return member === undefined ? [] : [{ name, text: document.toString('utf8', member.start, member.end) }];
  });
  const own = ids.find(({ name }) => name === 'messageId') ?? ids.find(({ name }) => name === 'conversationId');
  const recordId = ids.find(({ name }) => name === '_id');
  const id = [own?.text, recordId?.text].filter((text) => text !== undefined).join(' ');
  return { bytes: document, id: id === '' ? document.toString('utf8', 0, 60) : id };
}

function isNull(bytes: Buffer, { start, end }: JsonRange): boolean {
  return end - start === 4 && bytes.toString('latin1', start, end) === 'null';
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
