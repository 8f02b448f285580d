import type { ConversationRepair, Tree } from '../models/conversation.ts';
import { analyseTree, type TreeMessage, type TreeShape } from './analyse-tree.ts';

/** What the shape of the messages alone does not tell. */
export interface KnownOfTree {
  readonly repairs?: readonly ConversationRepair[] | undefined;
  /** Parent ids that were missing before the tree was mended. */
  readonly missingParentIds?: readonly string[] | undefined;
  /** The leaf the source shows, where it keeps that; else the last child at every level, from the last root. */
  readonly activeLeaf?: string | null | undefined;
}

/** Describes the tree of a conversation's messages as the record keeps it. Siblings count in the list's order. */
export function treeOf(
  messages: readonly TreeMessage[],
  known: KnownOfTree = {},
  shape: TreeShape = analyseTree(messages),
): Tree {
  const idAt = (place: number): string => messages[place]?.id ?? '';
  const { activeLeaf } = known;
  const isThere = activeLeaf !== undefined && activeLeaf !== null && messages.some(({ id }) => id === activeLeaf);
  const shown = isThere ? activeLeaf : shape.activeLeaf;
  return {
    hasBranching: shape.branchPoints.length > 0 || shape.roots.length > 1,
    roots: shape.roots.map(idAt),
    leaves: shape.leaves.map(idAt),
    activeLeaf: typeof shown === 'string' ? shown : shown < 0 ? null : idAt(shown),
    branchPoints: shape.branchPoints.map(idAt),
    missingParentIds: [...new Set([...(known.missingParentIds ?? []), ...shape.missingParents])],
    depth: shape.depth,
    repairs: known.repairs ?? [],
  };
}
