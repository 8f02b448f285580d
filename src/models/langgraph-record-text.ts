import { complete, growingObject, ShorterText, type GrowingObject } from '../formats/growing-json.ts';
import { eachJsonElement, eachJsonMember, jsonValue, jsonValueEnd, type JsonRange } from '../formats/json-members.ts';
import type { HistoryEntry, ThreadRecord } from './langgraph.ts';

/** The text of a thread's record: where in it the values of its checkpoints are, and what of them is new in each. */
export interface ThreadText extends JsonRange {
  readonly entries: readonly EntryText<GrowingObject>[];
}

/** The text of a checkpoint, and where in it its values are; nothing when it has none. */
export interface EntryText<T extends JsonRange = JsonRange> extends JsonRange {
  readonly values: T | undefined;
}

/** A checkpoint, and the text it was read from: `bytes[start..end)`. */
export interface KnownEntry extends EntryText {
  readonly bytes: Buffer;
  readonly entry: HistoryEntry;
}

/**
 * Which thread a record is of, and which part of it, from its text. What stands behind the history is looked at only when it may
 * be one of these: that is some µs less for each of the threads that wait.
 */
export function threadHead(
  bytes: Buffer,
  start: number,
  end: number,
): { readonly threadId: unknown; readonly part: unknown } {
  let threadId: unknown;
  let part: unknown;
  eachJsonMember(
    bytes,
    start,
    end,
    (name, from, to) => {
      if (name === 'thread_id') threadId = jsonValue(bytes, { start: from, end: to });
      else if (name === 'part') part = jsonValue(bytes, { start: from, end: to });
    },
    (name, from) => {
      const isLast = name === 'history' && threadId !== undefined && !bytes.subarray(from, end).includes(partName);
      return isLast ? end : jsonValueEnd(bytes, from);
    },
  );
  return { threadId, part };
}

const partName = Buffer.from('part"');

/**
 * Looks through the text of a thread's record, without making a value of it. Of the values of each checkpoint, only what is
 * not in the one before is looked at: they are most of the text, and mostly repeat it.
 *
 * The text is valid JSON; of what is no thread, there are no entries.
 */
export function threadText(bytes: Buffer, start: number, end: number): ThreadText {
  let entries: EntryText<GrowingObject>[] = [];
  eachJsonMember(bytes, start, end, ignore, (name, from) => {
    if (name !== 'history') return jsonValueEnd(bytes, from);
    entries = [];
    return eachJsonElement(bytes, from, end, (at) => {
      const before = entries.at(-1)?.values;
      const entry = entryText(bytes, at, (place) => growingObject(bytes, place, before));
      entries.push(entry);
      return entry.end;
    });
  });
  return { start, end, entries };
}

/** Where an entry of a history ends, and where its values are, of which the caller knows the end. */
export function entryText<T extends JsonRange>(
  bytes: Buffer,
  start: number,
  valuesAt: (start: number) => T,
): EntryText<T> {
  // As in JSON.parse, the last one of the name counts.
  let values: T | undefined;
  const end = eachJsonMember(bytes, start, bytes.length, ignore, (name, at) => {
    if (name !== 'values') return jsonValueEnd(bytes, at);
    values = valuesAt(at);
    return values.end;
  });
  return { start, end, values };
}

/**
 * The record as `JSON.parse` would make it, but that what stands in the values of one checkpoint and of the next is one and the
 * same object.
 */
export function readThreadText(bytes: Buffer, { start, end, entries }: ThreadText): unknown {
  const shorter = new ShorterText(bytes, start);
  for (const { values } of entries) if (values !== undefined) shorter.leaveOutRepeated(values);
  const record = JSON.parse(shorter.upTo(end)) as { readonly history?: readonly { readonly values?: unknown }[] };
  let before: unknown;
  for (const [index, { values: text }] of entries.entries()) {
    const values = record.history?.[index]?.values;
    if (text !== undefined) complete(values as Record<string, unknown>, text, before as Record<string, unknown>);
    before = values;
  }
  return record;
}

/** The checkpoints of a record with their texts, oldest first. */
export function knownEntries(bytes: Buffer, { entries }: ThreadText, { history }: ThreadRecord): readonly KnownEntry[] {
  const known: KnownEntry[] = [];
  for (const [index, entry] of history.entries()) {
    const text = entries[index];
    if (text !== undefined) known.push({ bytes, start: text.start, end: text.end, values: text.values, entry });
  }
  return known;
}

function ignore(): void {
  // Only where the members are counts.
}
