import { setTimeout as delay } from 'node:timers/promises';

import { httpStatusOf } from '../../connections/langgraph-errors.ts';
import { ThrowawayThreads } from '../../connections/langgraph-throwaway.ts';
import type { LanggraphConnection } from '../../connections/langgraph.ts';
import { describeCause } from '../../errors.ts';

/** A run that ends should not keep anybody waiting. */
const maxMs = 5_000;
/** A server carries out a request that we gave up: this is how long it may take. */
const lateMs = 300;

/** What may be left on the target of threads that were begun, and why it could not be told or removed. */
export interface LeftShells {
  readonly ids: readonly string[];
  readonly reason: unknown;
}

/**
 * Deletes threads that a run which ends early has made and not come to write anything into. What is half written stays: the
 * next attempt goes on with it.
 *
 * @param threadIds Threads that this run began and did not finish.
 * @param options.connect Opens a connection of its own, as that of the run may be ended.
 * @param options.folder The stage's own: threads that were made for a moment are in there, and are deleted too.
 * @returns nothing when all are gone or have something in them.
 */
export async function removeShells(
  threadIds: readonly string[],
  {
    connect,
    folder,
  }: { readonly connect: (signal: AbortSignal) => Promise<LanggraphConnection>; readonly folder: string },
): Promise<LeftShells | undefined> {
  const signal = AbortSignal.timeout(maxMs);
  const left = new Set(threadIds);
  let reason: unknown;
  try {
    const connection = await connect(signal);
    try {
      // A run of the companion graph would go on writing.
      const throwaway = await ThrowawayThreads.open(connection, folder, signal);
      // Of what stays, the run itself has told.
      await throwaway.close(() => undefined);
      const remove = async (id: string): Promise<boolean> => {
        const isMet = await removeShell(connection, id, signal);
        left.delete(id);
        return isMet;
      };
      const late: string[] = [];
      for (const id of threadIds) {
        await remove(id).then(
          (isMet) => isMet || late.push(id),
          (error: unknown) => (reason ??= error),
        );
      }
      if (late.length > 0) await delay(lateMs, undefined, { signal });
      for (const id of late) await removeShell(connection, id, signal);
    } finally {
      await connection.close();
    }
  } catch (error) {
    reason ??= error;
  }
  return left.size === 0 ? undefined : { ids: [...left], reason };
}

/** False when there is no thread of the id. */
async function removeShell(connection: LanggraphConnection, id: string, signal: AbortSignal): Promise<boolean> {
  const path = `/threads/${encodeURIComponent(id)}`;
  try {
    const history = await connection.json({ path: `${path}/history?limit=1` }, signal);
    if (Array.isArray(history) && history.length === 0) await connection.json({ method: 'DELETE', path }, signal);
    return true;
  } catch (error) {
    if (httpStatusOf(error) === 404) return false;
    throw error;
  }
}

/** What is said of threads that are left. */
export function shellsText({ ids, reason }: LeftShells): string {
  const named = ids.length > 5 ? [...ids.slice(0, 5), `and ${ids.length - 5} more`] : ids;
  return (
    `threads that were begun may be on the target without any history, and could not be removed (${describeCause(reason)}): ` +
    `${named.join(', ')}. The same command again finishes them.`
  );
}
