import { setImmediate } from 'node:timers/promises';

import pLimit from 'p-limit';

import { retry } from '../retry.ts';
import { closePostgres, isRetryablePostgres, postgresFault, type PostgresClient } from './postgres.ts';

interface WritersOptions {
  /** So many loads are written at the same time, each over a connection of its own. */
  readonly connections: number;
  readonly open: () => Promise<PostgresClient>;
  readonly signal: AbortSignal;
  /** Told why a load is tried again. */
  readonly warn: (text: string) => void;
  /** Errors after which a load is tried again, besides those of {@link isRetryablePostgres}. */
  readonly isRetryable?: (error: unknown) => boolean;
}

/** What a load does with a connection, and when. */
export interface Turn {
  readonly client: PostgresClient;
  /** Comes when all loads submitted before are committed; fails when one of them did. */
  readonly turn: Promise<void>;
  /** To be called when the server is getting its work: only then the next load is asked for, which keeps this process busy. */
  readonly isSending: () => void;
}

/** One load, as it is written. */
export interface LoadWrite<T> {
  /** Writes it and commits it, when its turn has come. Called again, on a new connection, after what may be mended by that. */
  write(turn: Turn): Promise<T>;
  /** It is done with, well or not. */
  ended?(): void;
}

interface Underway<T> {
  readonly result: Promise<T>;
  /** Comes when the server has its work, or there is none any more. */
  readonly sending: Promise<void>;
}

/**
 * Writes loads over a few connections, for them to commit in the order they were submitted. One load more than are being
 * written waits for a connection.
 */
export class PostgresWriters<T> {
  readonly #options: WritersOptions;
  readonly #limit: ReturnType<typeof pLimit>;
  readonly #idle: PostgresClient[] = [];
  /** In their order. Those that are done come first: none commits before those in front of it. */
  readonly #underway: Underway<T>[] = [];
  #turn: Promise<void> = Promise.resolve();

  constructor(options: WritersOptions) {
    this.#options = options;
    this.#limit = pLimit(options.connections);
  }

  /** Starts a load; gives the results that had to be waited for, in order. */
  async *submit(load: LoadWrite<T>): AsyncGenerator<T> {
    const { connections } = this.#options;
    while (this.#underway.length > connections) yield* this.#next();
    const turn = this.#turn;
    let isSending = (): void => undefined;
    const sending = new Promise<void>((resolve) => {
      isSending = resolve;
    });
    const result = this.#limit(() => this.#write(load, turn, isSending));
    this.#turn = result.then(() => undefined);
    // Whoever waits for this turn, or for the result, gets the error; until then it is not unhandled.
    this.#turn.catch(() => undefined);
    this.#underway.push({ result, sending });
    await Promise.all(this.#underway.slice(0, connections).map((one) => one.sending));
    // What is being sent has to leave this process before it is busy again.
    await setImmediate();
  }

  async *drain(): AsyncGenerator<T> {
    while (this.#underway.length > 0) yield* this.#next();
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#underway.map(({ result }) => result));
    await Promise.all(this.#idle.map(closePostgres));
  }

  async *#next(): AsyncGenerator<T> {
    const first = this.#underway.shift();
    if (first !== undefined) yield await first.result;
  }

  async #write(load: LoadWrite<T>, turn: Promise<void>, isSending: () => void): Promise<T> {
    const { open, signal, warn, isRetryable = () => false } = this.#options;
    let client = this.#idle.pop();
    try {
      return await retry(
        async () => {
          client ??= await open();
          try {
            return await load.write({ client, turn, isSending });
          } catch (error) {
            await closePostgres(client);
            client = undefined;
            throw error;
          }
        },
        {
          signal,
          isRetryable: (error) => isRetryablePostgres(error) || isRetryable(error),
          attempts: 6,
          onRetry: (error) => warn(`tried again after: ${postgresFault(error).message}`),
        },
      );
    } finally {
      if (client !== undefined) this.#idle.push(client);
      isSending();
      load.ended?.();
    }
  }
}
