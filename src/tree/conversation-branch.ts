import type { Conversation } from '../models/conversation.ts';
import { pathTo, type TreeShape } from './analyse-tree.ts';
import { treeOf } from './conversation-tree.ts';

/** The position of the leaf that a conversation shows. */
export function leafOf({ messages, tree }: Conversation, { leaves, activeLeaf: last }: TreeShape): number {
  // Other writers may leave the tree out.
  const id = (tree as Conversation['tree'] | undefined)?.activeLeaf;
  return leaves.find((leaf) => messages[leaf]?.id === id) ?? last;
}

/**
 * One branch of a conversation as a conversation: the messages from a root to `leaf`.
 *
 * The active branch keeps the id; the others get `~` and their number (in the order of leaves, from 1) after `id` and `key`.
 */
export function conversationBranch(
  conversation: Conversation,
  shape: TreeShape,
  leaf: number,
  active: boolean,
): Conversation {
  const messages = pathTo(shape, leaf).flatMap((place) => conversation.messages[place] ?? []);
  const number = shape.leaves.indexOf(leaf) + 1;
  const { id, key, tree } = conversation;
  const names = active ? { id, key } : { id: `${id}~${number}`, key: `${key}~${number}` };
  const kept = new Set(messages.map((message) => message.id));
  const repairs = ((tree as Conversation['tree'] | undefined)?.repairs ?? []).filter(
    ({ messageId }) => messageId === undefined || kept.has(messageId),
  );
  const leafId = conversation.messages[leaf]?.id ?? '';
  return {
    ...conversation,
    ...names,
    messages,
    tree: treeOf(messages, { repairs }),
    branch: { of: id, leaf: leafId, number, count: shape.leaves.length, active },
  };
}
