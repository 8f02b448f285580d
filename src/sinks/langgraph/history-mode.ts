import { parentIdOf, type ThreadRecord } from '../../models/langgraph.ts';
import type { EntrySummary } from '../../models/langgraph-summary.ts';
import { CreateOnlyWriter } from './create-only-writer.ts';
import type { ChannelKinds } from './channel-kinds.ts';
import { ReplayWriter } from './replay-writer.ts';
import type { TargetServer } from './target-server.ts';
import type { WriteMode } from './write-mode.ts';

/**
 * Every checkpoint is made again by the API. Nodes that route by a Command are found by what becomes of the first thread
 * that has one, which is then written once more.
 */
export function historyMode(
  server: TargetServer,
  channels: ChannelKinds,
  { rearm, signal }: { readonly rearm: boolean; readonly signal: AbortSignal },
): WriteMode {
  const none: ReadonlySet<string> = new Set();
  /** Those of each graph. A set is never added to, but replaced: threads that are written with it keep it. */
  const commandNodes = new Map<string, ReadonlySet<string>>();
  // What was known when a thread was written.
  const used = new Map<string, ReadonlySet<string>>();
  return {
    name: 'history',
    keepsIds: false,
    writer(thread) {
      const { graphId } = thread;
      if (graphId === undefined) return new CreateOnlyWriter(server, thread);
      const known = commandNodes.get(graphId) ?? none;
      used.set(thread.threadId, known);
      return new ReplayWriter({ ...thread, graphId }, { server, channels, commandNodes: known, signal });
    },
    async learn(record, { fidelity, ids, target = [] }) {
      const graphId = graphOf(record);
      const before = used.get(record.thread_id);
      used.delete(record.thread_id);
      if (graphId === undefined || ids === undefined || before === undefined) return false;
      // Mostly each checkpoint leads where it did.
      if (fidelity !== undefined && fidelity.matched.next === fidelity.checkpoints.paired) return false;
      const { edges } = await server.graphs.of(graphId);
      const found = routedAway(record, ids, target).filter(
        (node) => !before.has(node) && edges.some(({ source, conditional }) => source === node && conditional === true),
      );
      if (found.length > 0) commandNodes.set(graphId, new Set([...(commandNodes.get(graphId) ?? none), ...found]));
      return found.length > 0;
    },
    async settle({ threadId, graphId }, source, target) {
      const head = source.findLast(({ ns }) => ns === '');
      const there = target.findLast(({ ns }) => ns === '');
      if (head === undefined || there === undefined) return false;
      if (rearm && graphId !== undefined && head.interrupts !== '' && there.interrupts === '') {
        // The node that asked runs up to its question again; no checkpoint is added.
        await server.run(threadId, graphId, null);
        return true;
      }
      if (head.next !== '[]' || there.next === '[]') return false;
      // The thread had ended: without this, the next run would begin with what only seems to be waiting.
      await server.update(threadId, there.id, { as_node: '__end__', values: null });
      return true;
    },
  };
}

/** Nodes behind which nothing came on the target where something did in the source. */
function routedAway(
  { history }: ThreadRecord,
  ids: ReadonlyMap<string, string>,
  target: readonly EntrySummary[],
): readonly string[] {
  const there = new Map(target.map((summary) => [summary.id, summary]));
  const byId = new Map(history.map((entry) => [entry.checkpoint.checkpoint_id, entry]));
  const found = new Set<string>();
  for (const entry of history) {
    const copy = there.get(ids.get(entry.checkpoint.checkpoint_id) ?? '');
    if (copy === undefined || entry.next.length === 0 || copy.next === JSON.stringify(entry.next)) continue;
    const next = JSON.parse(copy.next) as readonly string[];
    if (entry.next.some((name) => next.includes(name))) continue;
    const parentId = parentIdOf(entry);
    const tasks = parentId === undefined ? [] : (byId.get(parentId)?.tasks ?? []);
    for (const { name } of tasks) found.add(name);
  }
  return [...found];
}

function graphOf({ thread, history }: ThreadRecord): string | undefined {
  const named = thread.metadata?.['graph_id'] ?? history.at(-1)?.metadata?.['graph_id'];
  return typeof named === 'string' ? named : undefined;
}
