import type { Json } from '../json.ts';
import type { CitationSource, Part } from '../models/conversation-parts.ts';
import { DocumentReader } from '../models/document-reader.ts';
import { documentOf, idText, listOf, type Document } from '../models/extended-json.ts';
import { librechatToFile } from './librechat-files.ts';
import { marksOf, type PartExtra, type PartScope } from './librechat-part-marks.ts';
import { fileLabel } from './librechat-parts.ts';

/** Lists of a web search whose entries answers point to. */
const citedLists = ['organic', 'topStories', 'news', 'references'] as const;

/**
 * What hangs on an answer: searches become citations, stored files and results of tools become file parts, anything else is
 * kept verbatim.
 *
 * Forks copy attachments with the message ids of the original, so the message that holds an attachment is its owner, and ids
 * that name another one are only noted.
 */
export function librechatAttachmentsToParts(attachments: readonly Json[], scope: PartScope): Part[] {
  const parts: Part[] = [];
  for (const [place, entry] of attachments.entries()) {
    const document = documentOf(entry);
    if (document !== undefined) parts.push(attachmentPart(document, place, scope));
    else if (entry !== null) parts.push({ type: 'other', sourceType: 'attachment', value: entry });
  }
  return parts;
}

function attachmentPart(document: Document, place: number, scope: PartScope): Part {
  const reader = new DocumentReader(document);
  if (reader.text('messageId') !== scope.messageId) reader.mark('messageId', false);
  if (reader.text('conversationId') !== scope.conversationId) reader.mark('conversationId', false);
  const type = document['type'];
  if (type === 'web_search') return webSearchPart(reader, scope);
  if (type === 'file_search') return fileSearchPart(reader, scope);
  const isFile = 'file_id' in document || ('filepath' in document && 'filename' in document);
  if (isFile) return filePart(document, place, scope);
  const sourceType = typeof type === 'string' ? `attachment:${type}` : 'attachment';
  return { type: 'other', sourceType, value: scope.clean(document as Json, 'attachments') };
}

function callIdOf(reader: DocumentReader): { callId?: string } {
  const callId = reader.text('toolCallId');
  return callId === undefined ? {} : { callId };
}

function webSearchPart(reader: DocumentReader, scope: PartScope): Part {
  const search = new DocumentReader(documentOf(reader.document['web_search']) ?? {});
  const turn = search.number('turn');
  const sources: CitationSource[] = [];
  for (const list of citedLists) {
    const entries = listOf(search.document[list]);
    if (entries?.every((entry) => documentOf(entry) !== undefined) !== true) continue;
    search.mark(list);
    for (const entry of entries) sources.push(webSource(list, documentOf(entry) ?? {}, scope));
  }
  reader.mark('type');
  reader.mark('web_search', documentOf(reader.document['web_search']) !== undefined);
  const rest = search.rest();
  const marked = {
    ...callIdOf(reader),
    ...(turn !== undefined && { turn }),
    sources,
    sourceType: 'attachment:web_search',
  };
  return { type: 'citation', ...marked, ...marksOf(reader, scope, rest && { web_search: rest }) };
}

function webSource(list: string, document: Document, scope: PartScope): CitationSource {
  const reader = new DocumentReader(document);
  const title = reader.text('title');
  const url = reader.text('link');
  const text = reader.text('snippet');
  return source(
    { list, title, url: url === undefined ? undefined : (scope.clean(url, 'attachments') as string), text },
    reader,
    scope,
  );
}

function fileSearchPart(reader: DocumentReader, scope: PartScope): Part {
  const search = new DocumentReader(documentOf(reader.document['file_search']) ?? {});
  const entries = listOf(search.document['sources']);
  const isKnown = entries?.every((entry) => documentOf(entry) !== undefined) === true;
  if (isKnown) search.mark('sources');
  const sources = isKnown ? entries.map((entry) => fileSource(documentOf(entry) ?? {}, scope)) : [];
  reader.mark('type');
  reader.mark('file_search', documentOf(reader.document['file_search']) !== undefined);
  const rest = search.rest();
  const marked = { ...callIdOf(reader), sources, sourceType: 'attachment:file_search' };
  return { type: 'citation', ...marked, ...marksOf(reader, scope, rest && { file_search: rest }) };
}

function fileSource(document: Document, scope: PartScope): CitationSource {
  const reader = new DocumentReader(document);
  const fileId = reader.text('fileId');
  const title = reader.text('fileName');
  const text = reader.text('content');
  return source({ title, text, fileId }, reader, scope);
}

function source(
  known: { [Name in keyof CitationSource]?: CitationSource[Name] | undefined },
  reader: DocumentReader,
  scope: PartScope,
): CitationSource {
  const rest = reader.rest();
  const { list, title, url, text, fileId } = known;
  return {
    ...(list !== undefined && { list }),
    ...(title !== undefined && { title }),
    ...(url !== undefined && { url }),
    ...(text !== undefined && { text }),
    ...(fileId !== undefined && { fileId }),
    ...(rest !== undefined && { extra: scope.clean(rest, 'attachments') as PartExtra }),
  };
}

/** A stored file, or the link to a tool's result that was never stored. */
function filePart(document: Document, place: number, scope: PartScope): Part {
  const { messageId, conversationId, toolCallId, agentId, stepId, ...snapshot } = document;
  const reader = new DocumentReader({ messageId, conversationId, toolCallId, agentId, stepId });
  if (reader.text('messageId') !== scope.messageId) reader.mark('messageId', false);
  if (reader.text('conversationId') !== scope.conversationId) reader.mark('conversationId', false);
  const stored = idText(snapshot['file_id']);
  const fileId = stored ?? `${scope.messageId}:attachment-${place}`;
  let more: PartExtra | undefined;
  if (stored !== undefined) more = scope.files.refer(stored, snapshot);
  else {
    const file = librechatToFile(fileId, snapshot, '');
    const extra = file.extra && { extra: scope.clean(file.extra, 'attachments') as PartExtra };
    scope.files.put({ ...file, fromMessage: true, ...extra });
  }
  const callId = callIdOf(reader);
  return {
    type: 'file',
    fileId,
    ...fileLabel(snapshot),
    ...callId,
    sourceType: 'attachment',
    ...marksOf(reader, scope, more && { file: more }),
  };
}
