import type { PostgresClient } from '../../connections/postgres.ts';
import { chatRows } from './chat-rows.ts';
import type { RowOptions } from './chat-tables.ts';
import type { ChatTables } from './chat-tables.ts';
import { dataFault, isTakenMeanwhile } from './data-fault.ts';
import type { PlannedRecord } from './load.ts';
import type { PlacedChat } from './placed-chat.ts';

/** A record that the server refused, and what it said. */
export interface RefusedRecord {
  readonly record: PlannedRecord;
  readonly cause: unknown;
}

interface WriteOptions extends RowOptions {
  readonly signal: AbortSignal;
  /** Called when the messages are on their way, which keep the server busy for longer than all the rest. */
  readonly isSending: () => void;
}

/**
 * Writes chats with all that belongs to them, in the transaction that is open. A record that the server refuses is found by
 * halving and left out alone, with all its chats.
 *
 * Both pointers of each message are known beforehand, so each table is filled by one COPY: the foreign keys of messages among
 * themselves are checked when it ends. `ready`: the chats' rows, where they are made already.
 */
export async function writeChats(
  client: PostgresClient,
  placed: readonly PlacedChat[],
  options: WriteOptions,
  ready?: ChatTables,
): Promise<RefusedRecord[]> {
  if (placed.length === 0) return [];
  await client.query('savepoint chats');
  try {
    const rows = ready ?? (await chatRows(client, placed, options));
    const { sessions, messages, calls, documents, links, feedback, chats, sources } = rows;
    for (const table of [chats, sessions]) await table.send(client, options.signal);
    await messages.send(client, options.signal, options.isSending);
    for (const table of [calls, documents, links, feedback, sources]) await table.send(client, options.signal);
    await client.query('release savepoint chats');
    return [];
  } catch (error) {
    const fault = dataFault(error);
    if (fault === undefined || isTakenMeanwhile(error)) throw error;
    await client.query('rollback to savepoint chats');
    const [first, ...others] = [...new Set(placed.map(({ record }) => record))];
    if (first !== undefined && others.length === 0) return [{ record: first, cause: fault }];
    const left = new Set([first, ...others].slice(0, Math.ceil((others.length + 1) / 2)));
    const [one, two] = [
      placed.filter(({ record }) => left.has(record)),
      placed.filter(({ record }) => !left.has(record)),
    ];
    const refused = await writeChats(client, one, options);
    return [...refused, ...(await writeChats(client, two, options))];
  }
}
