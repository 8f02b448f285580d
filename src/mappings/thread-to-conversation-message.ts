import { isDeepStrictEqual } from 'node:util';

import type { Json } from '../json.ts';
import type { Part, ToolCallPart } from '../models/conversation-parts.ts';
import type { Message, Role } from '../models/conversation.ts';
import { callsOf } from './thread-to-conversation-calls.ts';
import { isFields, type Fields, type LangMessage } from './thread-to-conversation-forms.ts';
import { contentToParts } from './thread-to-conversation-parts.ts';

/** Under this name in `additional_kwargs` stands what a message of ours has no field for in LangChain. */
export const MESSAGE_MARK = 'threadmill';

/** What one message of a thread says, without its place in the tree. */
export interface SaidMessage extends Pick<Message, 'role' | 'parts'> {
  readonly fields: Partial<Omit<Message, 'role' | 'parts' | 'source'>>;
  readonly extra: Fields;
  /** What we noted when we made it of a message; `of` is that message's id. */
  readonly mark: (Fields & { readonly of: string }) | undefined;
}

const roles: Readonly<Record<LangMessage['kind'], Role>> = {
  human: 'user',
  ai: 'assistant',
  system: 'system',
  tool: 'tool',
  remove: 'system',
  other: 'assistant',
};

/** Types that say no more than the role does. */
const plainTypes = new Set(['human', 'user', 'ai', 'assistant', 'system', 'tool']);

/**
 * A message of a thread in the words of a conversation. Of its fields, what has no place there is in `extra`, verbatim, but
 * for those that are empty.
 *
 * @param nameOf The name of the tool that was called by an id before.
 */
export function sayMessage(message: LangMessage, nameOf: (callId: string) => string | undefined): SaidMessage {
  const { kind, type, content, fields } = message;
  const given = fieldsOf(fields['additional_kwargs']);
  const { [MESSAGE_MARK]: noted, ...kwargs } = given;
  const mark = isFields(noted) && typeof noted['of'] === 'string' ? (noted as SaidMessage['mark']) : undefined;
  const response = fieldsOf(fields['response_metadata']);
  const { id: _, type: __, content: ___, role: speaker, ...rest } = fields;
  const extra: Record<string, Json> = {
    ...rest,
    ...(plainTypes.has(type) ? {} : { type, ...(speaker !== undefined && { role: speaker }) }),
  };
  const take = (...names: readonly string[]): void => names.forEach((name) => delete extra[name]);
  const parts: Part[] = [];
  const used = new Set<string>();

  if (kind === 'tool' && mark?.['plain'] !== true) {
    take('tool_call_id', 'name', 'status', 'artifact');
    parts.push(resultOf(message, mark, nameOf));
  } else {
    const thought = kwargs['reasoning_content'];
    if (kind === 'ai' && typeof thought === 'string' && thought !== '') {
      parts.push({ type: 'reasoning', text: thought, sourceType: 'reasoning_content' });
      used.add('reasoning_content');
    }
    const calls = callsOf(fields, kwargs);
    for (const name of calls.used) used.add(name);
    take('tool_calls', 'invalid_tool_calls', 'name', 'tool_call_id');
    parts.push(...inOrder(content, calls.parts));
  }
  const model = [response['model_name'], response['model'], response['model_id']].find(
    (name) => typeof name === 'string',
  );
  const finishReason = [response['finish_reason'], response['stop_reason']].find((why) => typeof why === 'string');
  const { model_name: ____, finish_reason: _____, ...meta } = response;
  extra['response_metadata'] = meta;
  extra['additional_kwargs'] = without(kwargs, used);
  const usage = fields['usage_metadata'] ?? kwargs['usage_metadata'];
  const tokens = isFields(usage) && typeof usage['output_tokens'] === 'number' ? usage['output_tokens'] : undefined;
  const name = kind === 'tool' ? undefined : fields['name'];
  return {
    role: roles[kind],
    parts: mark === undefined || mark['native'] === true ? parts : parts.map(withoutSourceType),
    fields: {
      ...(typeof name === 'string' && name !== '' && { name }),
      ...(model !== undefined && { model }),
      ...(tokens !== undefined && { tokens }),
      ...(finishReason !== undefined && { finishReason }),
    },
    extra: Object.fromEntries(Object.entries(extra).filter(([, value]) => !isEmpty(value))),
    mark,
  };
}

/** A tool's answer. Its name is that of its call where the message has none. */
function resultOf(
  { content, fields }: LangMessage,
  mark: SaidMessage['mark'],
  nameOf: (callId: string) => string | undefined,
): Part {
  const { tool_call_id: id, name, status, artifact } = fields;
  const callId = typeof id === 'string' && id !== '' && mark?.['withoutCall'] !== true ? id : null;
  const known = typeof name === 'string' && name !== '' ? name : undefined;
  const found = known ?? (callId === null || mark !== undefined ? undefined : nameOf(callId));
  const isJson = mark?.['json'] === true && typeof content === 'string';
  return {
    type: 'toolResult',
    callId,
    ...(found !== undefined && { name: found }),
    output: isJson ? parsed(content) : content,
    ...(status === 'error' && { failed: true as const }),
    ...(!isEmpty(artifact) && artifact !== undefined && { extra: { artifact } }),
  };
}

/** A value that conversationToThread wrote as text; what a node has made of it since stays text. */
function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** A conversation that is not from LangGraph has no names of blocks. */
function withoutSourceType(part: Part): Part {
  if (part.type === 'other') return part;
  const { sourceType: _, ...rest } = part;
  return rest;
}

/** Content and calls: where the content tells the place of a call it stands there, else behind. */
function inOrder(content: Json, calls: readonly ToolCallPart[]): readonly Part[] {
  const waiting = [...calls];
  const ids = new Set(calls.flatMap(({ id }) => id ?? []));
  const parts: Part[] = [];
  for (const part of contentToParts(content, ids)) {
    if (part.type !== 'call') {
      parts.push(part);
      continue;
    }
    const same = waiting.filter(({ id }) => id === part.id);
    // Providers repeat ids.
    const call = same.find((one) => isCallOf(part.block, one)) ?? same[0];
    if (call !== undefined) parts.push(...waiting.splice(waiting.indexOf(call), 1));
  }
  return [...parts, ...waiting];
}

/** Whether the block says the same call: the arguments of the call may be the text of those of the block. */
function isCallOf({ name, input, args, arguments: text }: Fields, call: ToolCallPart): boolean {
  const said = input ?? args ?? text;
  const given = call.arguments;
  const meant = typeof given !== 'string' ? given : given === '' ? {} : parsed(given);
  return name === call.name && (isDeepStrictEqual(said, given) || isDeepStrictEqual(said, meant));
}

function without(fields: Fields, names: ReadonlySet<string>): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.has(name)));
}

function fieldsOf(value: Json | undefined): Fields {
  return isFields(value) ? value : {};
}

/** What servers write where there is nothing to say. */
function isEmpty(value: Json | undefined): boolean {
  if (value === null || value === undefined || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
