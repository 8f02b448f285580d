import type { Json } from '../json.ts';
import type { Part } from '../models/conversation-parts.ts';
import { DocumentReader } from '../models/document-reader.ts';
import { documentOf, idText, type Document } from '../models/extended-json.ts';
import { marksOf, type PartScope } from './librechat-part-marks.ts';
import { librechatToolParts } from './librechat-tool-parts.ts';

/**
 * The content of a LibreChat message as parts: every type of content there has been, and unknown ones verbatim.
 *
 * Holes (null entries, parts stored at their place in a stream that was cut) are left out; `holes` tells where they were.
 *
 * @see LibreChat 0.8 `packages/data-provider/src/types/runs.ts` (ContentTypes) and `agents.ts`
 */
export function librechatToParts(content: readonly Json[], scope: PartScope): { parts: Part[]; holes: number[] } {
  const parts: Part[] = [];
  const holes: number[] = [];
  for (const [place, entry] of content.entries()) {
    const document = documentOf(entry);
    if (entry === null) holes.push(place);
    else if (document !== undefined) addPart(parts, document, scope);
    else if (typeof entry === 'string') parts.push({ type: 'text', text: entry, sourceType: 'string' });
    else parts.push({ type: 'other', sourceType: 'unknown', value: entry });
  }
  return { parts, holes };
}

function addPart(parts: Part[], document: Document, scope: PartScope): void {
  const reader = new DocumentReader(document);
  const type = reader.text('type');
  switch (type) {
    case 'text':
    case 'text_delta':
      parts.push(textPart(reader, type, scope));
      return;
    case 'think':
      parts.push(reasoningPart(reader, scope));
      return;
    case 'tool_call':
      parts.push(...librechatToolParts(reader, scope));
      return;
    case 'image_file':
      parts.push(imageFilePart(reader, scope));
      return;
    case 'image_url':
    case 'video_url':
      parts.push(linkPart(reader, type, scope));
      return;
    case 'input_audio':
      parts.push(audioPart(reader, scope));
      return;
    case 'steer':
      parts.push(steerPart(reader, scope));
      return;
    case 'error':
      parts.push(errorPart(reader, scope));
      return;
    default:
      parts.push(otherPart(document, type ?? 'unknown', scope));
  }
}

function textPart(reader: DocumentReader, type: 'text' | 'text_delta', scope: PartScope): Part {
  const sourceType = type === 'text' ? {} : { sourceType: type };
  const text = reader.text('text');
  if (text !== undefined) return { type: 'text', text, ...sourceType, ...marksOf(reader, scope) };
  // Assistants: the words are one level down, with annotations beside them.
  const value = new DocumentReader(documentOf(reader.document['text']) ?? {});
  const words = value.text('value');
  if (words === undefined) return otherPart(reader.document, type, scope);
  reader.mark('text');
  const annotations = value.rest();
  return { type: 'text', text: words, sourceType: 'text.value', ...marksOf(reader, scope, annotations) };
}

function reasoningPart(reader: DocumentReader, scope: PartScope): Part {
  const text = reader.text('think');
  const label = reader.text('reasoning_label');
  if (text === undefined && label === undefined) return otherPart(reader.document, 'think', scope);
  return { type: 'reasoning', text: text ?? '', ...(label !== undefined && { label }), ...marksOf(reader, scope) };
}

function imageFilePart(reader: DocumentReader, scope: PartScope): Part {
  const snapshot = documentOf(reader.document['image_file']);
  const fileId = idText(snapshot?.['file_id']);
  if (snapshot === undefined || fileId === undefined) return otherPart(reader.document, 'image_file', scope);
  reader.mark('image_file');
  const more = scope.files.refer(fileId, snapshot);
  return {
    type: 'file',
    fileId,
    ...fileLabel(snapshot),
    sourceType: 'image_file',
    ...marksOf(reader, scope, more && { image_file: more }),
  };
}

/** Name and type as a message shows them. */
export function fileLabel({ filename, type }: Document): { name?: string; mediaType?: string } {
  return {
    ...(typeof filename === 'string' && { name: filename }),
    ...(typeof type === 'string' && { mediaType: type }),
  };
}

function linkPart(reader: DocumentReader, type: 'image_url' | 'video_url', scope: PartScope): Part {
  const plain = reader.text(type);
  const link = new DocumentReader(documentOf(reader.document[type]) ?? {});
  const url = plain ?? link.text('url');
  if (url === undefined) return otherPart(reader.document, type, scope);
  reader.mark(type);
  const rest = link.rest();
  const sourceType = plain === undefined ? `${type}.url` : type;
  // A link with a signature is a key to a bucket.
  return {
    type: 'file',
    url: scope.clean(url, 'content') as string,
    sourceType,
    ...marksOf(reader, scope, rest && { [type]: rest }),
  };
}

function audioPart(reader: DocumentReader, scope: PartScope): Part {
  const audio = new DocumentReader(documentOf(reader.document['input_audio']) ?? {});
  const data = audio.text('data');
  const format = audio.text('format');
  if (data === undefined || format === undefined) return otherPart(reader.document, 'input_audio', scope);
  reader.mark('input_audio');
  const rest = audio.rest();
  return {
    type: 'file',
    mediaType: `audio/${format}`,
    url: `data:audio/${format};base64,${data}`,
    sourceType: 'input_audio',
    ...marksOf(reader, scope, rest && { input_audio: rest }),
  };
}

/** What the user threw in while the answer was being made. */
function steerPart(reader: DocumentReader, scope: PartScope): Part {
  const text = reader.text('steer');
  if (text === undefined) return otherPart(reader.document, 'steer', scope);
  return { type: 'text', text, role: 'user', sourceType: 'steer', ...marksOf(reader, scope) };
}

function errorPart(reader: DocumentReader, scope: PartScope): Part {
  const text = reader.text('error') ?? reader.text('text');
  if (text !== undefined) return { type: 'error', text, ...marksOf(reader, scope) };
  const value = new DocumentReader(documentOf(reader.document['text']) ?? {});
  const words = value.text('value');
  if (words === undefined) return otherPart(reader.document, 'error', scope);
  reader.mark('text');
  return { type: 'error', text: words, sourceType: 'error.value', ...marksOf(reader, scope, value.rest()) };
}

/** Anything else, verbatim; with the words it holds where it is known to hold some. */
function otherPart(document: Document, sourceType: string, scope: PartScope): Part {
  const value = scope.clean(document as Json, 'content');
  const text = sourceType === 'summary' ? summaryText(document) : undefined;
  return { type: 'other', sourceType, ...(text !== undefined && { text }), value };
}

function summaryText({ content }: Document): string | undefined {
  if (!Array.isArray(content)) return undefined;
  const texts = (content as readonly Json[]).map((part) => documentOf(part)?.['text']);
  return texts.filter((text) => typeof text === 'string').join('\n');
}
