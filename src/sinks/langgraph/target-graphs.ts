import type { LanggraphConnection } from '../../connections/langgraph.ts';
import { drawnGraph } from '../../connections/langgraph-assistants.ts';
import { EtlError } from '../../errors.ts';
import type { GraphShape } from '../../mappings/history-to-supersteps.ts';

/** The graphs that are deployed on the target. */
export class TargetGraphs {
  readonly #connection: LanggraphConnection;
  readonly #signal: AbortSignal;
  readonly #known = new Map<string, Promise<GraphShape>>();

  constructor(connection: LanggraphConnection, signal: AbortSignal) {
    this.#connection = connection;
    this.#signal = signal;
  }

  /** What is deployed under the graph's name. @throws {EtlError} with status 404 when nothing is. */
  of(graphId: string): Promise<GraphShape> {
    let found = this.#known.get(graphId);
    if (found === undefined) {
      found = this.#read(graphId);
      this.#known.set(graphId, found);
      // What could not be read now may be read for the next thread.
      found.catch(() => this.#known.delete(graphId));
    }
    return found;
  }

  /** Whether a graph of this name is deployed. */
  async has(graphId: string): Promise<boolean> {
    return (await drawnGraph(this.#connection, graphId, this.#signal)) !== undefined;
  }

  async #read(graphId: string): Promise<GraphShape> {
    const drawn = await drawnGraph(this.#connection, graphId, this.#signal);
    if (drawn !== undefined)
      return { nodes: (drawn.nodes ?? []).map(({ id }) => String(id)), edges: drawn.edges ?? [] };
    throw new EtlError('ETL_REQUEST_FAILED', `the graph "${graphId}" is not deployed on the target`, {
      where: { file: this.#connection.where },
      hint:
        'Deploy it there under the same name (`graphs` in langgraph.json), or leave its threads out: --metadata-filter. If it ' +
        'is there, the authentication of the target hides it: use a key that may read assistants, or make them.',
    });
  }
}
