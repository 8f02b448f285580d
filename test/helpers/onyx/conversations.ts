import type { Conversation, Message, Role } from '../../../src/models/conversation.ts';
import { treeOf } from '../../../src/tree/conversation-tree.ts';
import { conversationOf } from '../conversation.ts';

const roles: Readonly<Record<string, Role>> = { u: 'user', a: 'assistant', s: 'system', t: 'tool' };

/**
 * A conversation in short: `u1 a1<u1 u2<a1` is a question, its answer, and the next question. The first letter of an id is
 * the role; each message says its own id and comes a second after the one before it in the text.
 */
export function shortConversation(
  text: string,
  { activeLeaf, ...changes }: Partial<Conversation> & { readonly activeLeaf?: string } = {},
  change: (message: Message) => Message = (message) => message,
): Conversation {
  const start = Date.parse('2026-01-02T03:04:05.000Z');
  const messages = text
    .split(' ')
    .filter((part) => part !== '')
    .map((part, place): Message => {
      const [id = '', parentId = null] = part.split('<');
      const role = roles[id[0] ?? ''] ?? 'user';
      const createdAt = new Date(start + place * 1000).toISOString();
      return change({ id, parentId, role, createdAt, parts: [{ type: 'text', text: id }] });
    });
  return conversationOf(messages, {
    id: '0b5f9d1e-0000-4000-8000-000000000001',
    owner: { id: 'owner', email: 'ana@example.org' },
    title: 'A title',
    createdAt: '2026-01-02T03:04:05.000Z',
    updatedAt: '2026-01-02T03:05:05.000Z',
    tree: treeOf(messages, { activeLeaf }),
    ...changes,
    key: changes.key ?? 'test:owner:0b5f9d1e-0000-4000-8000-000000000001',
  });
}

/** The id of the chat with that number. */
export const chatId = (number: number): string => `0b5f9d1e-0000-4000-8000-${String(number).padStart(12, '0')}`;

/** Conversations of several shapes, each with its own id; an empty one is among them. */
export function onyxChats(count: number): Conversation[] {
  const shapes = ['u1 a1<u1 u2<a1 a2<u2', 'u1 a1<u1 a2<u1 u2<a1', 'u1 a1<u1 a2<a1 a3<a1', ''];
  return Array.from({ length: count }, (_, number) => {
    const id = chatId(number);
    const key = `test:owner:${id}`;
    return shortConversation(shapes[number % shapes.length] ?? '', { id, key, title: `chat ${number}` }, withTools);
  });
}

function withTools(message: Message): Message {
  if (message.id !== 'a1') return message;
  const url = 'https://example.org/';
  return {
    ...message,
    model: 'model',
    feedback: { rating: 'up' },
    parts: [
      { type: 'reasoning', text: 'hm' },
      { type: 'toolCall', id: 'c1', name: 'look', arguments: '{"at":1}' },
      { type: 'toolResult', callId: 'c1', output: 'seen' },
      { type: 'citation', sources: [{ list: 'organic', url, text: 'snippet' }] },
      ...message.parts,
    ],
  };
}
