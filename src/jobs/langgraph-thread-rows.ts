import { canonicalJson } from '../canonical-json.ts';
import type { ThreadRow } from '../models/langgraph.ts';
import { valueDifferences } from '../models/value-differences.ts';

/** What servers set or leave out by themselves, and what an import notes. */
const ownMetadata = new Set(['run_id', 'thread_id', 'assistant_id', 'imported']);

/** The metadata of a thread that its callers gave it. */
export function keptMetadata({ metadata }: ThreadRow): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(metadata ?? {}).filter(([name]) => !ownMetadata.has(name)));
}

/** The metadata of the source that the target has otherwise, or not at all: `graph_id: "desk" here, "other" there`. */
export function changedMetadata(expected: string, row: ThreadRow): string {
  const there = keptMetadata(row);
  if (expected === canonicalJson(there)) return '';
  const here = JSON.parse(expected) as Readonly<Record<string, unknown>>;
  return valueDifferences(here, Object.fromEntries(Object.keys(here).map((name) => [name, there[name]])));
}

/** A row without what is compared otherwise, times in one form. */
export function comparableRow(row: ThreadRow): Readonly<Record<string, unknown>> {
  const { thread_id: _id, metadata: _metadata, values: _values, ...rest } = row;
  return Object.fromEntries(
    Object.entries(rest).map(([name, value]) => [
      name,
      name.endsWith('_at') && typeof value === 'string' ? millisecondsOf(value) : value,
    ]),
  );
}

/** Whether two times are the same millisecond, or one of them is not known. */
export function isSameTime(here: string | undefined, there: string | undefined): boolean {
  return here === undefined || there === undefined || millisecondsOf(here) === millisecondsOf(there);
}

/** A time as JavaScript writes it; a text that is none as it is. */
function millisecondsOf(time: string): string {
  const found = Date.parse(time);
  return Number.isNaN(found) ? time : new Date(found).toISOString();
}
