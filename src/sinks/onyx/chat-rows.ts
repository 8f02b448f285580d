import type { PostgresClient } from '../../connections/postgres.ts';
import { timeText } from '../../mappings/conversation-to-onyx-times.ts';
import type { OnyxMessage } from '../../models/onyx.ts';
import type { OnyxDatabase } from './generation.ts';
import type { PlacedChat } from './place-chats.ts';

/** Rows for each table, as objects for `json_to_recordset`. */
export interface ChatRows {
  readonly sessions: object[];
  readonly messages: object[];
  readonly calls: object[];
  readonly documents: object[];
  readonly feedback: object[];
}

/**
 * Turns chats into rows, with ids from Onyx's own sequences: in the order of the messages, so that they grow along every path
 * and among siblings, as Onyx relies on.
 */
export async function chatRows(
  client: PostgresClient,
  placed: readonly PlacedChat[],
  { sequences }: OnyxDatabase,
  tools: ReadonlyMap<string, number>,
): Promise<ChatRows> {
  const all = placed.flatMap(({ chat }) => chat.messages);
  const count = (of: (message: OnyxMessage) => readonly unknown[]): number =>
    all.reduce((sum, message) => sum + of(message).length, 0);
  const messageIds = await nextIds(client, sequences.chat_message, all.length);
  const callIds = await nextIds(
    client,
    sequences.tool_call,
    count(({ toolCalls }) => toolCalls),
  );
  const documentIds = await nextIds(
    client,
    sequences.search_doc,
    count(({ documents }) => documents),
  );
  const rows: ChatRows = { sessions: [], messages: [], calls: [], documents: [], feedback: [] };
  const nextCall = callIds.values();
  const nextDocument = documentIds.values();
  let base = 0;
  for (const { planned, userId, chat } of placed) {
    const session = chat.sessionId;
    const idAt = (place: number | null): number | null => (place === null ? null : (messageIds[base + place] ?? null));
    rows.sessions.push({
      id: session,
      user_id: userId,
      description: chat.title,
      created: timeText(chat.timeCreated),
      updated: timeText(chat.timeUpdated),
      key: planned.conversation.key,
      digest: planned.digest,
    });
    for (const [place, message] of chat.messages.entries()) {
      const id = idAt(place);
      const documents = message.documents.map(({ url, title, text }, index) => ({
        id: nextDocument.next().value,
        message: id,
        url,
        title,
        blurb: text,
        rank: index + 1,
      }));
      const citations = new Map(documents.map(({ id: document, rank }) => [String(rank), document ?? 0]));
      rows.messages.push({
        id,
        session,
        source: message.sourceId,
        parent: idAt(message.parent),
        latest: idAt(message.latestChild),
        type: message.type,
        message: message.text,
        tokens: message.tokens,
        sent: timeText(message.timeSent),
        reasoning: message.reasoning,
        citations: citations.size === 0 ? null : Object.fromEntries(citations),
        error: message.error,
        model_display_name: message.model,
      });
      rows.documents.push(...documents);
      for (const { id: call, name, arguments: given, response, reasoning, turn, tokens } of message.toolCalls) {
        const tool = tools.get(name);
        rows.calls.push({
          id: nextCall.next().value,
          session,
          message: id,
          turn,
          tool,
          call,
          arguments: given,
          response,
          tokens,
          reasoning,
        });
      }
      const { feedback } = message;
      if (feedback !== null)
        rows.feedback.push({ message: id, positive: feedback.isPositive, tag: feedback.tag, said: feedback.text });
    }
    base += chat.messages.length;
  }
  return rows;
}

/** Ids from a sequence, smallest first: also beside a running Onyx they are nobody else's. */
async function nextIds(client: PostgresClient, sequence: string, count: number): Promise<number[]> {
  if (count === 0) return [];
  const { rows } = await client.query<{ id: number }>(
    'select nextval($1::regclass)::int4 as id from generate_series(1, $2::int)',
    [sequence, count],
  );
  return rows.map(({ id }) => id).sort((a, b) => a - b);
}
