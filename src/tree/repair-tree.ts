import { dropDuplicates, type DroppedNode } from './drop-duplicates.ts';
import { linkParents, ROOT } from './link-parents.ts';
import { orderTree } from './order-tree.ts';
import { compareNodes, type Repair, type TreeNode, type TreeRepairKind } from './tree-node.ts';

/** A node in its place: with an id of its own and a parent that exists. */
export interface RepairedNode<T> {
  readonly node: T;
  readonly id: string;
  readonly parentId: string | null;
}

export interface RepairedTree<T> {
  /** Parents before children, siblings in the order of time: see {@link orderTree}. */
  readonly nodes: readonly RepairedNode<T>[];
  readonly dropped: readonly DroppedNode<T>[];
  /** Parent ids that named no message. */
  readonly missingParents: readonly string[];
  readonly repairs: readonly Repair<TreeRepairKind>[];
}

/** What counts as worth a note. */
export interface RepairTreeOptions {
  /** Notes answers dated like what they answer. Sources that keep whole seconds switch this off. Default true. */
  readonly noteEqualTimes?: boolean | undefined;
}

/**
 * Makes a sound forest of any set of messages, and says what had to be mended.
 *
 * In this order: exact duplicates are dropped; of conflicting ones the finished one stays, then the one saved last; self
 * references and cycles are cut at their earliest message; unknown parents are replaced (see {@link linkParents}); absent
 * times and times before the parent's are noted, and left as they are. Every message is kept once, the order of the input
 * does not matter, and repairing the result again changes nothing. Time is that of one sort; nothing recurses, so that
 * chains of any depth will do.
 */
export function repairTree<T extends TreeNode>(nodes: readonly T[], options: RepairTreeOptions = {}): RepairedTree<T> {
  const sorted = isSorted(nodes) ? nodes : [...nodes].sort(compareNodes);
  const { kept, dropped, repairs: duplicates } = dropDuplicates(sorted);
  const { ids, repairs: named } = idsOf(kept);
  const { parents, missingParents, repairs: linked } = linkParents(kept, ids);
  const timed = timeNotes(kept, ids, parents, options.noteEqualTimes ?? true);
  const ordered = orderTree(parents);
  const repaired: RepairedNode<T>[] = [];
  for (const place of ordered) {
    const parent = parents[place] ?? ROOT;
    const parentId = parent === ROOT ? null : (ids[parent] ?? null);
    // `place` is one of the positions in `kept`.
    repaired.push({ node: kept[place] as T, id: ids[place] ?? '', parentId });
  }
  return { nodes: repaired, dropped, missingParents, repairs: [...named, ...duplicates, ...linked, ...timed] };
}

function isSorted(nodes: readonly TreeNode[]): boolean {
  let previous: TreeNode | undefined;
  for (const node of nodes) {
    if (previous !== undefined && compareNodes(previous, node) > 0) return false;
    previous = node;
  }
  return true;
}

/** Messages without an id get one: from the tie breaker, which for database records is their own id, else from their place. */
function idsOf(sorted: readonly TreeNode[]): { ids: string[]; repairs: Repair<TreeRepairKind>[] } {
  const repairs: Repair<TreeRepairKind>[] = [];
  const taken = new Set<string>();
  if (sorted.some(({ id }) => id === null)) for (const { id } of sorted) if (id !== null) taken.add(id);
  const ids: string[] = [];
  for (const [place, node] of sorted.entries()) {
    if (node.id !== null) {
      ids.push(node.id);
      continue;
    }
    const wanted = node.order ?? `message-${place + 1}`;
    let id = wanted;
    for (let copy = 2; taken.has(id); copy++) id = `${wanted}-${copy}`;
    taken.add(id);
    repairs.push({ kind: 'id-absent', messageId: id });
    ids.push(id);
  }
  return { ids, repairs };
}

function timeNotes(
  sorted: readonly TreeNode[],
  ids: readonly string[],
  parents: Int32Array,
  noteEqualTimes: boolean,
): Repair<TreeRepairKind>[] {
  const notes: Repair<TreeRepairKind>[] = [];
  for (const [place, { time, isTimeInferred }] of sorted.entries()) {
    const messageId = ids[place] ?? '';
    if (time === undefined || isTimeInferred === true) {
      notes.push({
        kind: 'time-absent',
        messageId,
        detail: time === undefined ? undefined : 'taken from the database id',
      });
      continue;
    }
    const parent = sorted[parents[place] ?? ROOT];
    if (parent?.time === undefined || parent.isTimeInferred === true) continue;
    if (time < parent.time)
      notes.push({ kind: 'time-before-parent', messageId, detail: `by ${parent.time - time} ms` });
    else if (time === parent.time && noteEqualTimes) notes.push({ kind: 'time-equals-parent', messageId });
  }
  return notes;
}
