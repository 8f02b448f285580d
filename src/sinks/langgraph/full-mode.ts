import type { ThrowawayThreads } from '../../connections/langgraph-throwaway.ts';
import { roughJsonLength } from '../../json-equal.ts';
import { TupleMaker, type CheckpointTuple } from '../../mappings/history-to-tuples.ts';
import type { HistoryEntry } from '../../models/langgraph.ts';
import { freshVersions } from '../../models/langgraph-raw.ts';
import { summarizeEntry, type EntrySummary } from '../../models/langgraph-summary.ts';
import { CompanionLoader } from './companion-loader.ts';
import { CreateOnlyWriter } from './create-only-writer.ts';
import type { TargetServer } from './target-server.ts';
import type { WriteMode } from './write-mode.ts';
import { Losses, type ThreadToWrite, type ThreadWriter, type WrittenThread } from './thread-writer.ts';

const pieceBytes = 4_000_000;

/** Every checkpoint as it was, written by the companion graph through the target's own checkpointer. */
export function fullMode(
  server: TargetServer,
  throwaway: ThrowawayThreads,
  companion: string,
  signal: AbortSignal,
): WriteMode {
  const loader = new CompanionLoader(server, throwaway, companion, signal);
  return {
    name: 'full',
    keepsIds: true,
    writer(thread) {
      const { graphId } = thread;
      if (graphId === undefined) return new CreateOnlyWriter(server, thread);
      return new CompanionWriter(server, loader, { ...thread, graphId });
    },
  };
}

class CompanionWriter implements ThreadWriter {
  readonly #server: TargetServer;
  readonly #loader: CompanionLoader;
  readonly #thread: ThreadToWrite & { readonly graphId: string };
  readonly #losses = new Losses();
  #maker: TupleMaker | undefined;
  #metadata: Readonly<Record<string, unknown>> = {};
  readonly #source: EntrySummary[] = [];
  #pending: CheckpointTuple[] = [];
  #bytes = 0;

  constructor(server: TargetServer, loader: CompanionLoader, thread: ThreadToWrite & { readonly graphId: string }) {
    this.#server = server;
    this.#loader = loader;
    this.#thread = thread;
  }

  async add(entries: readonly HistoryEntry[]): Promise<void> {
    const maker = await this.#begun();
    for (const entry of entries) {
      const translated = maker.translated(entry);
      if (maker.renames) this.#source.push(summarizeEntry(translated));
      if (this.#thread.raw !== undefined) continue;
      const tuple = maker.tuple(entry, translated);
      this.#pending.push(tuple);
      this.#bytes += roughJsonLength(tuple);
      if (this.#bytes >= pieceBytes) await this.#flush();
    }
  }

  async finish(): Promise<WrittenThread> {
    const maker = await this.#begun();
    const { raw, threadId } = this.#thread;
    if (raw !== undefined) {
      const fresh = freshVersions(raw.tuples);
      const tuples = raw.tuples.map((tuple, index) => ({ ...tuple, new_versions: fresh[index] }));
      await this.#loader.load(threadId, 'typed', tuples, roughJsonLength(tuples));
    }
    await this.#flush();
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

  /** The thread itself is there before its checkpoints. */
  async #begun(): Promise<TupleMaker> {
    if (this.#maker !== undefined) return this.#maker;
    const { threadId, metadata, graphId, origin, existing } = this.#thread;
    const graph = await this.#server.graphs.of(graphId);
    const ifExists = existing === undefined ? 'raise' : 'append';
    const row = await this.#server.createEmpty({ threadId, metadata, ifExists });
    this.#metadata = row.metadata ?? {};
    this.#maker = new TupleMaker({ from: origin.runtime, to: this.#server.runtime, graph });
    return this.#maker;
  }

  async #flush(): Promise<void> {
    const [tuples, bytes] = [this.#pending, this.#bytes];
    this.#pending = [];
    this.#bytes = 0;
    await this.#loader.load(this.#thread.threadId, 'json', tuples, bytes);
  }
}
