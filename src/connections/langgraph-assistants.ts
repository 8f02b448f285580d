import { randomUUID } from 'node:crypto';

import { httpStatusOf } from './langgraph-errors.ts';
import type { LanggraphConnection } from './langgraph.ts';

/** A graph as a server draws it. */
export interface DrawnGraph {
  readonly nodes?: readonly { readonly id: string | number }[];
  readonly edges?: readonly {
    readonly source: string;
    readonly target: string;
    readonly conditional?: boolean;
  }[];
}

/**
 * The graph that is deployed under a name; nothing when there is none, or when the key lets nobody see it.
 *
 * A graph is read from an assistant. Each has one of the server's own, which belongs to no user: where authentication lets
 * everybody see only what is theirs, that one is hidden. Then the graph is read from an assistant of the user, or from one that
 * is made for it and deleted again.
 *
 * @see langgraph-api 0.16 and 1.5: handlers like `owner: user.identity` filter assistants as they do threads
 */
export async function drawnGraph(
  connection: LanggraphConnection,
  graphId: string,
  signal: AbortSignal,
): Promise<DrawnGraph | undefined> {
  const drawn = await drawing(connection, graphId, signal);
  if (drawn !== undefined) return drawn;
  const systems = await assistants(connection, { metadata: { created_by: 'system' } }, signal);
  // Those of other graphs can be seen, so this graph is not there.
  if (systems === undefined || systems.length > 0) return undefined;
  for (const id of (await assistants(connection, { graph_id: graphId }, signal)) ?? []) {
    const found = await drawing(connection, id, signal);
    if (found !== undefined) return found;
  }
  return await drawnByOwn(connection, graphId, signal);
}

async function drawnByOwn(
  connection: LanggraphConnection,
  graphId: string,
  signal: AbortSignal,
): Promise<DrawnGraph | undefined> {
  const id = randomUUID();
  const body = { assistant_id: id, graph_id: graphId, name: 'threadmill', metadata: { threadmill: 'graph' } };
  const request = { method: 'POST', path: '/assistants', body, isRepeatable: false } as const;
  if ((await unlessRefused(connection.json(request, signal))) === undefined) return undefined;
  try {
    return await drawing(connection, id, signal);
  } finally {
    await connection.json({ method: 'DELETE', path: `/assistants/${id}` }, signal).catch(() => undefined);
  }
}

async function drawing(
  connection: LanggraphConnection,
  assistantId: string,
  signal: AbortSignal,
): Promise<DrawnGraph | undefined> {
  const path = `/assistants/${encodeURIComponent(assistantId)}/graph`;
  try {
    return (await connection.json({ path }, signal)) as DrawnGraph;
  } catch (error) {
    const status = httpStatusOf(error) ?? 0;
    // A key that may read no assistant at all is wrong for every thread.
    if (status === 403 || !refusals.has(status)) throw error;
    return undefined;
  }
}

/** Ids of assistants that the key can see; nothing where the server does not tell. */
async function assistants(
  connection: LanggraphConnection,
  wanted: object,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const request = { method: 'POST', path: '/assistants/search', body: { ...wanted, limit: 10 } } as const;
  const found = await unlessRefused(connection.json(request, signal));
  if (!Array.isArray(found)) return undefined;
  return (found as readonly { readonly assistant_id?: unknown }[]).flatMap(({ assistant_id: id }) =>
    typeof id === 'string' ? [id] : [],
  );
}

/** There is no such thing, or its name cannot be one; or the key may not look for it, or make it. */
const refusals: ReadonlySet<number> = new Set([400, 403, 404, 405, 422]);

async function unlessRefused(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (error) {
    if (refusals.has(httpStatusOf(error) ?? 0)) return undefined;
    throw error;
  }
}
