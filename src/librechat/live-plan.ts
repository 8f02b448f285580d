import type { MongodbConnection, openMongodb } from '../connections/mongodb.ts';
import { hasIndexOn } from '../mongodb/indexes.ts';
import { toldIndexes } from '../mongodb/told-indexes.ts';
import type { Estimate } from '../stage.ts';
import { liveInput } from './live-input.ts';

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
    const told = await toldServed(connection, signal);
    if (conversation !== undefined) return { plan: `${where}, ${planOfOne(told)}${keptOf(since)}` };
    if (users !== 'all' || usersFile !== undefined) return { plan: `${where}, ${planOfSome(told)}${keptOf(since)}` };
    const [conversations, messages] = await Promise.all([
      connection.size('conversations', signal),
      connection.size('messages', signal),
    ]);
    return {
      records: conversations.documents,
      ...(conversations.bytes !== undefined &&
        messages.bytes !== undefined && { bytes: conversations.bytes + messages.bytes }),
      plan: `${where}, ${planOfAll(told)}${keptOf(since)}`,
    };
  } finally {
    await connection.close();
  }
}

/** What a plan says of a date: a message that was edited is found by no index, and makes its conversation a newer one. */
export function keptOf(since: string | undefined): string {
  return since === undefined ? '' : `; of what is read the conversations saved since ${since} are kept`;
}

type Field = `${'conversations' | 'messages'}.${'user' | 'conversationId'}`;

/** Whether an index serves a field; nothing when the user is not told of indexes. */
type Served = ((field: Field) => boolean) | undefined;

async function toldServed(connection: MongodbConnection, signal: AbortSignal): Promise<Served> {
  const conversations = await toldIndexes(connection, 'conversations', signal);
  const messages = await toldIndexes(connection, 'messages', signal);
  if (conversations === undefined || messages === undefined) return undefined;
  const indexes = { conversations, messages };
  return (field) => {
    const [collection, name] = field.split('.') as ['conversations' | 'messages', string];
    return hasIndexOn(indexes[collection], [name]);
  };
}

function planOfAll(served: Served): string {
  return served?.('messages.conversationId') === true
    ? 'every collection in the order of _id, of messages what they belong to; then messages by conversation ids, served by an index'
    : `every collection once in the order of _id, joined by owner and conversation outside of memory, ${whyJoined(served)}`;
}

function planOfSome(served: Served): string {
  const plan =
    served?.('messages.conversationId') === true
      ? "the users' conversations, then their messages by conversation ids"
      : `the users' conversations and their messages, joined outside of memory, ${whyJoined(served)}`;
  return `${plan}${searched(served, ['conversations.user', 'messages.user'])}`;
}

function planOfOne(served: Served): string {
  return `one conversation by its id${searched(served, ['conversations.conversationId', 'messages.conversationId'])}`;
}

function whyJoined(served: Served): string {
  return served === undefined
    ? 'as this user is not told of indexes (the action listIndexes)'
    : 'as no index on messages.conversationId serves them';
}

/** What the server has to look for without an index. */
function searched(served: Served, fields: readonly Field[]): string {
  if (served === undefined) return '';
  const missing = fields.filter((field) => !served(field));
  return missing.length === 0
    ? ', served by indexes'
    : `; there is no index on ${missing.join(', ')}, so that the server looks through all documents`;
}
