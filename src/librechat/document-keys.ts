import { jsonMembers, type JsonMember } from '../formats/json-members.ts';
import type { Json } from '../json.ts';
import { librechatFileIds, librechatGroupOf } from '../mappings/librechat-chats.ts';

/** What brings a document together with others. */
export interface DocumentKeys {
  readonly userId: string;
  readonly conversationId: string | null;
  /** Ids of the files it names. */
  readonly fileIds: readonly string[];
}

const fileIdMark = Buffer.from('file_id');

/**
 * Reads the keys of a conversation, a message or a file document from its JSON text, and decodes nothing else: members are
 * stepped over, and content is looked into only when it names a file.
 */
export function documentKeys(bytes: Buffer, start: number, end: number): DocumentKeys {
  const document: { [name: string]: Json } = {};
  for (const member of jsonMembers(bytes, start, end)) {
    const { name } = member;
    if (name === 'user' || name === 'conversationId') document[name] = valueOf(bytes, member);
    else if (name === 'files' || ((name === 'content' || name === 'attachments') && namesFile(bytes, member))) {
      document[name] = valueOf(bytes, member);
    }
  }
  return { ...librechatGroupOf(document), fileIds: librechatFileIds(document) };
}

/** The id of a file document. */
export function fileIdOf(bytes: Buffer, start: number, end: number): string | undefined {
  const member = jsonMembers(bytes, start, end).find(({ name }) => name === 'file_id');
  const id = member && valueOf(bytes, member);
  return typeof id === 'string' ? id : undefined;
}

function namesFile(bytes: Buffer, { start, end }: JsonMember): boolean {
  return bytes.subarray(start, end).includes(fileIdMark);
}

function valueOf(bytes: Buffer, { start, end }: JsonMember): Json {
  return JSON.parse(bytes.toString('utf8', start, end)) as Json;
}
