import type { Json } from '../json.ts';
import type { ErrorPart, FilePart, Part, TextPart, ToolResultPart } from '../models/conversation-parts.ts';
import type { FileRecord } from '../models/conversation.ts';
import { documentOf } from '../models/extended-json.ts';
import {
  citationAttachment,
  fileAttachment,
  placeOfUnnamed,
  snapshotOf,
  type AttachmentPlace,
} from './conversation-to-librechat-attachments.ts';
import { partMarks, splitExtra, type Fields } from './conversation-to-librechat-marks.ts';
import { toolCallPart } from './conversation-to-librechat-tool.ts';
import type { Loss } from './loss.ts';

/** Where a message's parts stand in its document. */
export interface PlacedParts {
  readonly content: readonly Json[];
  readonly files: readonly Json[];
  readonly attachments: readonly Json[];
}

/** What the parts need from around them. */
export interface PartsScope extends AttachmentPlace {
  readonly fileOf: (id: string) => FileRecord | undefined;
  readonly lose: (kind: Loss['kind'], detail: string) => void;
}

/** Parts in the places LibreChat has for them: said in `content`, uploads in `files`, what hangs on answers in `attachments`. */
export function partsToLibrechat(parts: readonly Part[], scope: PartsScope): PlacedParts {
  const content: Json[] = [];
  const files: Json[] = [];
  const attachments: Json[] = [];
  for (let place = 0; place < parts.length; place++) {
    const part = parts[place];
    if (part === undefined) continue;
    if (part.type === 'toolCall') {
      const result = resultOf(part.id, parts[place + 1]);
      if (result?.failed === true) scope.lose('field', 'parts.failed');
      content.push(toolCallPart(part, result));
      if (result !== undefined) place += 1;
    } else if (part.type === 'toolResult') {
      scope.lose('tool-result', 'a result that does not follow its call');
      content.push(toolCallPart(undefined, part));
    } else if (part.type === 'citation') {
      if (part.sourceType === undefined) scope.lose('citation', 'citations as a search of the web');
      attachments.push(citationAttachment(part, scope));
    } else if (part.type === 'file' && part.sourceType === 'attachment') {
      const file = part.fileId === undefined ? undefined : scope.fileOf(part.fileId);
      const wanted = placeOfUnnamed(part.fileId, scope.messageId) ?? 0;
      while (attachments.length < wanted) attachments.push(null);
      attachments.push(fileAttachment(part, file, scope));
    } else if (part.type === 'file' && part.sourceType === undefined && part.fileId !== undefined) {
      files.push({ ...snapshotOf(part, scope.fileOf(part.fileId), part.extra), ...partMarks(part) });
    } else if (part.type === 'other' && /^attachment(?::|$)/.test(part.sourceType)) attachments.push(part.value);
    else if (part.type === 'other' && part.sourceType === 'file' && documentOf(part.value)?.['type'] !== 'file')
      files.push(part.value);
    else content.push(saidPart(part, scope));
  }
  return { content, files, attachments };
}

function resultOf(callId: string | null, next: Part | undefined): ToolResultPart | undefined {
  return next?.type === 'toolResult' && next.callId === callId ? next : undefined;
}

function saidPart(part: Exclude<Part, { type: 'toolCall' | 'toolResult' | 'citation' }>, scope: PartsScope): Json {
  switch (part.type) {
    case 'text':
      return textPart(part, scope);
    case 'reasoning':
      return {
        type: 'think',
        think: part.text,
        ...(part.label !== undefined && { reasoning_label: part.label }),
        ...partMarks(part),
        ...part.extra,
      };
    case 'file':
      return filePart(part, scope);
    case 'error':
      return errorPart(part);
    case 'other':
      // What LibreChat has stored is a document that names its type itself.
      if (documentOf(part.value)?.['type'] === part.sourceType || part.sourceType === 'unknown') return part.value;
      scope.lose('part', `a part of type ${part.sourceType}`);
      return { type: part.sourceType, value: part.value, ...(part.text !== undefined && { text: part.text }) };
  }
}

function textPart(part: TextPart, scope: PartsScope): Json {
  const { text, sourceType, role } = part;
  if (sourceType === 'string') return text;
  if (role === 'user') return { type: 'steer', steer: text, ...partMarks(part), ...part.extra };
  if (role === 'system') scope.lose('role', 'words of the system inside an answer');
  if (sourceType !== 'text.value')
    return { type: sourceType === 'text_delta' ? sourceType : 'text', text, ...partMarks(part), ...part.extra };
  const { rest, inner } = splitExtra(part.extra, 'annotations');
  return {
    type: 'text',
    text: { value: text, ...(inner !== undefined && { annotations: inner }) },
    ...partMarks(part),
    ...rest,
  };
}

function errorPart(part: ErrorPart): Json {
  const { text, sourceType } = part;
  const said: Fields = sourceType === 'error.value' ? { text: { value: text } } : { error: text };
  return { type: 'error', ...said, ...partMarks(part), ...part.extra };
}

/** Images, films and sounds as LibreChat writes them into an answer. */
function filePart(part: FilePart, scope: PartsScope): Json {
  const { sourceType = '', url, fileId } = part;
  if (sourceType === 'image_file' && fileId !== undefined) {
    const { rest, inner } = splitExtra(part.extra, 'image_file');
    const image = snapshotOf(part, scope.fileOf(fileId), inner);
    return { type: 'image_file', image_file: image, ...partMarks(part), ...rest };
  }
  if (sourceType === 'input_audio') {
    const { rest, inner } = splitExtra(part.extra, 'input_audio');
    const [, format = '', data = ''] = /^data:audio\/([^;]*);base64,(.*)$/s.exec(url ?? '') ?? [];
    const audio = { data, format, ...documentOf(inner) } as Json;
    return { type: 'input_audio', input_audio: audio, ...partMarks(part), ...rest };
  }
  const [type = '', form] = sourceType.split('.');
  if (type !== 'image_url' && type !== 'video_url') {
    scope.lose('file', 'a link to a file, as a link to an image');
    return { type: 'image_url', image_url: { url: url ?? '' }, ...partMarks(part) };
  }
  const { rest, inner } = splitExtra(part.extra, type);
  const link: Json = form === undefined ? (url ?? '') : { url: url ?? '', ...(documentOf(inner) as Fields) };
  return { type, [type]: link, ...partMarks(part), ...rest };
}
