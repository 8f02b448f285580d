import { jsonElements, jsonMembers, jsonValue } from '../formats/json-members.ts';
import type { HistoryEntry } from '../models/langgraph.ts';

/**
 * The JSON text of a thread's record without the checkpoints of its subgraphs; the same bytes when it has none. What stays is
 * as it was written, digit by digit. The text must be that of a valid record.
 */
export function threadWithoutSubgraphs(record: Buffer): Buffer {
  // Of members of one name the last one counts, as for `JSON.parse`.
  const history = jsonMembers(record).findLast(({ name }) => name === 'history');
  if (history === undefined) return record;
  const entries = jsonElements(record, history.start, history.end);
  const own = entries.filter(({ start, end }) => isOwn(record, start, end));
  if (own.length === entries.length) return record;
  const pieces: Uint8Array[] = [record.subarray(0, history.start + 1)];
  for (const [index, { start, end }] of own.entries()) {
    if (index > 0) pieces.push(comma);
    pieces.push(record.subarray(start, end));
  }
  pieces.push(record.subarray(history.end - 1));
  return Buffer.concat(pieces);
}

const comma = Buffer.from(',');

function isOwn(record: Buffer, start: number, end: number): boolean {
  const place = jsonMembers(record.subarray(start, end)).findLast(({ name }) => name === 'checkpoint');
  if (place === undefined) return true;
  const checkpoint = jsonValue(record.subarray(start, end), place) as HistoryEntry['checkpoint'] | null;
  return (checkpoint?.checkpoint_ns ?? '') === '';
}
