import { EtlError } from '../errors.ts';
import { drawnGraph } from './langgraph-assistants.ts';
import { throwawayMetadata, type ThrowawayThreads } from './langgraph-throwaway.ts';
import type { LanggraphConnection } from './langgraph.ts';

/** The name under which the companion graph is deployed unless another one is said. */
export const companionName = 'threadmill_companion';

/**
 * Runs the companion graph once, and gives what it answers.
 *
 * It needs a thread to reach the checkpointer by; one is made for it and deleted afterwards, as its state holds everything
 * that went in. The server may have carried the run out when this throws.
 *
 * @throws {EtlError} `ETL_REQUEST_FAILED` when the graph fails, or is not the companion graph.
 */
export async function runCompanion(
  connection: LanggraphConnection,
  throwaway: ThrowawayThreads,
  graphId: string,
  input: unknown,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  return await throwaway.use(async (threadId) => {
    const thread = { thread_id: threadId, metadata: throwawayMetadata(graphId, 'companion'), if_exists: 'do_nothing' };
    await connection.json({ method: 'POST', path: '/threads', body: thread }, signal);
    const run = { assistant_id: graphId, input };
    const path = `/threads/${threadId}/runs/wait`;
    const state = (await connection.json({ method: 'POST', path, body: run, isRepeatable: false }, signal)) as {
      readonly result?: unknown;
    } | null;
    const result = state?.result;
    if (typeof result === 'object' && result !== null) return result as Readonly<Record<string, unknown>>;
    const answer = (JSON.stringify(state) ?? 'nothing').slice(0, 500);
    throw new EtlError('ETL_REQUEST_FAILED', `the graph "${graphId}" ended without a result: ${answer}`, {
      where: { file: connection.where },
      hint: 'Is it the companion graph, in the version of this package? See docs/langgraph-companion.md.',
    });
  });
}

/** Whether a graph of this name is deployed on the server. */
export async function hasGraph(
  connection: LanggraphConnection,
  graphId: string,
  signal: AbortSignal,
): Promise<boolean> {
  return (await drawnGraph(connection, graphId, signal)) !== undefined;
}
