import { createHash, hash } from 'node:crypto';

import { jsonMembers } from './json-members.ts';

const COMMA = Buffer.from(',');

/** Fields that a server's search or object mapper keeps for itself and changes without anybody touching the chat. */
export const volatileNames: readonly string[] = ['__v'];
/** What the names of further such fields begin with. */
export const volatilePrefixes: readonly string[] = ['_meili'];

/** True for fields that digests leave out. */
export function isVolatile(name: string): boolean {
  return volatileNames.includes(name) || volatilePrefixes.some((prefix) => name.startsWith(prefix));
}

/**
 * Digest of one document's JSON text: SHA-256, hex, over its members as they stand (`"name":value,` each, in their order),
 * leaving out `__v` and `_meili…`. A value that is not an object, or an empty one, is taken whole.
 */
export function documentDigest(bytes: Buffer, from = 0, to = bytes.length): string {
  const members = jsonMembers(bytes, from, to);
  if (members.length === 0) return hash('sha256', bytes.subarray(from, to));
  const runs: Buffer[] = [];
  let runStart = -1;
  let runEnd = -1;
  const endRun = (): void => {
    if (runStart >= 0) runs.push(bytes.subarray(runStart, runEnd), COMMA);
    runStart = -1;
  };
  for (const { name, nameStart, end } of members) {
    if (isVolatile(name)) {
      endRun();
      continue;
    }
    if (runStart < 0) runStart = nameStart;
    runEnd = end;
  }
  endRun();
  return digestOf(runs);
}

/** SHA-256, hex, of pieces one after the other. Of many short ones the digest of one buffer is made sooner. */
export function digestOf(pieces: readonly Uint8Array[]): string {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return hash('sha256', first);
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  if (size <= mostGathered) return hash('sha256', Buffer.concat(pieces, size));
  const digest = createHash('sha256');
  for (const piece of pieces) digest.update(piece);
  return digest.digest('hex');
}

/** Longer ones would be held twice. */
const mostGathered = 262_144;

/** What a chat's digest is made of. */
export interface ChatContent {
  readonly userId: string;
  readonly conversationId: string | null;
  /** Digest of the conversation's document; null for messages without one. */
  readonly conversation: string | null;
  /** Digests of further documents of the same conversation, in any order, where a database holds several. */
  readonly copies?: readonly string[] | undefined;
  /** Digests of the messages, in any order. */
  readonly messages: readonly string[];
}

/**
 * Digest of a whole chat: SHA-256, hex, over owner, id, the conversation's digest, those of its copies (sorted, each with
 * `+` before it) and those of the messages (sorted), one a line. Two chats have the same digest when nothing that people or models said or set differs, in whatever order the
 * messages were found.
 */
export function chatDigest({ userId, conversationId, conversation, copies = [], messages }: ChatContent): string {
  const others = [...copies].sort().map((copy) => `+${copy}`);
  const lines = [
    JSON.stringify(userId),
    JSON.stringify(conversationId),
    conversation ?? '-',
    ...others,
    ...[...messages].sort(),
  ];
  return hash('sha256', lines.join('\n'));
}
