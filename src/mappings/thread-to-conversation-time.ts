import { timeText } from '../models/extended-json.ts';
import type { HistoryEntry } from '../models/langgraph.ts';

/** 100 ns between 1582-10-15, from which UUIDs count, and 1970. */
export const UUID_EPOCH = 122_192_928_000_000_000n;

/** When a checkpoint was made, in ISO 8601 with three to six digits; from its id where nothing else tells. */
export function checkpointTime({ created_at: time, checkpoint }: HistoryEntry): string | undefined {
  // Python writes microseconds and `+00:00`, which would be read as milliseconds.
  const utc = typeof time === 'string' ? time.replace(/(?:\+00:?00|(?<=\d)[zZ])$/, 'Z') : undefined;
  return timeText(utc) ?? timeOfUuid6(checkpoint.checkpoint_id);
}

/** The time in a UUID of version 6 (RFC 9562): microseconds. */
function timeOfUuid6(id: string): string | undefined {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-6[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(id)) return undefined;
  const hex = id.replaceAll('-', '');
  const micros = Number((BigInt(`0x${hex.slice(0, 12)}${hex.slice(13, 16)}`) - UUID_EPOCH) / 10n);
  return isoOfMicroseconds(micros);
}

/** Microseconds since 1970 as ISO 8601: with three digits when the last three are zero, else six. */
export function isoOfMicroseconds(micros: number): string | undefined {
  const milliseconds = Math.floor(micros / 1000);
  const date = new Date(milliseconds);
  if (Number.isNaN(date.getTime())) return undefined;
  const rest = micros - milliseconds * 1000;
  const text = date.toISOString();
  return rest === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
}
