import type { MongodbConnection, openMongodb } from '../connections/mongodb.ts';
import { hasIndexOn } from '../mongodb/indexes.ts';
import type { Estimate } from '../stage.ts';
import { hasMessageIndex, liveInput } from './live-input.ts';

/** What decides how a live database is read. */
export interface LivePlanOptions {
  readonly uri?: string | undefined;
  readonly database?: string | undefined;
  readonly readPreference?: Parameters<typeof openMongodb>[0]['readPreference'];
  readonly users: 'all' | readonly string[];
  readonly usersFile?: string | undefined;
  readonly conversation?: string | undefined;
  readonly since?: string | undefined;
}

/** How much there is to read in a live database, and how it will be read. */
export async function liveEstimate(
  { uri = '', database, readPreference, users, usersFile, conversation, since }: LivePlanOptions,
  connect: typeof openMongodb,
  signal: AbortSignal,
): Promise<Estimate> {
  const connection = await connect({ uri, database, readPreference, signal, attempts: 2 });
  try {
    // Throws when there is no LibreChat in it.
    await liveInput(connection, [], signal);
    const where = `${connection.where}: MongoDB ${await connection.version(signal)}`;
    const isAll = users === 'all' && usersFile === undefined && conversation === undefined;
    if (!isAll)
      return { plan: `${where}, ${await byIds(connection, conversation !== undefined, signal)}${keptOf(since)}` };
    const everything = (await hasMessageIndex(connection, signal))
      ? 'every collection in the order of _id, of messages what they belong to; then messages by conversation ids, served by an index'
      : 'every collection once in the order of _id, joined by owner and conversation outside of memory, as no index on messages.conversationId serves them';
    const [conversations, messages] = await Promise.all([
      connection.size('conversations', signal),
      connection.size('messages', signal),
    ]);
    return {
      records: conversations.documents,
      ...(conversations.bytes !== undefined &&
        messages.bytes !== undefined && { bytes: conversations.bytes + messages.bytes }),
      plan: `${where}, ${everything}${keptOf(since)}`,
    };
  } finally {
    await connection.close();
  }
}

/** What a plan says of a date: a message that was edited is found by no index, and makes its conversation a newer one. */
export function keptOf(since: string | undefined): string {
  return since === undefined ? '' : `; of what is read the conversations saved since ${since} are kept`;
}

async function byIds(connection: MongodbConnection, isOne: boolean, signal: AbortSignal): Promise<string> {
  const needs = isOne
    ? ([['messages', 'conversationId']] as const)
    : ([
        ['conversations', 'user'],
        ['messages', 'user'],
        ['messages', 'conversationId'],
      ] as const);
  const missing: string[] = [];
  for (const [collection, field] of needs) {
    if (!hasIndexOn(await connection.indexes(collection, signal), [field])) missing.push(`${collection}.${field}`);
  }
  const plan = isOne
    ? 'one conversation by its id'
    : "the users' conversations, then their messages by conversation ids";
  return missing.length === 0
    ? `${plan}, served by indexes`
    : `${plan}; there is no index on ${missing.join(', ')}, so that the server looks through all documents`;
}
