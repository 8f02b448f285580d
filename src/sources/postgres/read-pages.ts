import { copyOut } from '../../connections/postgres-copy.ts';
import {
  closePostgres,
  isRetryablePostgres,
  openPostgres,
  postgresFault,
  type PostgresClient,
} from '../../connections/postgres.ts';
import { CopyRowReader, type CopyRow } from '../../formats/copy-rows.ts';
import { retry } from '../../retry.ts';
import type { StageContext } from '../../stage.ts';
import { pageQuery, type PageKey, type SelectedColumn, type Selection } from './page-query.ts';

export interface PagesOptions extends PageKey {
  readonly connectionString: string;
  readonly selection: Selection;
  readonly columns: readonly SelectedColumn[];
  readonly after?: readonly string[] | undefined;
  readonly until?: readonly string[] | undefined;
  readonly pageRecords: number;
  readonly snapshot: boolean;
  readonly statementTimeoutMs: number;
}

/** Opens a session that cannot write. */
export async function openReader(
  connectionString: string,
  { snapshot, statementTimeoutMs }: { readonly snapshot: boolean; readonly statementTimeoutMs: number },
): Promise<PostgresClient> {
  const client = await openPostgres(connectionString);
  const isolation = snapshot ? 'repeatable read' : 'read committed';
  await client.query(`set statement_timeout = ${statementTimeoutMs}; set default_transaction_read_only = on;
    set default_transaction_isolation = '${isolation}'; set datestyle = 'ISO, YMD'; set intervalstyle = 'iso_8601'`);
  // Otherwise a query that calls a function which writes would be found out only then; and a snapshot is the transaction's.
  if (snapshot) await client.query('begin');
  return client;
}

/**
 * Rows page after page in the order of the key: each page a statement of its own that begins after the last key. Without a
 * key it is one statement. A connection that breaks is opened again and reading goes on after the last row that was taken,
 * where keys are unique and there is no snapshot.
 */
export async function* readPages(options: PagesOptions, ctx: StageContext): AsyncGenerator<CopyRow> {
  const { connectionString, selection, columns, key, until, pageRecords, snapshot, isUnique } = options;
  // Of rows with one key nobody could say which ones had come.
  const canGoOn = isUnique && !snapshot;
  let { after } = options;
  let client: PostgresClient | undefined;
  const statementOf = (): string => pageQuery(selection, columns, options, { after, until, rows: pageRecords });
  try {
    for (let isLast = false, failures = 0; !isLast; ) {
      client ??= await retry(() => openReader(connectionString, options), { signal: ctx.signal, ...retrying });
      let rows = 0;
      try {
        for await (const row of rowsOf(client, statementOf(), ctx.signal)) {
          yield row;
          rows += 1;
          failures = 0;
          if (key.length > 0) after = key.map((_, place) => keyText(row, place));
        }
        isLast = key.length === 0 || rows < pageRecords;
      } catch (error) {
        failures += 1;
        if (!canGoOn || failures > maxFailures || ctx.signal.aborted || !isRetryablePostgres(error)) throw error;
        ctx.warn(`reading went on after: ${postgresFault(error).message}`);
        await closePostgres(client);
        client = undefined;
      }
    }
  } finally {
    if (client !== undefined) await closePostgres(client);
  }
}

const retrying = { isRetryable: isRetryablePostgres, attempts: 6 };
/** So often in a row nothing came. */
const maxFailures = 5;

/** The text of a key's column. A row without it cannot be gone on from. */
export function keyText({ bytes, starts, ends }: CopyRow, place: number): string {
  return bytes.toString('utf8', starts[place + 1], ends[place + 1]);
}

async function* rowsOf(client: PostgresClient, statement: string, signal: AbortSignal): AsyncGenerator<CopyRow> {
  const reader = new CopyRowReader();
  for await (const piece of copyOut(client, statement, signal)) yield* reader.rows(piece);
  reader.end();
}
