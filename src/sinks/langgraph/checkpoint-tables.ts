import { closePostgres, openPostgres, postgresError, type PostgresClient } from '../../connections/postgres.ts';
import { addressOf } from '../../connections/postgres.ts';
import { EtlError } from '../../errors.ts';
import type { CheckpointRows, TableLayout } from '../../mappings/history-to-tables.ts';

export interface TablesOptions {
  readonly connectionString: string;
  readonly schema: string;
}

/** The tables of a checkpointer, and connections to write them over: one for each thread that is being written. */
export class CheckpointTables {
  readonly #options: TablesOptions;
  readonly layout: TableLayout;
  readonly #hasPath: boolean;
  readonly #idle: PostgresClient[];

  private constructor(options: TablesOptions, layout: TableLayout, hasPath: boolean, first: PostgresClient) {
    this.#options = options;
    this.layout = layout;
    this.#hasPath = hasPath;
    this.#idle = [first];
  }

  /**
   * @param layout What the server writes; where that is not known, the tables tell.
   * @throws {EtlError} `ETL_CONFIG_INVALID` when the tables are not there.
   */
  static async open(options: TablesOptions, layout?: TableLayout): Promise<CheckpointTables> {
    const { connectionString, schema } = options;
    const client = await openPostgres(connectionString);
    try {
      const { rows } = await client.query<{ table_name: string; column_name: string }>(
        `select table_name, column_name from information_schema.columns
         where table_schema = $1 and table_name in ('checkpoints', 'checkpoint_blobs', 'checkpoint_writes')`,
        [schema],
      );
      if (new Set(rows.map((row) => row.table_name)).size !== 3) {
        const place = `schema "${schema}" of ${addressOf(connectionString)}`;
        throw new EtlError('ETL_CONFIG_INVALID', `there are no tables of a checkpointer in ${place}`, {
          hint: 'Start the target once, or call `setup()` of its checkpointer: it makes them. Elsewhere: `database.schema`.',
        });
      }
      const hasPath = rows.some((row) => row.column_name === 'task_path');
      return new CheckpointTables(options, layout ?? (hasPath ? 'python' : 'js'), hasPath, client);
    } catch (error) {
      await closePostgres(client);
      throw postgresError(error, 'ETL_SINK_FAILED', connectionString);
    }
  }

  /** Writes the checkpoints of one thread in one transaction, in the place of those it may have. */
  async begin(threadId: string): Promise<ThreadTransaction> {
    const { connectionString, schema } = this.#options;
    const client = this.#idle.pop() ?? (await openPostgres(connectionString));
    const transaction = new ThreadTransaction(client, {
      threadId,
      schema: `"${schema.replaceAll('"', '""')}"`,
      hasPath: this.#hasPath,
      where: connectionString,
      release: () => this.#idle.push(client),
    });
    await transaction.begin();
    return transaction;
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.map(closePostgres));
  }
}

interface Details {
  readonly threadId: string;
  readonly schema: string;
  readonly hasPath: boolean;
  readonly where: string;
  readonly release: () => void;
}

export class ThreadTransaction {
  readonly #client: PostgresClient;
  readonly #details: Details;

  constructor(client: PostgresClient, details: Details) {
    this.#client = client;
    this.#details = details;
  }

  async begin(): Promise<void> {
    const { schema, threadId } = this.#details;
    await this.#query('begin', []);
    for (const table of ['checkpoint_writes', 'checkpoint_blobs', 'checkpoints'])
      await this.#query(`delete from ${schema}.${table} where thread_id = $1`, [threadId]);
  }

  async insert(rows: readonly CheckpointRows[]): Promise<void> {
    const { schema, threadId, hasPath } = this.#details;
    const checkpoints = rows.map(({ checkpoint }) => checkpoint);
    const blobs = rows.flatMap((row) => row.blobs);
    const writes = rows.flatMap((row) => row.writes);
    await this.#query(
      `insert into ${schema}.checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
       select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::jsonb[], $6::jsonb[])`,
      [
        threadId,
        checkpoints.map(({ ns }) => ns),
        checkpoints.map(({ id }) => id),
        checkpoints.map(({ parent }) => parent),
        checkpoints.map(({ checkpoint }) => checkpoint),
        checkpoints.map(({ metadata }) => metadata),
      ],
    );
    await this.#query(
      `insert into ${schema}.checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
       select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[])`,
      [
        threadId,
        blobs.map(({ ns }) => ns),
        blobs.map(({ channel }) => channel),
        blobs.map(({ version }) => version),
        blobs.map(({ type }) => type),
        blobs.map(({ blob }) => blob),
      ],
    );
    // The path of a task is not in the API; it orders writes of tasks, as their ids do without it.
    const path = hasPath ? { column: ', task_path', value: ", ''" } : { column: '', value: '' };
    await this.#query(
      `insert into ${schema}.checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob${path.column})
       select $1, *${path.value} from unnest($2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::bytea[])`,
      [
        threadId,
        writes.map(({ ns }) => ns),
        writes.map(({ checkpointId }) => checkpointId),
        writes.map(({ task }) => task),
        writes.map(({ index }) => index),
        writes.map(({ channel }) => channel),
        writes.map(({ type }) => type),
        writes.map(({ blob }) => blob ?? Buffer.alloc(0)),
      ],
    );
  }

  async commit(): Promise<void> {
    await this.#query('commit', []);
    this.#details.release();
  }

  /** Undoes everything; the connection is not used again. */
  async rollback(): Promise<void> {
    await closePostgres(this.#client);
  }

  async #query(text: string, values: readonly unknown[]): Promise<void> {
    try {
      await this.#client.query(text, [...values]);
    } catch (error) {
      throw postgresError(error, 'ETL_REQUEST_FAILED', this.#details.where);
    }
  }
}
