import type { Repair, TreeNode, TreeRepairKind } from './tree-node.ts';

/** Stands for "no parent" among positions. */
export const ROOT = -1;

interface Linked {
  /** Position of each node's parent, or ROOT. A forest: no cycles. */
  readonly parents: Int32Array;
  /** Parent ids that name no message, in the order of the messages that name them, each once. */
  readonly missingParents: readonly string[];
  readonly repairs: readonly Repair<TreeRepairKind>[];
}

/**
 * Finds every node's parent and makes a forest of what is there.
 *
 * Nodes come in the order of time, one for each id. Self references and cycles are cut at their earliest node, which becomes
 * a root. A parent that does not exist is replaced by the same id without trailing underscores (an answer named before the
 * server had given it its id), else by the nearest earlier message of another role, else the node becomes a root.
 */
export function linkParents(sorted: readonly TreeNode[], ids: readonly string[]): Linked {
  const places = new Map<string, number>();
  for (const [place, id] of ids.entries()) places.set(id, place);
  const parents = new Int32Array(sorted.length).fill(ROOT);
  const repairs: Repair<TreeRepairKind>[] = [];
  const unknown: number[] = [];
  for (const [place, { parentId }] of sorted.entries()) {
    if (parentId === null) continue;
    const parent = places.get(parentId);
    if (parent === undefined) unknown.push(place);
    else if (parent === place) repairs.push({ kind: 'self-parent', messageId: ids[place] ?? '' });
    else parents[place] = parent;
  }
  for (const { place, length } of cutCycles(parents)) {
    repairs.push({
      kind: 'parent-cycle',
      messageId: ids[place] ?? '',
      detail: `cut a cycle of ${length}; its parent was ${sorted[place]?.parentId ?? ''}`,
    });
  }
  const adopted = unknown.length === 0 ? [] : adopt(sorted, ids, parents, unknown);
  const missingParents = new Set(unknown.map((place) => sorted[place]?.parentId ?? ''));
  return { parents, missingParents: [...missingParents], repairs: [...repairs, ...adopted] };
}

/** Makes the earliest node of every cycle a root, in place, and gives those nodes with the cycle's length. Linear. */
export function cutCycles(parents: Int32Array): { place: number; length: number }[] {
  const cuts: { place: number; length: number }[] = [];
  const walks = new Int32Array(parents.length);
  for (let start = 0; start < parents.length; start++) {
    const walk = start + 1;
    let place = start;
    while (place !== ROOT && walks[place] === 0) {
      walks[place] = walk;
      place = parents[place] ?? ROOT;
    }
    if (place === ROOT || walks[place] !== walk) continue;
    let earliest = place;
    let length = 1;
    for (let next = parents[place] ?? ROOT; next !== place; next = parents[next] ?? ROOT) {
      earliest = Math.min(earliest, next);
      length += 1;
    }
    parents[earliest] = ROOT;
    cuts.push({ place: earliest, length });
  }
  return cuts;
}

/** Gives nodes whose parent is unknown another one that is not their own descendant. */
function adopt(
  sorted: readonly TreeNode[],
  ids: readonly string[],
  parents: Int32Array,
  unknown: readonly number[],
): Repair<TreeRepairKind>[] {
  const tops = parents.slice();
  const isAbove = (place: number, below: number): boolean => topOf(tops, below) === place;
  const trimmed = underscoreFamilies(ids);
  const otherRole = nearestEarlierOfOtherRole(sorted);
  return unknown.map((place): Repair<TreeRepairKind> => {
    const messageId = ids[place] ?? '';
    const parentId = sorted[place]?.parentId ?? '';
    const sameButUnderscores = trimmed(parentId);
    const isPlaceholder = sameButUnderscores !== undefined && !isAbove(place, sameButUnderscores);
    const parent = isPlaceholder ? sameButUnderscores : (otherRole[place] ?? ROOT);
    if (parent === ROOT || isAbove(place, parent))
      return { kind: 'missing-parent', messageId, detail: `${parentId} does not exist: made a root` };
    parents[place] = parent;
    tops[place] = parent;
    const detail = `${parentId} does not exist: put under ${ids[parent] ?? ''}`;
    return { kind: isPlaceholder ? 'parent-trailing-underscore' : 'missing-parent', messageId, detail };
  });
}

/** The root above a place. Halves the way for those who come after: nearly constant. */
function topOf(tops: Int32Array, place: number): number {
  let at = place;
  for (;;) {
    const parent = tops[at] ?? ROOT;
    if (parent === ROOT) return at;
    const grandparent = tops[parent] ?? ROOT;
    if (grandparent === ROOT) return parent;
    tops[at] = grandparent;
    at = grandparent;
  }
}

/** Finds the message whose id is the given one with fewer underscores at its end: the one with the most of them. */
function underscoreFamilies(ids: readonly string[]): (id: string) => number | undefined {
  const families = new Map<string, { underscores: number; place: number }[]>();
  for (const [place, id] of ids.entries()) {
    const base = withoutUnderscores(id);
    const member = { underscores: id.length - base.length, place };
    const family = families.get(base);
    if (family === undefined) families.set(base, [member]);
    else family.push(member);
  }
  for (const family of families.values()) family.sort((a, b) => b.underscores - a.underscores);
  return (id) => {
    const base = withoutUnderscores(id);
    return families.get(base)?.find(({ underscores }) => underscores < id.length - base.length)?.place;
  };
}

function withoutUnderscores(id: string): string {
  let end = id.length;
  while (end > 0 && id.charCodeAt(end - 1) === 0x5f) end -= 1;
  return id.slice(0, end);
}

function nearestEarlierOfOtherRole(sorted: readonly TreeNode[]): Int32Array {
  const nearest = new Int32Array(sorted.length).fill(ROOT);
  for (let place = 1; place < sorted.length; place++) {
    const isOther = sorted[place - 1]?.role !== sorted[place]?.role;
    nearest[place] = isOther ? place - 1 : (nearest[place - 1] ?? ROOT);
  }
  return nearest;
}
