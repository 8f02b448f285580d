import { compareText, type Repair, type TreeNode, type TreeRepairKind } from './tree-node.ts';

/** A node that gave way to another one of the same id. */
export interface DroppedNode<T> {
  readonly node: T;
  readonly kind: 'duplicate-exact' | 'duplicate-conflicting';
  /** The one that stays. */
  readonly keeper: T;
}

/**
 * Leaves one node for each id: exact duplicates go; of conflicting ones a finished one stays over an unfinished one, then
 * the one saved last. Nodes come and go in the order of time; nodes without an id are not compared.
 */
export function dropDuplicates<T extends TreeNode>(
  sorted: readonly T[],
): { kept: readonly T[]; dropped: readonly DroppedNode<T>[]; repairs: readonly Repair<TreeRepairKind>[] } {
  const first = new Map<string, number>();
  const copies = new Map<string, number[]>();
  for (const [place, { id }] of sorted.entries()) {
    if (id === null) continue;
    const known = first.get(id);
    const group = copies.get(id);
    if (known === undefined) first.set(id, place);
    else if (group === undefined) copies.set(id, [known, place]);
    else group.push(place);
  }
  if (copies.size === 0) return { kept: sorted, dropped: [], repairs: [] };

  const gone = new Uint8Array(sorted.length);
  const dropped: DroppedNode<T>[] = [];
  for (const group of copies.values()) {
    for (const { place, kind, keeper } of settle(sorted, group)) {
      gone[place] = 1;
      // Both are positions in `sorted`.
      dropped.push({ node: sorted[place] as T, kind, keeper: sorted[keeper] as T });
    }
  }
  const repairs = dropped.map(({ node, kind, keeper }) => ({
    kind,
    messageId: node.id ?? '',
    detail: describe(node, keeper),
  }));
  return { kept: sorted.filter((_, place) => gone[place] === 0), dropped, repairs };
}

interface Version {
  readonly place: number;
  readonly node: TreeNode;
  readonly content: string;
}

function settle(
  sorted: readonly TreeNode[],
  group: readonly number[],
): { place: number; kind: DroppedNode<unknown>['kind']; keeper: number }[] {
  const versions = new Map<string, Version>();
  const exact: { place: number; kind: 'duplicate-exact'; keeper: number }[] = [];
  for (const place of group) {
    const node = sorted[place];
    if (node === undefined) continue;
    const content = `${String(node.parentId)}\n${String(node.time)}\n${node.content?.() ?? ''}`;
    const same = versions.get(content);
    if (same === undefined) versions.set(content, { place, node, content });
    else exact.push({ place, kind: 'duplicate-exact', keeper: same.place });
  }
  const different = [...versions.values()];
  const best = different.reduce((a, b) => (isBetter(b, a) ? b : a));
  const others = different.filter((version) => version !== best);
  return [
    ...exact,
    ...others.map(({ place }) => ({ place, kind: 'duplicate-conflicting' as const, keeper: best.place })),
  ];
}

function isBetter(a: Version, b: Version): boolean {
  const isUnfinished = Number(a.node.isUnfinished === true) - Number(b.node.isUnfinished === true);
  if (isUnfinished !== 0) return isUnfinished < 0;
  const updated = (a.node.updated ?? a.node.time ?? 0) - (b.node.updated ?? b.node.time ?? 0);
  if (updated !== 0) return updated > 0;
  // Nothing tells which is newer: the later in the tie breaker, so that the order of the input does not matter.
  return (compareText(a.node.order ?? '', b.node.order ?? '') || compareText(a.content, b.content)) > 0;
}

function describe(dropped: TreeNode, keeper: TreeNode): string | undefined {
  if (dropped.order === undefined || keeper.order === undefined) return undefined;
  return `dropped ${dropped.order}, kept ${keeper.order}`;
}
