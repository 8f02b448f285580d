import type { Json } from '../json.ts';
import type { Feedback, Message } from '../models/conversation.ts';
import type { Part } from '../models/conversation-parts.ts';
import { DocumentReader } from '../models/document-reader.ts';
import { documentOf, idText, listOf, type Document } from '../models/extended-json.ts';
import { librechatAttachmentsToParts } from './librechat-attachments.ts';
import type { PartExtra, PartScope } from './librechat-part-marks.ts';
import { fileLabel, librechatToParts } from './librechat-parts.ts';
import { isBookkeeping } from './librechat-secrets.ts';

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** What the tree's repair and the conversation settle about a message. */
export interface MessagePlace {
  readonly id: string;
  readonly parentId: string | null;
  /** In place of an absent `createdAt`. */
  readonly inferredTime: string | undefined;
  readonly userId: string;
}

/** Whether the user wrote it. Older documents without the flag say so by the sender. */
export function isFromUser({ isCreatedByUser, sender }: Document): boolean {
  return typeof isCreatedByUser === 'boolean' ? isCreatedByUser : sender === 'User';
}

/**
 * A LibreChat message as the canonical one.
 *
 * `content` counts when it has entries, else `text`; a text that stands beside content is kept in `source.extra`. The text of
 * an answer that failed is an error part. Files of a question come after its words, attachments after an answer's parts.
 */
export function librechatToMessage(
  document: Document,
  { id, parentId, inferredTime, userId }: MessagePlace,
  scope: PartScope,
): Message {
  const reader = new DocumentReader(document);
  const keepUnless = (name: string, isSame: boolean): void => reader.mark(name, isSame);
  keepUnless('messageId', document['messageId'] === id);
  keepUnless(
    'parentMessageId',
    (document['parentMessageId'] ?? null) === parentId ||
      (parentId === null && document['parentMessageId'] === '00000000-0000-0000-0000-000000000000'),
  );
  keepUnless('conversationId', (document['conversationId'] ?? null) === scope.conversationId);
  keepUnless('user', idText(document['user']) === userId);
  keepUnless('isCreatedByUser', typeof document['isCreatedByUser'] === 'boolean');

  const message: Writable<Message> = {
    id,
    parentId,
    role: isFromUser(document) ? 'user' : 'assistant',
    createdAt: reader.time('createdAt') ?? inferredTime ?? null,
    parts: [],
  };
  const name = reader.text('sender');
  if (name !== undefined) message.name = name;
  const updatedAt = reader.time('updatedAt');
  if (updatedAt !== undefined) message.updatedAt = updatedAt;
  const model = reader.text('model');
  if (model !== undefined) message.model = model;
  const endpoint = reader.text('endpoint');
  if (endpoint !== undefined) message.endpoint = endpoint;
  const tokens = reader.number('tokenCount');
  if (tokens !== undefined) message.tokens = tokens;
  const finishReason = reader.text('finish_reason');
  if (finishReason !== undefined) message.finishReason = finishReason;
  const feedback = feedbackOf(documentOf(document['feedback']), scope);
  if (feedback !== undefined) {
    reader.mark('feedback');
    message.feedback = feedback;
  }
  if (reader.flag('unfinished') === true) message.unfinished = true;
  if (reader.flag('error') === true) message.failed = true;
  const { parts, holes } = partsOf(reader, message.failed === true, scope);
  message.parts = parts;

  const recordId = reader.id('_id');
  const rest = reader.rest(isBookkeeping);
  const extra = holes.length === 0 ? rest : { ...rest, contentHoles: holes };
  if (recordId !== undefined || extra !== undefined) {
    message.source = {
      ...(recordId !== undefined && { recordId }),
      ...(extra !== undefined && { extra: scope.clean(extra, 'messages') as PartExtra }),
    };
  }
  return message;
}

function partsOf(
  reader: DocumentReader,
  isFailed: boolean,
  scope: PartScope,
): { parts: Part[]; holes: readonly number[] } {
  const content = listOf(reader.document['content']);
  const parts: Part[] = [];
  let holes: readonly number[] = [];
  if (content !== undefined && content.length > 0) {
    reader.mark('content');
    const mapped = librechatToParts(content, scope);
    for (const part of mapped.parts) parts.push(part);
    holes = mapped.holes;
    if (reader.document['text'] === '') reader.mark('text');
  } else {
    if (content !== undefined) reader.mark('content');
    const text = reader.text('text');
    if (text !== undefined && text !== '')
      parts.push(isFailed ? { type: 'error', text, sourceType: 'text' } : { type: 'text', text });
  }
  const files = listOf(reader.document['files']);
  if (files !== undefined) {
    reader.mark('files');
    for (const entry of files) if (entry !== null) parts.push(uploadPart(entry, scope));
  }
  const attachments = listOf(reader.document['attachments']);
  if (attachments !== undefined) {
    reader.mark('attachments');
    for (const part of librechatAttachmentsToParts(attachments, scope)) parts.push(part);
  }
  return { parts, holes };
}

/** A file that the message carries: a snapshot of its document, of five fields or of all. */
function uploadPart(entry: Json, scope: PartScope): Part {
  const snapshot = documentOf(entry);
  const fileId = idText(snapshot?.['file_id']);
  if (snapshot === undefined || fileId === undefined)
    return { type: 'other', sourceType: 'file', value: scope.clean(entry, 'files') };
  const extra = scope.files.refer(fileId, snapshot);
  return { type: 'file', fileId, ...fileLabel(snapshot), ...(extra !== undefined && { extra }) };
}

function feedbackOf(document: Document | undefined, scope: PartScope): Feedback | undefined {
  if (document === undefined) return undefined;
  const reader = new DocumentReader(document);
  const stored = document['rating'];
  const rating = stored === 'thumbsUp' ? 'up' : stored === 'thumbsDown' ? 'down' : null;
  if (rating !== null) reader.mark('rating');
  // Newer versions store the whole tag; its key is what older ones have.
  const key = documentOf(document['tag'])?.['key'];
  const tag = reader.text('tag') ?? (typeof key === 'string' ? key : undefined);
  const text = reader.text('text');
  const rest = reader.rest();
  return {
    rating,
    ...(tag !== undefined && { tag }),
    ...(text !== undefined && { text }),
    ...(rest !== undefined && { extra: scope.clean(rest, 'feedback') as PartExtra }),
  };
}
