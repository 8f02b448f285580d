import { randomUUID } from 'node:crypto';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

import { systemCode } from '../errors.ts';
import { httpStatusOf } from './langgraph-errors.ts';
import type { LanggraphConnection } from './langgraph.ts';

/** Under this name in the metadata of such a thread stands what it is for. */
const MARK = 'threadmill';

/** A run that ends should not keep anybody waiting. */
const maxClosingMs = 5_000;

/** Metadata of a thread that is made for a moment, by which others know it. */
export function throwawayMetadata(graphId: string, purpose: 'companion' | 'probe'): Readonly<Record<string, string>> {
  return { graph_id: graphId, [MARK]: purpose };
}

/** Whether a thread was made for a moment, by us: nobody's conversation, and mostly gone before it is looked at again. */
export function isThrowaway(metadata: Readonly<Record<string, unknown>> | null | undefined): boolean {
  // A thread that was made of a conversation has an object there.
  return metadata?.[MARK] === 'companion' || metadata?.[MARK] === 'probe';
}

/** What finds those that the companion graph is asked on, among threads with this metadata. */
export function throwawayFilter(metadata: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return { ...metadata, [MARK]: 'companion' };
}

/**
 * Threads that a stage makes for a moment on a server, to try something out or to run a graph of ours, and deletes again.
 *
 * Their ids are in a file of the run before they are made: what a kill leaves on the server, the next attempt deletes. What
 * could not be deleted is tried once more at the end, and named when it is still there: it holds what was read or written.
 */
export class ThrowawayThreads {
  readonly #connection: LanggraphConnection;
  readonly #file: FileHandle;
  readonly #signal: AbortSignal;
  /** Those that may be on the server. */
  readonly #left: Set<string>;

  private constructor(
    connection: LanggraphConnection,
    file: FileHandle,
    { signal, left }: { readonly signal: AbortSignal; readonly left: Set<string> },
  ) {
    this.#connection = connection;
    this.#file = file;
    this.#signal = signal;
    this.#left = left;
  }

  /** @param folder The stage's own, which outlives a kill. */
  static async open(connection: LanggraphConnection, folder: string, signal: AbortSignal): Promise<ThrowawayThreads> {
    const path = join(folder, 'throwaway');
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return '';
      throw error;
    });
    const left = new Set<string>();
    for (const line of text.split('\n').slice(0, -1)) {
      if (line.startsWith('+')) left.add(line.slice(1));
      else left.delete(line.slice(1));
    }
    const threads = new ThrowawayThreads(connection, await open(path, 'a'), { signal, left });
    for (const id of left) await threads.#delete(id);
    return threads;
  }

  /** Calls `work` with the id of a thread that is not there yet, and deletes the thread after it. */
  async use<T>(work: (threadId: string) => Promise<T>): Promise<T> {
    const id = randomUUID();
    await this.#file.appendFile(`+${id}\n`);
    this.#left.add(id);
    try {
      return await work(id);
    } finally {
      await this.#delete(id);
    }
  }

  /** @param warn Is told of the threads that could not be deleted, unless the run was stopped and can be gone on with. */
  async close(warn: (message: string) => void): Promise<void> {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(maxClosingMs)]);
    for (const id of this.#left) await this.#delete(id, signal);
    await this.#file.close();
    if (this.#signal.aborted || this.#left.size === 0) return;
    warn(
      `threads that were made for a moment may still be on ${this.#connection.where}: ${[...this.#left].join(', ')}. ` +
        'The same command deletes them when it goes on; if it does not, delete them there.',
    );
  }

  async #delete(id: string, signal = this.#signal): Promise<void> {
    const isGone = await deleteThread(this.#connection, id, signal).then(
      () => true,
      () => false,
    );
    if (!isGone) return;
    this.#left.delete(id);
    await this.#file.appendFile(`-${id}\n`);
  }
}

async function deleteThread(connection: LanggraphConnection, id: string, signal: AbortSignal): Promise<void> {
  try {
    await connection.json({ method: 'DELETE', path: `/threads/${id}` }, signal);
  } catch (error) {
    if (httpStatusOf(error) !== 404) throw error;
  }
}
