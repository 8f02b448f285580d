import { hash } from 'node:crypto';

import type { Conversation } from '../models/conversation.ts';
import { UUID_EPOCH } from './thread-to-conversation-time.ts';

const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
/** Ours: the same conversation gets the same thread in every import. */
const namespace = Buffer.from('5f0a6a0e3f5b4d7c9a41b2f1c6d3e805', 'hex');

/**
 * The id a conversation's thread gets: one of version 5 (RFC 9562) made from its key, or its own.
 *
 * Its own is kept of a thread of LangGraph, and of a system whose key is the id alone. Elsewhere two people may have
 * conversations with one id, and those are two threads; `same` keeps the id all the same, when it is a UUID.
 */
export function threadIdOf(
  { id, key, source: { system } }: Pick<Conversation, 'id' | 'key' | 'source'>,
  ids: 'unique' | 'same' = 'unique',
): string {
  const isAlone = system === 'langgraph' || key === `${system}:${id}`;
  if (uuid.test(id) && (isAlone || ids === 'same')) return id.toLowerCase();
  const hex = hash('sha1', Buffer.concat([namespace, Buffer.from(key)]), 'hex');
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  return dashed(`${hex.slice(0, 12)}5${hex.slice(13, 16)}${variant}${hex.slice(18, 32)}`);
}

/**
 * The id of a checkpoint as LangGraph makes them: a UUID of version 6, which sorts by time, with the step in it.
 *
 * @param micros Microseconds since 1970; no two checkpoints of a thread have the same.
 */
export function checkpointIdOf(threadId: string, micros: number, step: number): string {
  const time = (BigInt(micros) * 10n + UUID_EPOCH).toString(16).padStart(15, '0');
  const sequence = ((step & 0x3fff) | 0x8000).toString(16);
  return dashed(`${time.slice(0, 12)}6${time.slice(12)}${sequence}${hash('sha1', threadId).slice(0, 12)}`);
}

function dashed(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
