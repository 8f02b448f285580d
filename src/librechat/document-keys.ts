import { jsonMember, jsonMembers, jsonValue } from '../formats/json-members.ts';
import type { Json } from '../json.ts';
import { librechatFileIds, librechatGroupOf } from '../mappings/librechat-chats.ts';
import { idField, jsonField, textField } from '../mappings/librechat-fields.ts';
import { fieldSlots, librechatScanner, type LibrechatField } from '../mappings/librechat-scan.ts';
import { idText } from '../models/extended-json.ts';

/** What brings a document together with others. */
export interface DocumentKeys {
  readonly userId: string;
  readonly conversationId: string | null;
  /** Ids of the files it names. */
  readonly fileIds: readonly string[];
}

/**
 * Reads the keys of a conversation, a message or a file document from its JSON text, and decodes nothing else: content is
 * looked into only when it names a file.
 */
export function documentKeys(bytes: Buffer, start: number, end: number): DocumentKeys {
  const scanner = librechatScanner();
  if (!scanner.scan(bytes, start, end)) return { userId: '', conversationId: null, fileIds: [] };
  const keys = librechatGroupOf({ user: idField(bytes, 'user'), conversationId: textField(bytes, 'conversationId') });
  const named: Partial<Record<LibrechatField, Json | undefined>> = {};
  let isNaming = false;
  for (const name of ['files', 'content', 'attachments'] as const) {
    const slot = fieldSlots[name];
    // A list of ids holds no name of a member.
    const isAsked =
      name === 'files' ? scanner.endOf(slot) - scanner.startOf(slot) > emptyList : scanner.holdsMark(slot);
    if (!isAsked) continue;
    named[name] = jsonField(bytes, name);
    isNaming = true;
  }
  return { ...keys, fileIds: isNaming ? librechatFileIds(named) : [] };
}

const emptyList = '[]'.length;

/** The id of a file document. */
export function fileIdOf(bytes: Buffer, start: number, end: number): string | undefined {
  if (!librechatScanner().scan(bytes, start, end)) return undefined;
  const id = jsonField(bytes, 'file_id');
  return typeof id === 'string' ? id : undefined;
}

/** An id in a document's text: any field of it. */
export function documentIdOf(text: Buffer, name: string): string | undefined {
  const member = jsonMember(jsonMembers(text), name);
  return member === undefined ? undefined : idText(jsonValue(text, member) as Json);
}
