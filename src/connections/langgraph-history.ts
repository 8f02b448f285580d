import { EtlError } from '../errors.ts';
import { FormatError } from '../formats/format-error.ts';
import { splitJsonArray } from '../formats/json-array.ts';
import { jsonArrayElements, type MarkedRecords } from '../formats/json-array-elements.ts';
import { jsonMember, jsonMembers, jsonValue } from '../formats/json-members.ts';
import { asBuffer, sliceJsonRecords, type JsonRecords } from '../formats/json-records.ts';
import type { LanggraphBody, LanggraphConnection, LanggraphRequest } from './langgraph.ts';
import { httpStatusOf, langgraphError } from './langgraph-errors.ts';

export interface HistoryOptions {
  /** `''` for the thread itself. */
  readonly namespace?: string | undefined;
  /** Checkpoints asked for at a time, at most 1000. Default 100. Fewer are asked for when they turn out to be large. */
  readonly pageSize?: number | undefined;
  /** Only so many of the newest checkpoints. */
  readonly limit?: number | undefined;
  /** The checkpoints of an answer that the caller knows by its bytes: these are not looked through. */
  readonly known?: ((answer: Buffer) => MarkedRecords | undefined) | undefined;
}

/** Checkpoints as text, newest first; `mayHoldMark` is false only when every `checkpoint_ns` in them is empty: no subgraph ran. */
export interface HistoryPage extends MarkedRecords {
  /** Nobody looks at the text any more: its memory is used for other answers. May be left undone. */
  giveBack(): void;
}

/** How the name of the member `checkpoint_ns` ends. */
const namespaceMark = 'point_ns';

/** Entries are not held whole in memory beyond this: they come in pieces of about so many bytes. */
const bufferBytes = 4_000_000;
/** Longest text of one checkpoint. */
const maxEntryBytes = 256 * 1024 * 1024;
/** How often reading goes on after an answer that broke off in the middle, without a new entry in between. */
const maxBreaks = 4;

/**
 * Reads the history of a thread in one namespace as JSON text, newest checkpoint first, without making objects.
 *
 * Pages end where the server's do, or where one grows over about 4 MB; an answer that breaks off in the middle is gone on
 * with behind its last entry. Checkpoints that are made meanwhile come before all others and are not given.
 *
 * @see LangGraph API: `POST /threads/{id}/history` takes `before` as an id on the JavaScript server, as a config on Python's
 */
export class HistoryReader {
  readonly #connection: LanggraphConnection;
  readonly #threadId: string;
  readonly #namespace: string;
  readonly #signal: AbortSignal;
  readonly #known: (answer: Buffer) => MarkedRecords | undefined;
  #left: number;
  #size: number;
  #before: string | undefined;
  /** The pieces of a large answer that is being read, and what came of them. */
  #pieces: AsyncGenerator<JsonRecords> | undefined;
  #wanted = 0;
  #got = 0;
  #bytes = 0;
  #breaks = 0;

  constructor(
    connection: LanggraphConnection,
    threadId: string,
    { namespace = '', pageSize = 100, limit = Number.POSITIVE_INFINITY, known = () => undefined }: HistoryOptions,
    signal: AbortSignal,
  ) {
    this.#connection = connection;
    this.#threadId = threadId;
    this.#namespace = namespace;
    this.#signal = signal;
    this.#known = known;
    this.#left = limit;
    this.#size = Math.min(pageSize, 1000);
  }

  /** Whether all pages were given. */
  get isAtEnd(): boolean {
    return this.#left <= 0 && this.#pieces === undefined;
  }

