import type { Conversation } from '../models/conversation.ts';
import type { OnyxNode } from './conversation-to-onyx-tree.ts';
import type { Loss } from './loss.ts';

/** Times of a chat in microseconds since 1970: of the session, and of each message by its place. */
export interface OnyxTimes {
  readonly timeCreated: number;
  readonly timeUpdated: number;
  readonly sent: readonly number[];
}

/**
 * Times as Onyx needs them: growing strictly along every path, or messages vanish from what the model is told.
 *
 * A message keeps its own time unless its parent is as late; then it comes one microsecond after it. What the session's own
 * times lack is taken from the messages. The root is dated before everything.
 */
export function conversationToOnyxTimes(
  { createdAt, updatedAt }: Pick<Conversation, 'createdAt' | 'updatedAt'>,
  nodes: readonly OnyxNode[],
  losses: Loss[],
): OnyxTimes {
  const own = nodes.map(({ messages }) => microseconds(messages[0]?.createdAt));
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const time of own) {
    if (time === undefined) continue;
    first = Math.min(first, time);
    last = Math.max(last, time);
  }
  const known = Number.isFinite(first);
  const timeCreated = microseconds(createdAt) ?? (known ? first : (microseconds(updatedAt) ?? 0));
  const timeUpdated = microseconds(updatedAt) ?? (known ? Math.max(last, timeCreated) : timeCreated);
  if (microseconds(createdAt) === undefined) losses.push({ kind: 'time', detail: 'createdAt' });
  if (microseconds(updatedAt) === undefined) losses.push({ kind: 'time', detail: 'updatedAt' });
  const sent: number[] = [];
  for (const [place, { parent, messages }] of nodes.entries()) {
    if (parent === null) {
      sent.push(Math.min(timeCreated, known ? first - 1 : timeCreated));
      continue;
    }
    const earliest = (sent[parent] ?? 0) + 1;
    const wanted = own[place] ?? earliest;
    if (messages.length > 0 && (own[place] === undefined || wanted < earliest))
      losses.push({ kind: 'time', messageId: messages[0]?.id, detail: 'messages.createdAt' });
    sent.push(Math.max(wanted, earliest));
  }
  return { timeCreated, timeUpdated, sent };
}

/** Microseconds since 1970 of an ISO 8601 time. Undefined for none, for what is no time, and outside of 1970 to 9999. */
export function microseconds(time: string | null | undefined): number | undefined {
  if (time === null || time === undefined) return undefined;
  const ms = Date.parse(time);
  if (!(ms >= 0 && ms < 253_402_300_800_000)) return undefined;
  const digits = /\.\d{3}(\d{1,3})/.exec(time)?.[1] ?? '';
  return ms * 1000 + Number(digits.padEnd(3, '0'));
}

/** The time as text, to the microsecond. */
export function timeText(micros: number): string {
  const ms = Math.floor(micros / 1000);
  return new Date(ms).toISOString().replace('Z', `${String(micros - ms * 1000).padStart(3, '0')}Z`);
}
