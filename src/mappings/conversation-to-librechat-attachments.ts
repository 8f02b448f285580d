import type { Json } from '../json.ts';
import type { CitationPart, CitationSource, FilePart } from '../models/conversation-parts.ts';
import type { FileRecord } from '../models/conversation.ts';
import { documentOf } from '../models/extended-json.ts';
import { fileFields } from './conversation-to-librechat-files.ts';
import { partMarks, splitExtra, type Fields } from './conversation-to-librechat-marks.ts';

/** Where an attachment hangs: its message, unless it says otherwise itself. */
export interface AttachmentPlace {
  readonly messageId: string;
  readonly conversationId: string;
}

/** A search as the attachment that LibreChat shows citations from. */
export function citationAttachment(part: CitationPart, { messageId, conversationId }: AttachmentPlace): Fields {
  const isFileSearch = part.sourceType === 'attachment:file_search';
  const type = isFileSearch ? 'file_search' : 'web_search';
  const { rest, inner } = splitExtra(part.extra, type);
  const found = isFileSearch ? fileSources(part.sources) : webSources(part.sources);
  const search = {
    ...(part.turn !== undefined && { turn: part.turn }),
    ...found,
    ...documentOf(inner),
  };
  return {
    type,
    [type]: inner === undefined || documentOf(inner) !== undefined ? search : inner,
    messageId,
    conversationId,
    ...(part.callId !== undefined && { toolCallId: part.callId }),
    ...partMarks(part),
    ...rest,
  };
}

function webSources(sources: readonly CitationSource[]): Fields {
  const lists: Record<string, Json[]> = {};
  for (const { list = 'organic', title, url, text, extra } of sources) {
    (lists[list] ??= []).push({
      ...(title !== undefined && { title }),
      ...(url !== undefined && { link: url }),
      ...(text !== undefined && { snippet: text }),
      ...extra,
    });
  }
  return lists;
}

function fileSources(sources: readonly CitationSource[]): Fields {
  if (sources.length === 0) return {};
  return {
    sources: sources.map(({ fileId, title, text, extra }) => ({
      ...(fileId !== undefined && { fileId }),
      ...(title !== undefined && { fileName: title }),
      ...(text !== undefined && { content: text }),
      ...extra,
    })),
  };
}

/** A file on an answer, as the snapshot of its document that LibreChat keeps there. */
export function fileAttachment(
  part: FilePart,
  file: FileRecord | undefined,
  { messageId, conversationId }: AttachmentPlace,
): Fields {
  const { rest, inner } = splitExtra(part.extra, 'file');
  return {
    ...snapshotOf(part, file, inner),
    messageId,
    conversationId,
    ...(part.callId !== undefined && { toolCallId: part.callId }),
    ...partMarks(part),
    ...rest,
  };
}

/** The place that a file without an id of its own had among the attachments, by the id it was given. */
export function placeOfUnnamed(fileId: string | undefined, messageId: string): number | undefined {
  const prefix = `${messageId}:attachment-`;
  const place = fileId?.startsWith(prefix) === true ? fileId.slice(prefix.length) : '';
  return /^\d{1,6}$/.test(place) ? Number(place) : undefined;
}

/** What a message says of a file: little where there is a document, else all that is known. */
export function snapshotOf(part: FilePart, file: FileRecord | undefined, different: Json | undefined): Fields {
  const { fileId, name, mediaType } = part;
  const label = { ...(name !== undefined && { filename: name }), ...(mediaType !== undefined && { type: mediaType }) };
  if (file?.fromMessage !== true)
    return { ...(fileId !== undefined && { file_id: fileId }), ...label, ...(documentOf(different) as Fields) };
  const { file_id: id, filename: _, type: __, ...known } = fileFields(file);
  const isNamed = id !== undefined && !/:attachment-\d+$/.test(file.id);
  return { ...(isNamed && { file_id: id }), ...label, ...known };
}
