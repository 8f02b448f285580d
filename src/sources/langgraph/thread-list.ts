import type { LanggraphConnection } from '../../connections/langgraph.ts';
import { httpStatusOf } from '../../connections/langgraph-errors.ts';
import { EtlError } from '../../errors.ts';
import { markNumbers, unmarkNumbers } from '../../formats/exact-numbers.ts';
import { jsonArrayElements } from '../../formats/json-array-elements.ts';
import { asBuffer, jsonRecordText } from '../../formats/json-records.ts';
import type { ThreadRow } from '../../models/langgraph.ts';

/** A thread's row, as text and as what it says. */
export interface ListedThread {
  readonly row: ThreadRow;
  readonly text: string;
  /** Where the list stands after this thread: made when somebody asks, which is once a batch. */
  place(): ListPlace;
}

/** Up to where the list was read: the time of the last thread, the threads of that time, and how many came in all. */
export interface ListPlace {
  readonly createdAt: string;
  readonly ids: readonly string[];
  readonly seen: number;
}

/** Which threads, in the words of the API. */
export interface ThreadFilter {
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly status?: string | undefined;
}

/** Everything but the values: they are the last checkpoint's, and many times the size of the rest. */
const select = ['thread_id', 'created_at', 'updated_at', 'metadata', 'status', 'config', 'interrupts'];
/** Pages begin this many rows before the end of the last one: where a page was shifted by deleted threads, it is seen. */
const overlap = 10;

/**
 * Lists threads, oldest first, while others are made and deleted: those of a page at a time.
 *
 * The API pages by offset only. New threads come at the end of this order; deleted ones shift the pages, so that each page
 * has to begin with rows that were seen already, or the list goes back until it does. Rows of one and the same time, whose
 * order is nobody's promise, are read again with the next page. No thread is given twice.
 */
export async function* listThreads(
  connection: LanggraphConnection,
  filter: ThreadFilter,
  { from, pageSize = 100 }: { readonly from?: ListPlace | undefined; readonly pageSize?: number | undefined },
  signal: AbortSignal,
): AsyncGenerator<readonly ListedThread[]> {
  let createdAt = from?.createdAt ?? '';
  // The threads of that time, as they come and to look them up.
  let tied = [...(from?.ids ?? [])];
  const ids = new Set(tied);
  let seen = from?.seen ?? 0;
  let offset = Math.max(0, seen - overlap);
  let next = threadPage(connection, filter, { offset, limit: pageSize }, signal);
  for (;;) {
    const rows = await next;
    const [first] = rows;
    const isShifted = offset > 0 && (first === undefined || order(first.row.created_at ?? '', createdAt) > 0);
    if (isShifted && createdAt !== '') {
      offset = Math.max(0, offset - pageSize + overlap);
      next = threadPage(connection, filter, { offset, limit: pageSize }, signal);
      continue;
    }
    const isLast = rows.length < pageSize;
    const at = offset;
    offset += stepOver(rows);
    // The next page is asked for while this one is worked on.
    next = isLast ? Promise.resolve([]) : threadPage(connection, filter, { offset, limit: pageSize }, signal);
    next.catch(() => undefined);
    const found: ListedThread[] = [];
    for (const { row, text } of rows) {
      const time = row.created_at ?? '';
      const isLater = order(time, createdAt);
      if (isLater < 0 || (isLater === 0 && ids.has(row.thread_id))) continue;
      if (isLater > 0) {
        ids.clear();
        tied = [];
      }
      createdAt = time;
      ids.add(row.thread_id);
      tied.push(row.thread_id);
      seen += 1;
      found.push(new Listed(row, text, time, tied, seen));
    }
    if (found.length > 0) yield found;
    if (!isLast) continue;
    // Threads may have been made meanwhile: the list ends when its last page has nothing new.
    if (found.length === 0) return;
    offset = Math.max(0, at + rows.length - overlap);
    next = threadPage(connection, filter, { offset, limit: pageSize }, signal);
  }
}

