import type { Json } from '../json.ts';
import { CONVERSATION_SCHEMA, type Conversation, type ConversationSource } from '../models/conversation.ts';
import { isFields } from './thread-to-conversation-forms.ts';

/** Under this name in a thread's metadata stands which conversation it was made of. */
export const THREAD_MARK = 'threadmill';

type Known = Omit<Conversation, 'messages' | 'tree' | 'files' | 'source'>;

/** What a thread's metadata keep of the conversation it was made of. */
export interface ThreadMark {
  readonly fields: Known;
  readonly source: Pick<ConversationSource, 'system' | 'recordId' | 'orphan'>;
}

/** Everything of a conversation but its messages, for a thread's metadata. */
export function conversationMark({ messages: _, tree: __, files: ___, source, ...fields }: Conversation): Json {
  const { system, recordId, orphan } = source;
  const mark: ThreadMark = {
    fields,
    source: { system, ...(recordId !== undefined && { recordId }), ...(orphan !== undefined && { orphan }) },
  };
  // A conversation is JSON.
  return mark as unknown as Json;
}

/** What such a mark says; nothing for anything else, or for one of another version. */
export function markedConversation(mark: Json | undefined): ThreadMark | undefined {
  if (!isFields(mark) || !isFields(mark['fields']) || !isFields(mark['source'])) return undefined;
  const { fields, source } = mark;
  const isOurs =
    isFields(fields) &&
    fields['schema'] === CONVERSATION_SCHEMA &&
    typeof fields['id'] === 'string' &&
    typeof fields['key'] === 'string' &&
    isFields(fields['owner']) &&
    isFields(source) &&
    typeof source['system'] === 'string';
  // Written by conversationMark.
  return isOurs ? (mark as unknown as ThreadMark) : undefined;
}
