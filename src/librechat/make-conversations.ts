import { conversationRecords, type ChatChoice, type MadeConversation } from './chat-records.ts';
import type { JoinedChats, JoinedUser } from './joined.ts';
import { placeOf, type MadeChats } from './make-chats.ts';

export type { MadeConversation } from './chat-records.ts';

/** Makes the canonical conversations of what was joined, in its order. `projects`: what they are called, by id. */
export async function* makeConversations(
  joined: AsyncIterable<JoinedUser | JoinedChats>,
  choice: ChatChoice,
  projects: ReadonlyMap<string, string>,
): AsyncGenerator<JoinedUser | MadeChats<MadeConversation>> {
  for await (const one of joined) {
    if (one.kind === 'user') yield one;
    else yield { ...placeOf(one), ...conversationRecords(one, choice, projects) };
  }
}
