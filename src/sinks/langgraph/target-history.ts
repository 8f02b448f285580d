import type { LanggraphConnection } from '../../connections/langgraph.ts';
import { HistoryReader } from '../../connections/langgraph-history.ts';
import { namespaceOf, type HistoryEntry } from '../../models/langgraph.ts';
import { historyPage, KnownEntries } from '../../models/langgraph-history-page.ts';
import type { KnownEntry } from '../../models/langgraph-record-text.ts';
import { summarizeEntry, type EntrySummary } from '../../models/langgraph-summary.ts';

/** Reads the checkpoints that threads have on the target. */
export class TargetHistory {
  readonly #connection: LanggraphConnection;
  readonly #signal: AbortSignal;

  constructor(connection: LanggraphConnection, signal: AbortSignal) {
    this.#connection = connection;
    this.#signal = signal;
  }

  /** The checkpoints of the thread itself, newest first, page by page. */
  async *pages(threadId: string): AsyncGenerator<readonly HistoryEntry[]> {
    const pages = new NamespacePages(this.#connection, threadId, '', [], this.#signal);
    try {
      for (let page = await pages.next(); page !== undefined; page = await pages.next()) yield page;
    } finally {
      await pages.close();
    }
  }

  /**
   * Summaries of all checkpoints of a thread, oldest first in each namespace, the thread's own first.
   *
   * @param options.as Makes another checkpoint of each before it is summed up.
   */
  async summaries(
    threadId: string,
    {
      subgraphs = true,
      as = (entry) => entry,
    }: { readonly subgraphs?: boolean; readonly as?: (entry: HistoryEntry) => HistoryEntry } = {},
  ): Promise<readonly EntrySummary[]> {
    return await this.#walk(threadId, subgraphs, (entry) => summarizeEntry(as(entry)));
  }

  /**
   * The checkpoints themselves, in the same order.
   *
   * @param options.known Checkpoints that are likely to be found there, those of each namespace oldest first: what has the same
   *   text is the same object.
   */
  async entries(
    threadId: string,
    {
      subgraphs = true,
      known,
    }: { readonly subgraphs?: boolean; readonly known?: readonly KnownEntry[] | undefined } = {},
  ): Promise<readonly HistoryEntry[]> {
    return await this.#walk(threadId, subgraphs, (entry) => entry, known);
  }

  async #walk<T>(
    threadId: string,
    subgraphs: boolean,
    take: (entry: HistoryEntry) => T,
    known: readonly KnownEntry[] = [],
  ): Promise<readonly T[]> {
    const all: T[] = [];
    const met = new Set(['']);
    const waiting = [''];
    for (let namespace = waiting.shift(); namespace !== undefined; namespace = waiting.shift()) {
      const found: T[] = [];
      const below: string[] = [];
      const pages = new NamespacePages(this.#connection, threadId, namespace, known, this.#signal);
      try {
        for (let page = await pages.next(); page !== undefined; page = await pages.next()) {
          for (const entry of page) {
            found.push(take(entry));
            for (const { checkpoint } of entry.tasks) {
              const ns = checkpoint?.checkpoint_ns;
              if (typeof ns !== 'string' || met.has(ns)) continue;
              met.add(ns);
              below.push(ns);
            }
          }
        }
      } finally {
        await pages.close();
      }
      for (let entry = found.pop(); entry !== undefined; entry = found.pop()) all.push(entry);
      if (subgraphs) waiting.push(...below.reverse());
    }
    return all;
  }
}

/** The checkpoints of one namespace, newest first. */
class NamespacePages {
  readonly #reader: HistoryReader;
  readonly #known: KnownEntries;

  constructor(
    connection: LanggraphConnection,
    threadId: string,
    namespace: string,
    known: readonly KnownEntry[],
    signal: AbortSignal,
  ) {
    const entries = new KnownEntries(known.filter(({ entry }) => namespaceOf(entry) === namespace));
    this.#known = entries;
    this.#reader = new HistoryReader(
      connection,
      threadId,
      { namespace, known: (bytes) => entries.page(bytes) },
      signal,
    );
  }

  async next(): Promise<readonly HistoryEntry[] | undefined> {
    const page = await this.#reader.next();
    if (page === undefined) return undefined;
    const entries = historyPage(page, this.#known);
    page.giveBack();
    return entries;
  }

  /** Gives up what is left of an answer that is being read. */
  async close(): Promise<void> {
    await this.#reader.close();
  }
}