  /**
   * The next page; nothing when there is none.
   *
   * @throws {EtlError} as `LanggraphConnection.read`; `ETL_REQUEST_FAILED` for an answer that is not an array of checkpoints.
   */
  async next(): Promise<HistoryPage | undefined> {
    for (;;) {
      if (this.#pieces !== undefined) {
        const piece = await this.#piece(this.#pieces);
        if (piece !== undefined) return pageOf(piece, true, nothing);
        continue;
      }
      if (this.#left <= 0) return undefined;
      this.#wanted = Math.min(this.#size, this.#left);
      const answer = await this.#ask();
      this.#got = 0;
      this.#bytes = 0;
      if (answer.rest !== undefined) {
        this.#pieces = streamedPage(answer, this.#connection.where, this.#signal);
        continue;
      }
      const page = wholePage(answer, this.#known(answer.bytes), this.#connection.where);
      this.#count(page);
      this.#endPage();
      return page.count === 0 ? undefined : page;
    }
  }

  /** Gives up what is left of an answer that is being read. */
  async close(): Promise<void> {
    await this.#pieces?.return(undefined);
  }

  /** The next piece of a large answer; nothing when it ends, or broke off and can be gone on with. */
  async #piece(pieces: AsyncGenerator<JsonRecords>): Promise<JsonRecords | undefined> {
    let step: IteratorResult<JsonRecords, void>;
    try {
      step = await pieces.next();
    } catch (error) {
      this.#pieces = undefined;
      this.#goOnAfter(error);
      return undefined;
    }
    if (step.done !== true) {
      this.#count(step.value);
      return step.value;
    }
    this.#pieces = undefined;
    this.#endPage();
    return undefined;
  }

  /** Only what came piece by piece can be gone on with. Throws when it cannot, or broke too often. */
  #goOnAfter(error: unknown): void {
    this.#signal.throwIfAborted();
    this.#breaks = this.#got === 0 ? this.#breaks + 1 : 0;
    const problem = langgraphError(error, this.#connection.where);
    if (this.#breaks > maxBreaks || problem.code === 'ETL_RECORD_TOO_LARGE') throw problem;
    this.#left -= this.#got;
  }

  #count(part: JsonRecords): void {
    this.#got += part.count;
    this.#bytes += part.bytes.length;
    // Where a page that is not full ends, nobody asks for what is before it.
    const mayGoOn = this.#got >= this.#wanted || this.#pieces !== undefined;
    if (mayGoOn && part.count > 0) this.#before = checkpointIdAt(part, part.count - 1, this.#connection.where);
  }

  #endPage(): void {
    this.#left = this.#got < this.#wanted ? 0 : this.#left - this.#got;
    const entryBytes = Math.max(1, this.#bytes / Math.max(1, this.#got));
    this.#size = Math.max(1, Math.min(this.#size, Math.floor(bufferBytes / entryBytes)));
  }

  #ask(): Promise<LanggraphBody> {
    const { runtime } = this.#connection.info;
    const answer = this.#connection.read(this.#request(runtime === 'python'), this.#signal);
    // A server that is neither of the two known ones may take the other form.
    if (this.#before === undefined || runtime !== 'unknown') return answer;
    return answer.catch((error: unknown) => {
      const isRefused = [400, 422].includes(httpStatusOf(error) ?? 0);
      if (!isRefused) throw error;
      return this.#connection.read(this.#request(true), this.#signal);
    });
  }

  #request(takesConfig: boolean): LanggraphRequest {
    const before = this.#before;
    return {
      method: 'POST',
      path: `/threads/${encodeURIComponent(this.#threadId)}/history`,
      body: {
        limit: this.#wanted,
        before: before !== undefined && takesConfig ? { configurable: { checkpoint_id: before } } : before,
        checkpoint: this.#namespace === '' ? undefined : { checkpoint_ns: this.#namespace },
      },
      bufferBytes,
    };
  }
}

function nothing(): void {
  // A piece of a large answer is the garbage collector's.
}

/** The id of the checkpoint in entry `index`. */
function checkpointIdAt({ bytes, starts, ends }: JsonRecords, index: number, where = ''): string {
  const text = asBuffer(bytes);
  const members = jsonMembers(text, starts[index], ends[index]);
  const member = jsonMember(members, 'checkpoint');
  const checkpoint = member === undefined ? undefined : (jsonValue(text, member) as { checkpoint_id?: unknown } | null);
  const id = checkpoint?.checkpoint_id;
  if (typeof id === 'string') return id;
  throw new EtlError('ETL_REQUEST_FAILED', 'a history entry without a checkpoint id was answered', {
    where: { file: where },
  });
}

/** The entries of an answer that is whole. */
function wholePage({ bytes, giveBack }: LanggraphBody, known: MarkedRecords | undefined, where: string): HistoryPage {
  const found = known ?? jsonArrayElements(bytes, namespaceMark);
  if (found === undefined) throw notEntries(where, bytes);
  return pageOf(found, found.mayHoldMark, giveBack);
}

/** All pages are alike, and no copies of other objects: this is done for every thread. */
function pageOf({ bytes, starts, ends, count }: JsonRecords, mayHoldMark: boolean, giveBack: () => void): HistoryPage {
  return { bytes, starts, ends, count, mayHoldMark, giveBack };
}

/** The entries of a large answer, as they come. */
async function* streamedPage(
  { bytes, rest }: LanggraphBody,
  where: string,
  signal: AbortSignal,
): AsyncGenerator<JsonRecords> {
  async function* joined(): AsyncGenerator<Uint8Array> {
    yield bytes;
    yield* rest ?? [];
  }
  const limits = { batchSize: 100_000, batchBytes: bufferBytes, maxLineBytes: maxEntryBytes, signal };
  try {
    for await (const { json, bad } of splitJsonArray(joined(), limits)) {
      const [first] = bad;
      if (first !== undefined && first.index > 0) yield sliceJsonRecords(json, 0, first.index);
      if (first !== undefined) {
        const what = `a checkpoint of ${first.length} bytes was answered that cannot be read: ${first.reason}`;
        throw new EtlError('ETL_RECORD_TOO_LARGE', what, { where: { file: where } });
      }
      yield json;
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new EtlError('ETL_REQUEST_FAILED', `the answer is not what was asked for: ${error.message}`, {
      where: { file: where },
      cause: error,
    });
  }
}

function notEntries(where: string, bytes: Buffer): EtlError {
  const text = bytes.toString('utf8', 0, 300);
  return new EtlError('ETL_REQUEST_FAILED', `a history was answered that is not an array in JSON: ${text}`, {
    where: { file: where },
  });
}
