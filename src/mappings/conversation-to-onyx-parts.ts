import type { Json } from '../json.ts';
import type { CitationPart, FilePart, Part, ToolResultPart } from '../models/conversation-parts.ts';
import type { OnyxDocument, OnyxFile, OnyxMessageType, OnyxToolCall } from '../models/onyx.ts';
import type { Loss } from './loss.ts';

/** What the parts of one message become. */
export interface OnyxContent {
  readonly text: string;
  readonly reasoning: string | null;
  readonly toolCalls: readonly OnyxToolCall[];
  readonly documents: readonly OnyxDocument[];
  readonly files: readonly OnyxFile[];
  /** What an error part says. It is in the text, too. */
  readonly errorText: string | null;
}

interface OpenCall {
  readonly id: string | null;
  readonly name: string;
  readonly arguments: Json;
  readonly reasoning: string | null;
  response: string | undefined;
}

/**
 * Parts of a message in Onyx's form: one text, one thought before it, tool calls in turns.
 *
 * A thought goes to the tool call after it, or to the answer. Which text came before which call is lost, as is what no
 * part of an Onyx message can hold; each such thing is a loss. `fileOf` says which files can be taken along.
 */
export function partsToOnyx(
  parts: readonly Part[],
  type: OnyxMessageType,
  messageId: string | undefined,
  losses: Loss[],
  fileOf: (part: FilePart) => OnyxFile | undefined = () => undefined,
): OnyxContent {
  const texts: string[] = [];
  const thoughts: string[] = [];
  const errors: string[] = [];
  const calls: OpenCall[] = [];
  const citations: CitationPart[] = [];
  const files: OnyxFile[] = [];
  let waiting: string[] = [];
  const lose = (kind: string, detail = 'messages.parts'): void => void losses.push({ kind, messageId, detail });
  const takeThoughts = (): string[] => {
    const taken = waiting;
    waiting = [];
    return taken;
  };
  for (const part of parts) {
    if (part.agentId !== undefined || part.groupId !== undefined) lose('who said it');
    switch (part.type) {
      case 'text':
        if (part.role !== undefined) lose('who said it');
        thoughts.push(...takeThoughts());
        if (part.text !== '') texts.push(part.text);
        break;
      case 'reasoning':
        if (part.text !== '') waiting.push(part.text);
        break;
      case 'toolCall':
        if (texts.length > 0) lose('order of text and tools');
        calls.push({ ...part, reasoning: takeThoughts().join('\n\n') || null, response: undefined });
        break;
      case 'toolResult':
        if (part.failed === true) lose('failure of a tool');
        answerCall(calls, part, lose);
        break;
      case 'file': {
        const file = type === 'USER' ? fileOf(part) : undefined;
        if (file === undefined) lose(type === 'USER' ? 'file' : 'file of an answer');
        else if (files.every(({ fileId }) => fileId !== file.fileId)) files.push(file);
        break;
      }
      case 'citation':
        citations.push(part);
        break;
      case 'error':
        if (part.text !== '') texts.push(part.text);
        errors.push(part.text || 'failed');
        break;
      case 'other':
        lose(part.sourceType);
        if (part.text !== undefined && part.text !== '') texts.push(part.text);
    }
  }
  thoughts.push(...waiting);
  if (type !== 'ASSISTANT' && calls.length + thoughts.length + citations.length > 0) lose('parts of an answer');
  const said = texts.join('\n\n');
  const { documents, text } = type === 'ASSISTANT' ? cite(said, citations, lose) : { documents: [], text: said };
  return {
    text,
    reasoning: type === 'ASSISTANT' ? thoughts.join('\n\n') || null : null,
    toolCalls: type === 'ASSISTANT' ? inTurns(calls, lose) : [],
    documents,
    files,
    errorText: errors.length === 0 ? null : errors.join('\n\n'),
  };
}

/** Gives a result to its call: the first one of its id that has none, or of any id when the result names none. */
function answerCall(calls: OpenCall[], part: ToolResultPart, lose: (kind: string) => void): void {
  const response = typeof part.output === 'string' ? part.output : JSON.stringify(part.output);
  const call = calls.find(
    ({ id, response: known }) => known === undefined && (part.callId === null || part.callId === id),
  );
  if (call !== undefined) call.response = response;
  else {
    lose('result without a call');
    calls.push({ id: part.callId, name: part.name ?? 'tool', arguments: {}, reasoning: null, response });
  }
}

function inTurns(calls: readonly OpenCall[], lose: (kind: string) => void): OnyxToolCall[] {
  let next = 0;
  return calls.map(({ id, name, arguments: given, reasoning, response }, place) => {
    if (response === undefined) lose('call without a result');
    // Onyx shows a thought as a step of its own, in the turn before its call.
    const turn = reasoning === null ? next : next + 1;
    next = turn + 1;
    const object = argumentsOf(given);
    const tokens = Math.ceil(JSON.stringify(object).length / 4);
    return {
      id: id ?? `call_${place + 1}`,
      name: name === '' ? 'tool' : name,
      arguments: object,
      response: plainResponse(name, response ?? ''),
      reasoning,
      turn,
      tokens,
    };
  });
}

function argumentsOf(given: Json): OnyxToolCall['arguments'] {
  const value = typeof given === 'string' ? parsed(given) : given;
  if (isObject(value)) return value;
  if (given === '' || given === null) return {};
  return { input: value ?? given };
}

/** A JSON object with `tool_name` would be read as Onyx's own summary, and only its `tool_result` shown. */
function plainResponse(name: string, response: string): string {
  const value = response.includes('"tool_name"') ? parsed(response) : undefined;
  if (!isObject(value) || !('tool_name' in value)) return response;
  return JSON.stringify({ tool_name: name, response_type: 'text', tool_result: response, error: null });
}

/** The list that a mark's word stands for. LibreChat writes `\ue202turn0search1`: the second of that turn's results. */
const lists: Readonly<Record<string, string>> = {
  search: 'organic',
  news: 'topStories',
  image: 'images',
  video: 'videos',
  ref: 'references',
};

/** Numbers what an answer rests on, and writes the marks in the text as Onyx reads them. */
function cite(
  text: string,
  citations: readonly CitationPart[],
  lose: (kind: string) => void,
): { text: string; documents: OnyxDocument[] } {
  const documents: OnyxDocument[] = [];
  const numbers = new Map<string, number>();
  for (const { sources, turn } of citations) {
    const counts = new Map<string, number>();
    for (const { list = '', url, title, text: snippet } of sources) {
      const place = counts.get(list) ?? 0;
      counts.set(list, place + 1);
      if (url === undefined) {
        lose('citation without an address');
        continue;
      }
      documents.push({ url, title: title ?? url, text: snippet ?? '' });
      numbers.set(`${turn ?? 0} ${list} ${place}`, documents.length);
    }
  }
  const marked = text.replaceAll(/\ue202turn(\d+)([a-z]+)(\d+)/g, (_, turn: string, word: string, place: string) => {
    const number = numbers.get(`${turn} ${lists[word] ?? word} ${place}`);
    const url = number === undefined ? undefined : documents[number - 1]?.url;
    if (url !== undefined) return `[[${number}]](${url})`;
    // Without a document it would be shown as boxes.
    lose('mark of a citation');
    return '';
  });
  return { documents, text: marked.replaceAll(/[\ue200-\ue206]/g, '') };
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function isObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
