import { hash } from 'node:crypto';

import { canonicalJson } from '../canonical-json.ts';
import type { Runtime } from '../models/langgraph.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Types that both servers take in a state update as they are. */
const writable = new Set(['human', 'ai', 'system', 'tool', 'developer']);

/** What a message for a server in Python leaves out when it is empty. */
const omitted = ['usage_metadata', 'invalid_tool_calls'];

/** Types of pieces and of older versions, by what the servers take in their place. */
const replacements: Readonly<Record<string, string>> = {
  AIMessageChunk: 'ai',
  HumanMessageChunk: 'human',
  SystemMessageChunk: 'system',
  ToolMessageChunk: 'tool',
  FunctionMessageChunk: 'tool',
  ChatMessageChunk: 'human',
  function: 'tool',
};

const roles: Readonly<Record<string, string>> = { assistant: 'ai', ai: 'ai', system: 'system', developer: 'system' };

/** True for a value that looks like a message of the API: a known type and content. */
export function isMessage(value: unknown): value is Fields & { readonly type: string } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { type } = value as Fields;
  if (typeof type !== 'string' || !('content' in value)) return false;
  return writable.has(type) || type in replacements || type === 'chat' || type === 'generic';
}

/** True for a list that holds messages and nothing else. */
export function isMessageList(value: unknown): value is readonly (Fields & { readonly type: string })[] {
  return Array.isArray(value) && value.length > 0 && value.every(isMessage);
}

/**
 * A message in a form that a server takes in a state update, and gives back as it was.
 *
 * Types that are refused are replaced: pieces by the whole, `function` by `tool`, messages with a role by what the role is.
 * A message without id, for which the server would draw one, gets one that depends on it and its place.
 *
 * @see LangGraph API 0.16 (Python): an empty `usage_metadata` or `invalid_tool_calls` would be moved to `additional_kwargs`
 */
export function writableMessage(message: Fields & { readonly type: string }, place: string, runtime: Runtime): Fields {
  const { type } = message;
  if (isWritable(message, runtime)) return message;
  const kept: Record<string, unknown> = { ...message, type: writableType(message) };
  if (typeof message['id'] !== 'string' || message['id'] === '') kept['id'] = messageId(message, place);
  if (type === 'function' || type === 'FunctionMessageChunk') kept['tool_call_id'] ??= message['name'] ?? kept['id'];
  if (runtime === 'python') {
    for (const name of omitted) if (isEmpty(message[name])) delete kept[name];
  }
  // A role decides over the type where it stands.
  if ((type === 'chat' || type === 'generic') && 'role' in kept) {
    kept['additional_kwargs'] = { ...(message['additional_kwargs'] as object | null), role: kept['role'] };
    delete kept['role'];
  }
  return kept;
}

/** Whether a message is taken as it is: most are. */
function isWritable(message: Fields & { readonly type: string }, runtime: Runtime): boolean {
  if (!writable.has(message.type) || typeof message['id'] !== 'string' || message['id'] === '') return false;
  return runtime !== 'python' || !omitted.some((name) => name in message && isEmpty(message[name]));
}

function writableType(message: Fields & { readonly type: string }): string {
  const { type } = message;
  if (writable.has(type)) return type;
  const role = message['role'];
  if (typeof role === 'string' && (type === 'chat' || type === 'generic')) return roles[role] ?? 'human';
  return replacements[type] ?? 'human';
}

function messageId(message: Fields, place: string): string {
  const text = hash('sha256', `${place}\n${canonicalJson(message)}`);
  return [
    text.slice(0, 8),
    text.slice(8, 12),
    `5${text.slice(13, 16)}`,
    `8${text.slice(17, 20)}`,
    text.slice(20, 32),
  ].join('-');
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}
