import { historyToTables, rawToTables, type CheckpointRows } from '../../mappings/history-to-tables.ts';
import { TupleMaker } from '../../mappings/history-to-tuples.ts';
import type { HistoryEntry } from '../../models/langgraph.ts';
import { freshVersions } from '../../models/langgraph-raw.ts';
import { summarizeEntry, type EntrySummary } from '../../models/langgraph-summary.ts';
import type { CheckpointTables, ThreadTransaction } from './checkpoint-tables.ts';
import { CreateOnlyWriter } from './create-only-writer.ts';
import type { TargetServer } from './target-server.ts';
import type { WriteMode } from './write-mode.ts';
import { Losses, type ThreadToWrite, type ThreadWriter, type WrittenThread } from './thread-writer.ts';

const rowsAtATime = 200;
const bytesAtATime = 4_000_000;

/** Every checkpoint as it was, written into the tables of the target's checkpointer. The threads are made by the API. */
export function postgresMode(server: TargetServer, tables: CheckpointTables): WriteMode {
  return {
    name: 'postgres',
    keepsIds: true,
    writer(thread) {
      const { graphId } = thread;
      if (graphId === undefined) return new CreateOnlyWriter(server, thread);
      return new TableWriter(server, tables, { ...thread, graphId });
    },
  };
}

class TableWriter implements ThreadWriter {
  readonly #server: TargetServer;
  readonly #tables: CheckpointTables;
  readonly #thread: ThreadToWrite & { readonly graphId: string };
  readonly #losses = new Losses();
  readonly #source: EntrySummary[] = [];
  #begun: { readonly maker: TupleMaker; readonly transaction: ThreadTransaction } | undefined;
  #metadata: Readonly<Record<string, unknown>> = {};
  #rows: CheckpointRows[] = [];
  #bytes = 0;

  constructor(server: TargetServer, tables: CheckpointTables, thread: ThreadToWrite & { readonly graphId: string }) {
    this.#server = server;
    this.#tables = tables;
    this.#thread = thread;
  }

  async add(entries: readonly HistoryEntry[]): Promise<void> {
    const { maker, transaction } = await this.#begin();
    try {
      for (const entry of entries) {
        const translated = maker.translated(entry);
        if (maker.renames) this.#source.push(summarizeEntry(translated));
        if (this.#thread.raw !== undefined) continue;
        const rows = historyToTables(maker.tuple(entry, translated), this.#tables.layout);
        this.#rows.push(rows);
        this.#bytes += rows.blobs.reduce((sum, { blob }) => sum + (blob?.length ?? 0), 0);
        if (this.#rows.length >= rowsAtATime || this.#bytes >= bytesAtATime) await this.#flush(transaction);
      }
    } catch (error) {
      await this.abandon();
      throw error;
    }
  }

  async finish(): Promise<WrittenThread> {
    const { maker, transaction } = await this.#begin();
    try {
      const { raw } = this.#thread;
      if (raw !== undefined) {
        const fresh = freshVersions(raw.tuples);
        this.#rows = raw.tuples.map((tuple, index) => rawToTables(tuple, fresh[index] ?? {}));
      }
      await this.#flush(transaction);
      await transaction.commit();
      this.#begun = undefined;
    } catch (error) {
      await this.abandon();
      throw error;
    }
    this.#losses.add('the input of Sends that wait', maker.pendingSends);
    this.#losses.add(
      'results of tasks that asked a question, which JavaScript keeps and does not show',
      maker.hiddenResults,
    );
    return {
      losses: this.#losses.counts,
      metadata: this.#metadata,
      ...(maker.renames ? { source: this.#source } : {}),
    };
  }

  async abandon(): Promise<void> {
    const begun = this.#begun;
    this.#begun = undefined;
    await begun?.transaction.rollback();
  }

  async #begin(): Promise<{ readonly maker: TupleMaker; readonly transaction: ThreadTransaction }> {
    if (this.#begun !== undefined) return this.#begun;
    const { threadId, metadata, graphId, origin, existing } = this.#thread;
    const graph = await this.#server.graphs.of(graphId);
    const ifExists = existing === undefined ? 'raise' : 'append';
    const row = await this.#server.createEmpty({ threadId, metadata, ifExists });
    this.#metadata = row.metadata ?? {};
    const maker = new TupleMaker({ from: origin.runtime, to: this.#tables.layout, graph });
    this.#begun = { maker, transaction: await this.#tables.begin(threadId) };
    return this.#begun;
  }

  async #flush(transaction: ThreadTransaction): Promise<void> {
    const rows = this.#rows;
    this.#rows = [];
    this.#bytes = 0;
    if (rows.length > 0) await transaction.insert(rows);
  }
}
