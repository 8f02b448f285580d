import { CONVERSATION_SCHEMA, type Conversation, type Message } from '../../src/models/conversation.ts';
import { treeOf } from '../../src/tree/conversation-tree.ts';

/** A conversation of these messages in which everything that may be empty is. */
export function conversationOf(messages: readonly Message[], changes: Partial<Conversation> = {}): Conversation {
  const { id = 'c', owner = { id: 'u' } } = changes;
  return {
    schema: CONVERSATION_SCHEMA,
    id,
    key: `test:${owner.id}:${id}`,
    owner,
    title: null,
    createdAt: null,
    updatedAt: null,
    archived: false,
    pinned: false,
    temporary: false,
    tags: [],
    project: null,
    settings: {},
    messages,
    tree: treeOf(messages),
    files: [],
    source: { system: 'test' },
    ...changes,
  };
}
