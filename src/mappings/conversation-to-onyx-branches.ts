import type { Conversation } from '../models/conversation.ts';
import { conversationBranch, leafOf } from '../tree/conversation-branch.ts';
import { analyseTree } from '../tree/analyse-tree.ts';

/** What becomes of a conversation with several branches. */
export type OnyxBranches = 'tree' | 'split' | 'active' | 'skip';

/**
 * The conversations that become chats: the whole as it is, one for each branch, the one that is shown, or none.
 *
 * Of split ones the shown branch keeps `id` and `key`; the others have `~` and their number after both, and name the whole in
 * `branch`. At most `maxBranches` are made; undefined where there are more.
 */
export function conversationToOnyxBranches(
  conversation: Conversation,
  branches: OnyxBranches,
  maxBranches = 1000,
): readonly Conversation[] | undefined {
  if (branches === 'tree') return [conversation];
  const shape = analyseTree(conversation.messages);
  const { leaves } = shape;
  if (leaves.length <= 1) return [conversation];
  if (branches === 'skip') return [];
  const active = leafOf(conversation, shape);
  if (branches === 'active') return [conversationBranch(conversation, shape, active, true)];
  if (leaves.length > maxBranches) return undefined;
  return leaves.map((leaf) => conversationBranch(conversation, shape, leaf, leaf === active));
}
