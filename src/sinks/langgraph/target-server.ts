import { setTimeout as delay } from 'node:timers/promises';

import type { LanggraphConnection, LanggraphRequest } from '../../connections/langgraph.ts';
import {
  asTaken,
  httpStatusOf,
  isUnanswered,
  LanggraphBodyError,
  langgraphError,
  LanggraphHttpError,
} from '../../connections/langgraph-errors.ts';
import { EtlError } from '../../errors.ts';
import type { NodeUpdate } from '../../mappings/history-to-supersteps.ts';
import { asHistoryEntry, type HistoryEntry, type Runtime, type ThreadRow } from '../../models/langgraph.ts';
import { TargetGraphs } from './target-graphs.ts';
import { TargetHistory } from './target-history.ts';

/** How often, and how soon, something is tried again that a server failed on. */
export interface Patience {
  readonly attempts: number;
  /** The longest first pause, in milliseconds; it doubles from try to try, up to 8 seconds. */
  readonly retryBaseMs: number;
}

export interface NewThread {
  readonly threadId: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly supersteps?: readonly { readonly updates: readonly NodeUpdate[] }[] | undefined;
  /** `append`: the thread is there, and gets the supersteps on top of its last checkpoint. Default `raise`. */
  readonly ifExists?: 'raise' | 'append';
}

/**
 * What threads are written with: the API of the server they go to.
 *
 * Requests that change something are sent once; only where the server said that it did nothing (429, 503, and 409 while a run
 * is under way on the thread) they are repeated. Whether one took effect whose answer was lost, the callers find out by reading.
 */
export class TargetServer {
  readonly connection: LanggraphConnection;
  readonly history: TargetHistory;
  readonly graphs: TargetGraphs;
  readonly #signal: AbortSignal;
  readonly #patience: Patience;

  constructor(connection: LanggraphConnection, patience: Patience, signal: AbortSignal) {
    this.connection = connection;
    this.history = new TargetHistory(connection, signal);
    this.graphs = new TargetGraphs(connection, signal);
    this.#patience = patience;
    this.#signal = signal;
  }

  get runtime(): Runtime {
    return this.connection.info.runtime;
  }

  get attempts(): number {
    return this.#patience.attempts;
  }

