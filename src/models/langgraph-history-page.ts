import { complete, growingObject, isSameText, ShorterText, type GrowingObject } from '../formats/growing-json.ts';
import type { MarkedRecords } from '../formats/json-array-elements.ts';
import type { JsonRange } from '../formats/json-members.ts';
import { asBuffer, type JsonRecords } from '../formats/json-records.ts';
import { jsonEqual } from '../json-equal.ts';
import { asHistoryEntry, parentIdOf, type HistoryEntry } from './langgraph.ts';
import { entryText, type EntryText, type KnownEntry } from './langgraph-record-text.ts';

const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const COMMA = 0x2c;
/** So many known entries are tried for each that is read: more or fewer of them than expected may come in between. */
const tries = 3;

/** Checkpoints that are likely to be met in a history: those of the same thread elsewhere, with their texts, oldest first. */
export class KnownEntries {
  readonly #entries: readonly KnownEntry[];
  /** Those from here on were met, or passed. */
  #end: number;
  #next = 0;
  /** The text of a page that holds nothing else. */
  #page: Uint8Array | undefined;

  constructor(entries: readonly KnownEntry[]) {
    this.#entries = entries;
    this.#end = entries.length;
  }

  /** The checkpoints of an answer, when all of them come next, newest first, and each in the words that are known. */
  page(bytes: Buffer): MarkedRecords | undefined {
    // Memory of answers is used again: what was known of the one before says nothing of this one.
    this.#page = undefined;
    const starts: number[] = [];
    const ends: number[] = [];
    if (bytes[0] !== OPEN_LIST) return undefined;
    for (let index = this.#end - 1, at = 1; index >= 0; index--, at++) {
      const known = this.#entries[index];
      if (known === undefined || !isSameText(bytes, at, known.bytes, known)) return undefined;
      starts.push(at);
      at += known.end - known.start;
      ends.push(at);
      if (bytes[at] === COMMA) continue;
      if (bytes[at] !== CLOSE_LIST || at + 1 !== bytes.length) return undefined;
      this.#page = bytes;
      const [count, mayHoldMark] = [starts.length, true];
      return { bytes, starts: Uint32Array.from(starts), ends: Uint32Array.from(ends), count, mayHoldMark };
    }
    return undefined;
  }

  /** The checkpoints of a page, newest first, when they are all known: see {@link page}. */
  all({ bytes, count }: JsonRecords): readonly KnownEntry[] | undefined {
    if (bytes !== this.#page) return undefined;
    this.begin(count);
    return this.#entries.slice(this.#end, this.#end + count).reverse();
  }

  /** Begins a page of so many checkpoints, which are older than all before. */
  begin(count: number): void {
    this.#next = Math.max(0, this.#end - count);
    this.#end = this.#next;
  }

  /** The checkpoint whose text, or that of a part, stands at `at`. Those of a page are asked for oldest first. */
  at(bytes: Buffer, at: number, partOf: (known: KnownEntry) => JsonRange | undefined): KnownEntry | undefined {
    for (let index = this.#next; index < this.#next + tries; index++) {
      const known = this.#entries[index];
      if (known === undefined) return undefined;
      const part = partOf(known);
      if (part === undefined || !isSameText(bytes, at, known.bytes, part)) continue;
      this.#next = index + 1;
      return known;
    }
    return undefined;
  }
}

/** An entry of a page that is known, or its text. */
type PageEntry = { readonly same: KnownEntry } | EntryText<ValuesText>;

/** The values of an entry: those of one that is known, or what of them is not in those of an older entry of the page. */
interface ValuesText extends JsonRange {
  readonly known?: KnownEntry;
  readonly text?: GrowingObject;
  /** The place of the older one. */
  readonly before?: number | undefined;
}

/**
 * The entries of a page of history, newest first. What has the same text as something that is known, or that stands in the
 * values of an older entry of the page, is not parsed again: it is the same object.
 */
export function historyPage(page: JsonRecords, known: KnownEntries): HistoryEntry[] {
  const { starts, count } = page;
  const bytes = asBuffer(page.bytes);
  const all = known.all(page);
  if (all !== undefined) return all.map(({ entry }) => filledIn(entry));
  const found: PageEntry[] = [];
  let before: { readonly text: GrowingObject; readonly place: number } | undefined;
  known.begin(count);
  // Oldest first.
  for (let index = count - 1; index >= 0; index--) {
    const start = starts[index] ?? 0;
    const same = known.at(bytes, start, whole);
    if (same !== undefined) {
      found.push({ same });
      continue;
    }
    const text = entryText(bytes, start, (at): ValuesText => {
      const other = known.at(bytes, at, valuesOf);
      if (other?.values !== undefined)
        return { start: at, end: at + other.values.end - other.values.start, known: other };
      const grown = growingObject(bytes, at, before?.text);
      return { start: at, end: grown.end, text: grown, before: before?.place };
    });
    if (text.values?.text !== undefined) before = { text: text.values.text, place: found.length };
    found.push(text);
  }
  const parsed = parseShorter(bytes, found);
  const entries: HistoryEntry[] = [];
  for (const entry of found) {
    if ('same' in entry) {
      entries.push(filledIn(entry.same.entry));
      continue;
    }
    const value = parsed.shift();
    if (entry.values !== undefined) restore(value as { values: unknown }, entry.values, entries);
    entries.push(asHistoryEntry(value));
  }
  return entries.reverse();
}

function whole(known: KnownEntry): JsonRange {
  return known;
}

function valuesOf({ values }: KnownEntry): JsonRange | undefined {
  return values;
}

/** Parses those entries that are not known, in one go, without what is. */
function parseShorter(bytes: Buffer, found: readonly PageEntry[]): unknown[] {
  const texts: string[] = [];
  for (const entry of found) {
    if ('same' in entry) continue;
    const shorter = new ShorterText(bytes, entry.start);
    if (entry.values?.known !== undefined) shorter.leaveOut(entry.values);
    else if (entry.values?.text !== undefined) shorter.leaveOutRepeated(entry.values.text);
    texts.push(shorter.upTo(entry.end));
  }
  return texts.length === 0 ? [] : (JSON.parse(`[${texts.join(',')}]`) as unknown[]);
}

/** Puts into an entry what was left out of its values. */
function restore(
  entry: { values: unknown },
  { known, text, before }: ValuesText,
  older: readonly HistoryEntry[],
): void {
  if (known !== undefined) entry.values = known.entry.values;
  else if (text !== undefined && before !== undefined)
    complete(entry.values as Record<string, unknown>, text, older[before]?.values as Record<string, unknown>);
}

/** The entry as `asHistoryEntry` gives it: itself, when nothing has to be filled in. */
function filledIn(entry: HistoryEntry): HistoryEntry {
  const { values, next, tasks, parent_checkpoint: parent } = entry;
  const isPlain = tasks.length === 0 && next.every((name) => typeof name === 'string');
  if (isPlain && (values ?? null) !== null && typeof parent?.checkpoint_id === 'string') return entry;
  const filled = asHistoryEntry(entry);
  const isFull =
    filled.values === values &&
    parentIdOf(filled) === parentIdOf(entry) &&
    jsonEqual(filled.next, next) &&
    jsonEqual(filled.tasks, tasks);
  return isFull ? entry : filled;
}
