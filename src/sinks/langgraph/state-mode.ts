import { historyToSuperstep, predecessorOf, type Predecessor } from '../../mappings/history-to-supersteps.ts';
import { namespaceOf, parentIdOf, type HistoryEntry } from '../../models/langgraph.ts';
import { CreateOnlyWriter } from './create-only-writer.ts';
import type { TargetServer } from './target-server.ts';
import type { WriteMode } from './write-mode.ts';
import { Losses, type ThreadToWrite, type ThreadWriter, type WrittenThread } from './thread-writer.ts';

/** Only the last state of each thread, as one checkpoint. */
export function stateMode(server: TargetServer): WriteMode {
  return {
    name: 'state',
    keepsIds: false,
    writer({ graphId, ...thread }) {
      if (graphId === undefined) return new CreateOnlyWriter(server, { ...thread, graphId });
      return new StateWriter(server, { ...thread, graphId });
    },
  };
}

class StateWriter implements ThreadWriter {
  readonly #server: TargetServer;
  readonly #thread: ThreadToWrite & { readonly graphId: string };
  readonly #losses = new Losses();
  #head: HistoryEntry | undefined;
  #parent: Predecessor | undefined;
  #count = 0;
  #lastTwo: readonly HistoryEntry[] = [];

  constructor(server: TargetServer, thread: ThreadToWrite & { readonly graphId: string }) {
    this.#server = server;
    this.#thread = thread;
  }

  async add(entries: readonly HistoryEntry[]): Promise<void> {
    const own = entries.filter((entry) => namespaceOf(entry) === '');
    const head = own.at(-1);
    if (head === undefined) return;
    const parentId = parentIdOf(head);
    const parent = [...this.#lastTwo, ...own].find(({ checkpoint }) => checkpoint.checkpoint_id === parentId);
    this.#parent = parent === undefined ? undefined : predecessorOf(parent);
    this.#head = head;
    this.#lastTwo = own.slice(-2);
    this.#count += own.length;
  }

  async finish(): Promise<WrittenThread> {
    const { threadId, metadata, graphId, existing } = this.#thread;
    const head = this.#head;
    if (head === undefined) return await new CreateOnlyWriter(this.#server, this.#thread).finish();
    const graph = await this.#server.graphs.of(graphId);
    const options = {
      threadId,
      runtime: this.#server.runtime,
      graph,
      kinds: new Map(),
      commandNodes: new Set<string>(),
    };
    // From nothing, every reducer gives what it is given.
    const parent = this.#parent === undefined ? undefined : { ...this.#parent, values: {} };
    const { id, updates } = historyToSuperstep(head, parent, options);
    this.#losses.add('earlier checkpoints', this.#count - 1);
    const written = { order: [id], losses: this.#losses.counts };
    // An earlier attempt of the run wrote it, which was one request.
    if (existing !== undefined) return written;
    const row = await this.#server.create({ threadId, metadata, supersteps: [{ updates }] });
    return { ...written, metadata: row.metadata ?? {} };
  }
}
