import type { Json } from '../json.ts';
import type { FilePart, Part, ToolCallPart } from '../models/conversation-parts.ts';
import { isFields, type Fields } from './thread-to-conversation-forms.ts';

/** What stands in a message's content: one text, or blocks of many makes. */
export type ContentPart = Part | { readonly type: 'call'; readonly id: string; readonly block: Fields };

/**
 * The parts of a message's content, in their order. A block that calls a tool which the message's `tool_calls` name, too,
 * comes as `call`: it tells where the call stands.
 *
 * Blocks of the providers and LangChain's own are read; of each, what has no field goes to `extra`. Anything else is `other`.
 *
 * @param calls Ids in `tool_calls`.
 * @see LangChain Core 1.2 `messages/content`; Anthropic and OpenAI content blocks
 */
export function contentToParts(content: Json, calls: ReadonlySet<string>): readonly ContentPart[] {
  if (content === null || content === '') return [];
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (!Array.isArray(content)) return [other(content)];
  return (content as readonly Json[]).map((block) => blockToPart(block, calls));
}

function blockToPart(block: Json, calls: ReadonlySet<string>): ContentPart {
  if (typeof block === 'string') return { type: 'text', text: block };
  if (!isFields(block)) return other(block);
  const { type, ...rest } = block;
  switch (type) {
    case 'text': {
      const { text, ...extra } = rest;
      return typeof text === 'string' ? { type: 'text', text, ...kept(extra) } : other(block);
    }
    case 'reasoning': {
      const { reasoning, ...extra } = rest;
      if (typeof reasoning === 'string') return { type: 'reasoning', text: reasoning, ...kept(extra) };
      return reasoningSummary(rest) ?? other(block);
    }
    case 'thinking': {
      const { thinking, ...extra } = rest;
      return typeof thinking === 'string'
        ? { type: 'reasoning', text: thinking, sourceType: 'thinking', ...kept(extra) }
        : other(block);
    }
    case 'tool_call':
    case 'tool_use':
    case 'function_call':
    case 'server_tool_call':
    case 'server_tool_use':
      return callBlock(type, block, calls);
    case 'server_tool_call_result':
    case 'server_tool_result':
    case 'web_search_tool_result':
      return resultBlock(type, rest) ?? other(block);
    default:
      return fileBlock(block) ?? other(block);
  }
}

/** OpenAI gives its thoughts as a list of summaries. */
function reasoningSummary({ summary, ...extra }: Fields): Part | undefined {
  if (!Array.isArray(summary)) return undefined;
  const texts = (summary as readonly Json[]).map((entry) => (isFields(entry) ? entry['text'] : entry));
  if (texts.length === 0 || !texts.every((text) => typeof text === 'string')) return undefined;
  return { type: 'reasoning', text: texts.join('\n\n'), sourceType: 'reasoning', ...kept(extra) };
}

function callBlock(type: string, block: Fields, calls: ReadonlySet<string>): ContentPart {
  const { type: _, id, call_id, name, input, args, arguments: given, ...extra } = block;
  const callId = typeof call_id === 'string' ? call_id : id;
  if (typeof callId === 'string' && calls.has(callId)) return { type: 'call', id: callId, block };
  const part: ToolCallPart = {
    type: 'toolCall',
    id: typeof callId === 'string' ? callId : null,
    name: typeof name === 'string' ? name : '',
    arguments: input ?? args ?? given ?? {},
    sourceType: type,
  };
  return { ...part, ...kept(extra) };
}

function resultBlock(type: string, block: Fields): Part | undefined {
  const { tool_use_id, tool_call_id, toolCallId, content, output, status, ...extra } = block;
  const callId = tool_use_id ?? tool_call_id ?? toolCallId;
  if (typeof callId !== 'string') return undefined;
  return {
    type: 'toolResult',
    callId,
    output: content ?? output ?? null,
    ...(status === 'error' && { failed: true as const }),
    sourceType: type,
    ...kept(extra),
  };
}

const mediaBlocks = new Set(['image', 'audio', 'video', 'file', 'document', 'text-plain', 'media']);

function fileBlock(block: Fields): Part | undefined {
  const { type, ...rest } = block;
  if (type === 'image_url') {
    const { image_url: image, ...extra } = rest;
    const { url, ...more } = isFields(image) ? image : { url: image };
    return typeof url === 'string' ? file('image_url', url, undefined, { ...more, ...extra }) : undefined;
  }
  if (typeof type !== 'string' || !mediaBlocks.has(type)) return undefined;
  const source = rest['source'];
  const nested = isFields(source) ? source : undefined;
  const { url, data, mime_type, mimeType, media_type, ...left } = { ...rest, ...nested };
  if (nested !== undefined) {
    delete left['source'];
    delete left['type'];
  }
  const mediaType = [mime_type, mimeType, media_type].find((name) => typeof name === 'string');
  if (typeof url === 'string') return file(type, url, mediaType, left);
  if (typeof data !== 'string') return undefined;
  return file(type, `data:${mediaType ?? 'application/octet-stream'};base64,${data}`, mediaType, left);
}

function file(sourceType: string, url: string, mediaType: string | undefined, rest: Fields): FilePart {
  const { extras, ...left } = rest;
  const { filename, ...more } = isFields(extras) ? extras : {};
  const type = mediaType ?? /^data:([^;,]+)[;,]/.exec(url)?.[1];
  return {
    type: 'file',
    url,
    ...(typeof filename === 'string' && { name: filename }),
    ...(type !== undefined && { mediaType: type }),
    sourceType,
    ...kept({
      ...left,
      ...(extras !== undefined && (!isFields(extras) || Object.keys(more).length > 0)
        ? { extras: isFields(extras) ? more : extras }
        : {}),
    }),
  };
}

function other(value: Json): Part {
  const fields = isFields(value) ? value : {};
  const { type, text, refusal } = fields;
  const words = [text, refusal].find((said) => typeof said === 'string');
  return {
    type: 'other',
    sourceType: typeof type === 'string' ? type : typeof value,
    ...(words !== undefined && { text: words }),
    value,
  };
}

function kept(extra: Fields): { readonly extra?: Fields } {
  return Object.keys(extra).length === 0 ? {} : { extra };
}