  /** Waits before another try. */
  async rest(tries: number): Promise<void> {
    const longest = Math.min(this.#patience.retryBaseMs * 2 ** (tries - 1), 8000);
    await delay(longest * (0.5 + Math.random() / 2), undefined, { signal: this.#signal });
  }

  get where(): string {
    return this.connection.where;
  }

  /**
   * The id that a thread has here: Python's server writes ids in lower case, JavaScript's keeps them. What is written past the
   * API, by the companion graph or into tables, is found under that id only.
   *
   * @see LangGraph API 0.16 (Python) and 1.5 (JavaScript)
   */
  idOf(threadId: string): string {
    return this.runtime === 'python' ? threadId.toLowerCase() : threadId;
  }

  /**
   * Creates a thread, or appends to one.
   *
   * @throws {EtlError} `ETL_REQUEST_FAILED`; `isTaken` tells when there is a thread of the id already. Otherwise some of the
   *   supersteps may have been carried out all the same, also when a Python server answers 201.
   */
  async create({ threadId, metadata, supersteps, ifExists = 'raise' }: NewThread): Promise<ThreadRow> {
    const request: LanggraphRequest = {
      method: 'POST',
      path: '/threads',
      body: {
        thread_id: threadId,
        metadata,
        if_exists: ifExists === 'raise' ? 'raise' : 'do_nothing',
        ...(supersteps === undefined || supersteps.length === 0 ? {} : { supersteps }),
      },
      isRepeatable: false,
    };
    const answer = await this.#newRow(threadId, request).catch((error: unknown) => {
      throw ifExists === 'raise' ? asTaken(error) : error;
    });
    const fields = (answer ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof fields['thread_id'] === 'string') return fields as ThreadRow;
    const { detail } = fields;
    const text = typeof detail === 'string' ? detail : JSON.stringify(answer);
    throw new EtlError('ETL_REQUEST_FAILED', `the thread was created, but not its history: ${text}`, {
      where: { file: this.where, record: threadId },
      cause: new LanggraphHttpError('POST /threads', 201, text),
    });
  }

  /**
   * Creates a thread without history, or takes the one that is there. When the answer is lost, the thread is there all the same,
   * or is created again.
   *
   * @throws {EtlError} as {@link create}.
   */
  async createEmpty(thread: Omit<NewThread, 'supersteps'>): Promise<ThreadRow> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.create(thread);
      } catch (error) {
        this.#signal.throwIfAborted();
        if (!isUnanswered(error) || tries >= this.attempts) throw error;
        await this.rest(tries);
        const row = await this.row(thread.threadId);
        if (row !== undefined) return row;
      }
    }
  }

  /** The row of a thread; nothing when there is none. */
  async row(threadId: string): Promise<ThreadRow | undefined> {
    try {
      return (await this.connection.json({ path: threadPath(threadId) }, this.#signal)) as ThreadRow;
    } catch (error) {
      if (httpStatusOf(error) === 404) return undefined;
      throw error;
    }
  }

  /** Deletes a thread with its history. One that is not there is no mistake. */
  async delete(threadId: string): Promise<void> {
    try {
      await this.connection.json({ method: 'DELETE', path: threadPath(threadId) }, this.#signal);
    } catch (error) {
      if (httpStatusOf(error) !== 404) throw error;
    }
  }

  /** Makes a checkpoint on an earlier one, and gives its id. */
  async update(threadId: string, on: string, { as_node, values }: NodeUpdate): Promise<string> {
    const body = { values, as_node, checkpoint: { checkpoint_id: on, checkpoint_ns: '' } };
    const request = { method: 'POST', path: `${threadPath(threadId)}/state`, body } as const;
    const answer = (await this.#change(request, refusedWhileBusy)) as
      | { readonly checkpoint?: { readonly checkpoint_id?: string } }
      | undefined;
    const id = answer?.checkpoint?.checkpoint_id;
    if (typeof id === 'string') return id;
    throw new EtlError('ETL_REQUEST_FAILED', `an update was answered without a checkpoint: ${JSON.stringify(answer)}`, {
      where: { file: this.where, record: threadId },
    });
  }

  /** The last state of a thread. */
  async state(threadId: string): Promise<Readonly<Record<string, unknown>>> {
    const path = `${threadPath(threadId)}/state`;
    const state = (await this.connection.json({ path }, this.#signal)) as { readonly values?: unknown };
    return (state.values ?? {}) as Readonly<Record<string, unknown>>;
  }

  /** One checkpoint of the thread itself. */
  async checkpoint(threadId: string, id: string): Promise<HistoryEntry> {
    const path = `${threadPath(threadId)}/state/${encodeURIComponent(id)}`;
    return asHistoryEntry(await this.connection.json({ path }, this.#signal));
  }

  /** Which of these threads are there. One whose id is none for the servers is not, and keeps no other from being found. */
  async existing(threadIds: readonly string[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    const possible = threadIds.filter((id) => uuid.test(id));
    for (let from = 0; from < possible.length; from += 500) {
      const ids = possible.slice(from, from + 500);
      const rows = (await this.connection.json(
        { method: 'POST', path: '/threads/search', body: { ids, limit: ids.length, select: ['thread_id'] } },
        this.#signal,
      )) as readonly { readonly thread_id?: string }[];
      for (const { thread_id } of rows) if (thread_id !== undefined) found.add(thread_id);
    }
    return found;
  }

  /** Runs a graph on a thread until it ends, and gives the state. The server may have carried it out when this throws. */
  async run(threadId: string, graphId: string, input: unknown): Promise<unknown> {
    const body = { assistant_id: graphId, input };
    return await this.#change({ method: 'POST', path: `${threadPath(threadId)}/runs/wait`, body }, refusedWhileBusy);
  }

  /** The row that a thread is made with; of one whose state comes with it and is large, what else there is in the row. */
  async #newRow(threadId: string, request: LanggraphRequest): Promise<unknown> {
    const { bytes, rest } = await this.#repeated(() =>
      this.connection.read({ ...request, bufferBytes: maxRowBytes }, this.#signal),
    );
    if (rest === undefined) return parsedRow(bytes.toString('utf8'), this.where);
    // Who stops reading gives up the rest.
    for await (const _ of rest) break;
    const select = ['thread_id', 'metadata', 'status'];
    const found = (await this.connection.json(
      { method: 'POST', path: '/threads/search', body: { ids: [threadId], limit: 1, select } },
      this.#signal,
    )) as readonly unknown[];
    return found[0];
  }

  async #change(request: LanggraphRequest, refused = refusedAtOnce): Promise<unknown> {
    return await this.#repeated(() => this.connection.json({ ...request, isRepeatable: false }, this.#signal), refused);
  }

  /** A change that is made again for as long as the server says that it did nothing of it. */
  async #repeated<T>(change: () => Promise<T>, refused = refusedAtOnce): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await change();
      } catch (error) {
        if (!refused.has(httpStatusOf(error) ?? 0) || tries >= this.attempts) throw error;
        // The connection holds all requests back for as long as the server asked for; where it did not ask, this does.
        await this.rest(tries);
      }
    }
  }
}

function parsedRow(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw langgraphError(new LanggraphBodyError('POST /threads', text.slice(0, 4096), 'JSON'), where);
  }
}

/** A row without its state is never so long. */
const maxRowBytes = 1_000_000;
/** @see LangGraph API 0.16 (Python) and 1.5 (JavaScript): other ids of threads are refused, and what is asked with them */
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** By this a server says that it did nothing, as by 429, after which the connection sends a request again itself. */
const refusedAtOnce: ReadonlySet<number> = new Set([503]);
/** The same of a request that is one change: it is done or not. Several in a row may be refused in the middle. */
const refusedWhileBusy: ReadonlySet<number> = new Set([409, 503]);

function threadPath(threadId: string): string {
  return `/threads/${encodeURIComponent(threadId)}`;
}
