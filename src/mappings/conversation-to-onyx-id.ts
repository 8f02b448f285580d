import { createHash } from 'node:crypto';

import type { Conversation } from '../models/conversation.ts';

const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
/** Ours: the same conversation gets the same id in every import. */
const namespace = Buffer.from('9b1f1c5c0d5e4c0a8a3f6f6e79780001', 'hex');

/** The id a conversation's chat gets: its own when that is a UUID, else one made from its key. */
export function conversationToOnyxId({ id, key }: Pick<Conversation, 'id' | 'key'>): string {
  return uuid.test(id) ? id.toLowerCase() : onyxIdOfKey(key);
}

/** A UUID of version 5 (RFC 9562) made from a conversation's key: for ids that are no UUID, or that another owner's chat has. */
export function onyxIdOfKey(key: string): string {
  const bytes = createHash('sha1').update(namespace).update(key).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
