import {
  closePostgres,
  isRetryablePostgres,
  openPostgres,
  postgresFault,
  type PostgresClient,
} from '../../connections/postgres.ts';
import { retry } from '../../retry.ts';
import type { PlannedRecord } from './load.ts';
import { placeChats, type PlaceOptions, type Placement, type Taken } from './place-chats.ts';
import { useSchema } from './use-schema.ts';

/**
 * Decides for one load after the other which of its chats are written, on a connection of its own and in their order. What
 * loads under way have taken is remembered until they are committed.
 */
export class Placer {
  readonly #connectionString: string;
  readonly #options: PlaceOptions;
  readonly #taken: Taken = { keys: new Map(), ids: new Set(), times: new Set(), next: new Map() };
  #client: PostgresClient | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(connectionString: string, options: PlaceOptions) {
    this.#connectionString = connectionString;
    this.#options = options;
  }

  place(records: readonly PlannedRecord[]): Promise<Placement> {
    return this.use((client) => placeChats(client, records, this.#options, this.#taken));
  }

  /** Does other work on its connection, in turn. What may succeed on a second try is tried again. */
  use<T>(work: (client: PostgresClient) => Promise<T>): Promise<T> {
    const next = this.#last.then(() => this.#try(work));
    this.#last = next.catch(() => undefined);
    return next;
  }

  /** What was taken is in the database now, or free again. */
  release({ place }: Placement): void {
    for (const { key, userId, chat } of place) {
      this.#taken.keys.delete(key);
      this.#taken.ids.delete(chat.sessionId);
      this.#taken.times.delete(`${userId} ${chat.timeUpdated}`);
    }
  }

  async close(): Promise<void> {
    if (this.#client !== undefined) await closePostgres(this.#client);
    this.#client = undefined;
  }

  #try<T>(work: (client: PostgresClient) => Promise<T>): Promise<T> {
    const { ctx, schema } = this.#options;
    return retry(
      async () => {
        if (this.#client === undefined) {
          this.#client = await openPostgres(this.#connectionString);
          await useSchema(this.#client, schema);
        }
        try {
          return await work(this.#client);
        } catch (error) {
          await this.close();
          throw error;
        }
      },
      {
        signal: ctx.signal,
        isRetryable: isRetryablePostgres,
        attempts: 6,
        onRetry: (error) => ctx.warn(`tried again after: ${postgresFault(error).message}`),
      },
    );
  }
}