class Listed implements ListedThread {
  readonly row: ThreadRow;
  readonly text: string;
  readonly #createdAt: string;
  /** The threads of that time: this one is the last of the first `#ties`. */
  readonly #tied: readonly string[];
  readonly #ties: number;
  readonly #seen: number;

  constructor(row: ThreadRow, text: string, createdAt: string, tied: readonly string[], seen: number) {
    this.row = row;
    this.text = text;
    this.#createdAt = createdAt;
    this.#tied = tied;
    this.#ties = tied.length;
    this.#seen = seen;
  }

  place(): ListPlace {
    return { createdAt: this.#createdAt, ids: this.#tied.slice(0, this.#ties), seen: this.#seen };
  }
}

/** How many threads there are; nothing when the server cannot say. */
export async function countThreads(
  connection: LanggraphConnection,
  { metadata, status }: ThreadFilter,
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    const count = await connection.json({ method: 'POST', path: '/threads/count', body: { metadata, status } }, signal);
    return typeof count === 'number' ? count : undefined;
  } catch (error) {
    if ([404, 405, 501].includes(httpStatusOf(error) ?? 0)) return undefined;
    throw error;
  }
}

interface Row {
  readonly row: ThreadRow;
  readonly text: string;
}

async function threadPage(
  connection: LanggraphConnection,
  { metadata, status }: ThreadFilter,
  { offset, limit }: { readonly offset: number; readonly limit: number },
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const body = { limit, offset, sort_by: 'created_at', sort_order: 'asc', metadata, status, select };
  const { bytes, giveBack } = await connection.read({ method: 'POST', path: '/threads/search', body }, signal);
  const found = jsonArrayElements(bytes);
  if (found === undefined) throw notThreads(connection.where);
  const rows = Array.from({ length: found.count }, (_, index) => {
    const text = jsonRecordText(found, index);
    return { text, row: asRow(JSON.parse(text), connection.where) };
  });
  giveBack();
  return rows;
}

/** One thread's row by its id. */
export async function threadById(connection: LanggraphConnection, id: string, signal: AbortSignal): Promise<Row> {
  const { bytes } = await connection.read({ path: `/threads/${encodeURIComponent(id)}` }, signal);
  const { values: _, ...row } = asRow(jsonOf(bytes), connection.where);
  // The row without its values, and with its numbers as they were written.
  const { values: __, ...exact } = asRow(jsonOf(markNumbers(bytes, 'forms')), connection.where);
  return { row, text: unmarkNumbers(JSON.stringify(exact)) };
}

/** The value of JSON text; nothing when it is none. */
function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(asBuffer(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

function asRow(value: unknown, where: string): ThreadRow {
  if (typeof value === 'object' && value !== null && 'thread_id' in value && typeof value.thread_id === 'string')
    return value as ThreadRow;
  throw notThreads(where);
}

/** How far the next page lies behind this one: its last rows, and all of the last row's time, come again. */
function stepOver(rows: readonly Row[]): number {
  const last = rows.at(-1)?.row.created_at;
  const tied = rows.findIndex(({ row }) => row.created_at === last);
  const step = Math.max(0, tied) - overlap;
  return step > 0 ? step : Math.max(1, rows.length - overlap);
}

/** The order of two times. Servers write them alike, but for digits of a second that are left out when they are zero. */
function order(a: string, b: string): number {
  if (a === b) return 0;
  // Written alike, which is the rule, they are in the order of their text.
  const zone = a.endsWith('Z') ? 'Z' : '+00:00';
  if (a.length === b.length && a.endsWith(zone) && b.endsWith(zone)) return a < b ? -1 : 1;
  const difference = Date.parse(a) - Date.parse(b);
  if (difference !== 0 && !Number.isNaN(difference)) return difference;
  return a < b ? -1 : 1;
}

function notThreads(where: string): EtlError {
  return new EtlError('ETL_REQUEST_FAILED', 'the search for threads answered something that is no list of threads', {
    where: { file: where },
    hint: 'Is this the address of a LangGraph API?',
  });
}
