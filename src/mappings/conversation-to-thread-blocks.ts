import type { Json } from '../json.ts';
import type { FilePart, Part, ReasoningPart } from '../models/conversation-parts.ts';
import type { Fields } from './thread-to-conversation-forms.ts';

/** Says that something of a part is left behind. */
export type Lose = (kind: string, detail?: string) => void;

/**
 * A part as a block of a message's content; nothing when there is none for it.
 *
 * @param isNative The part was read from a thread: its `sourceType` and `extra` are those of the block it was.
 */
export function partToBlock(part: Part, isNative: boolean, lose: Lose): Fields | undefined {
  switch (part.type) {
    case 'text':
      if (part.role !== undefined) lose('who said it');
      return { type: 'text', text: part.text, ...(isNative ? part.extra : {}) };
    case 'reasoning':
      if (part.label !== undefined) lose('field', 'messages.parts.label');
      return isNative ? nativeReasoning(part) : { type: 'reasoning', reasoning: part.text };
    case 'file':
      return fileBlock(part, isNative, lose);
    case 'error':
      lose('error');
      return { type: 'text', text: part.text };
    case 'other':
      if (isNative) return part.value as Fields;
      lose(part.sourceType);
      return part.text === undefined || part.text === '' ? undefined : { type: 'text', text: part.text };
    case 'citation':
      lose('citation');
      return undefined;
    default:
      return undefined;
  }
}

function nativeReasoning({ text, sourceType, extra }: ReasoningPart): Fields {
  if (sourceType === 'thinking') return { type: 'thinking', thinking: text, ...extra };
  if (sourceType === 'reasoning') return { type: 'reasoning', summary: [{ type: 'summary_text', text }], ...extra };
  return { type: 'reasoning', reasoning: text, ...extra };
}

/** @see LangChain Core 1.2 `messages/content/multimodal`: image, audio, video and file blocks, by `url` or `data` */
function fileBlock(part: FilePart, isNative: boolean, lose: Lose): Fields | undefined {
  const { url, mediaType, name, fileId, callId, sourceType, extra } = part;
  if (url === undefined) {
    lose('file');
    return undefined;
  }
  if (fileId !== undefined || callId !== undefined) lose('file', 'messages.parts.fileId');
  if (isNative && sourceType === 'image_url') return { type: 'image_url', image_url: { url, ...extra } };
  const [, type, data] = /^data:([^;,]+);base64,(.*)$/s.exec(url) ?? [];
  const isData = data !== undefined && (mediaType === undefined || mediaType === type);
  const place: { readonly [name: string]: Json } = isData ? { data } : { url };
  const media = mediaType ?? (isData ? type : undefined);
  const kind = /^(image|audio|video)\//.exec(media ?? '')?.[1] ?? 'file';
  return {
    type: isNative && sourceType !== undefined ? sourceType : kind,
    ...place,
    ...(media !== undefined && { mime_type: media }),
    ...(name !== undefined && { extras: { filename: name } }),
    ...(isNative ? extra : {}),
  };
}
