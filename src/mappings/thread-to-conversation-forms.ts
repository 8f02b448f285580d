import type { Json } from '../json.ts';

export type Fields = Readonly<Record<string, Json>>;

/** A message of a thread, whichever way it was written down. */
export interface LangMessage {
  readonly kind: 'human' | 'ai' | 'system' | 'tool' | 'remove' | 'other';
  /** As it was written: `ai`, `AIMessageChunk`, `chat` … */
  readonly type: string;
  readonly id: string | undefined;
  readonly content: Json;
  /** Everything it has, the fields above included. */
  readonly fields: Fields;
}

const kinds: Readonly<Record<string, LangMessage['kind']>> = {
  human: 'human',
  user: 'human',
  ai: 'ai',
  assistant: 'ai',
  system: 'system',
  developer: 'system',
  tool: 'tool',
  function: 'tool',
  remove: 'remove',
};

/**
 * A value of a messages channel as a message; nothing when it is none.
 *
 * Takes the servers' form (`{type, content, id, …}`), constructors (`{lc: 1, id: […, "HumanMessage"], kwargs}`), stored
 * messages (`{type, data}`), messages by role (`{role, content}`), pairs (`["user", "hi"]`) and plain text, which is a human's.
 *
 * @see LangChain Core 1.2 `messages/utils` (JavaScript), 1.7 `messages/utils.py` (Python): what is taken for a message
 */
export function langMessage(value: unknown): LangMessage | undefined {
  if (typeof value === 'string') return made('human', { content: value });
  if (Array.isArray(value)) {
    const [role, content] = value as readonly unknown[];
    if (value.length !== 2 || typeof role !== 'string' || kinds[role] === undefined) return undefined;
    return made(role, { content: content as Json });
  }
  if (!isFields(value)) return undefined;
  const { type, role } = value;
  if (value['lc'] === 1 && type === 'constructor' && isFields(value['kwargs'])) {
    const path = value['id'];
    const name = Array.isArray(path) ? String(path.at(-1)) : '';
    if (!name.includes('Message')) return undefined;
    // HumanMessage is `human` in the servers' form; pieces keep the name of their class.
    return made(name.replace(/Message$/, '').toLowerCase(), value['kwargs']);
  }
  if (typeof type === 'string' && isFields(value['data']) && !('content' in value)) return made(type, value['data']);
  if (!('content' in value)) return undefined;
  if (typeof type === 'string') return made(type, value);
  return typeof role === 'string' ? made(role, value) : undefined;
}

function made(type: string, fields: Fields): LangMessage {
  const { id, content, role } = fields;
  const plain = type
    .replace(/Chunk$/, '')
    .replace(/Message$/, '')
    .toLowerCase();
  const kind = kinds[plain] ?? (typeof role === 'string' ? kinds[role] : undefined) ?? 'other';
  return {
    kind,
    type,
    id: typeof id === 'string' && id !== '' ? id : undefined,
    content: content ?? null,
    fields,
  };
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
