import type { PostgresClient } from '../../connections/postgres.ts';
import type { OnyxMessage } from '../../models/onyx.ts';
import { chatTables, type ChatTables, type RowOptions } from './chat-tables.ts';
import type { PlacedChat } from './placed-chat.ts';

/**
 * Turns chats into rows, with ids from Onyx's own sequences: in the order of the messages, so that they grow along every path
 * and among siblings, as Onyx relies on.
 */
export async function chatRows(
  client: PostgresClient,
  placed: readonly PlacedChat[],
  options: RowOptions,
): Promise<ChatTables> {
  const { sequences, generation } = options.database;
  const callsOf = (message: OnyxMessage): OnyxMessage['toolCalls'] =>
    generation === 'C' ? message.toolCalls : message.toolCalls.slice(0, 1);
  const counts = { messages: 0, calls: 0, documents: 0 };
  for (const { chat } of placed) {
    counts.messages += chat.messages.length;
    for (const message of chat.messages) {
      counts.calls += callsOf(message).length;
      counts.documents += message.documents.length;
    }
  }
  const messageIds = await nextIds(client, sequences.chat_message, counts.messages);
  const callIds = (await nextIds(client, sequences.tool_call, counts.calls)).values();
  const documentIds = (await nextIds(client, sequences.search_doc, counts.documents)).values();
  const tables = chatTables(options);
  let base = 0;
  for (const one of placed) {
    const { chat, tools } = one;
    const idAt = (place: number | null): number | null => (place === null ? null : (messageIds[base + place] ?? null));
    tables.sessions.add(one);
    tables.chats.add(one);
    for (const [place, message] of chat.messages.entries()) {
      const id = idAt(place) ?? 0;
      const numbers = message.documents.map(() => documentIds.next().value ?? 0);
      const citations = numbers.length === 0 ? null : Object.fromEntries(numbers.map((to, rank) => [rank + 1, to]));
      const parent = idAt(message.parent);
      const row = {
        id,
        chat,
        message,
        parent,
        latestChild: idAt(message.latestChild),
        citations,
        files: one.filesOf(place),
      };
      tables.messages.add(row);
      tables.sources.add(row);
      for (const [rank, document] of message.documents.entries()) {
        const found = { id: numbers[rank] ?? 0, messageId: id, document, rank };
        tables.documents.add(found);
        tables.links.add(found);
      }
      for (const call of callsOf(message)) {
        const toolId = tools(call.name);
        const callId = callIds.next().value ?? 0;
        if (toolId !== undefined) tables.calls.add({ id: callId, chat, messageId: id, call, toolId });
      }
      if (message.feedback !== null) tables.feedback.add({ messageId: id, feedback: message.feedback });
    }
    base += chat.messages.length;
  }
  return tables;
}

/**
 * Ids from a sequence, smallest first: also beside a running Onyx they are nobody else's. They come as one text: a row for
 * each would keep both sides busy for longer.
 */
async function nextIds(client: PostgresClient, sequence: string, count: number): Promise<number[]> {
  if (count === 0) return [];
  const { rows } = await client.query<{ ids: string }>(
    "select string_agg(nextval($1::regclass)::text, ',') as ids from generate_series(1, $2::int)",
    [sequence, count],
  );
  const ids = (rows[0]?.ids ?? '').split(',').map(Number);
  return ids.sort((a, b) => a - b);
}
