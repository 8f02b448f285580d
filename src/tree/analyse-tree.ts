import { cutCycles, ROOT } from './link-parents.ts';

/** As much of a message as the shape of its tree takes. */
export interface TreeMessage {
  readonly id: string;
  readonly parentId: string | null;
}

/** The shape of a tree of messages, by positions in the list it was made from. */
export interface TreeShape {
  /** Position of each message's parent, or -1. */
  readonly parents: Int32Array;
  readonly roots: readonly number[];
  /** Messages nobody answered. */
  readonly leaves: readonly number[];
  /** Messages with more than one answer. */
  readonly branchPoints: readonly number[];
  /** Parent ids that name no message of the list, each once. Those who name them count as roots. */
  readonly missingParents: readonly string[];
  /** The last message of what is shown first, or -1 in an empty list. */
  readonly activeLeaf: number;
  /** Messages on the longest way from a root to a leaf. */
  readonly depth: number;
  /** Position of each message's last child, or -1. */
  readonly lastChild: Int32Array;
}

/**
 * Finds roots, leaves, branch points, depth and the active leaf of a list of messages.
 *
 * Siblings are taken in the list's order, so the active leaf is LibreChat's: the last child at every level, from the last
 * root. The list may be damaged: unknown parents make roots, cycles are cut at their first message. Linear, no recursion.
 */
export function analyseTree(messages: readonly TreeMessage[]): TreeShape {
  const places = new Map<string, number>();
  // Backwards, so that of equal ids the first counts.
  for (let place = messages.length - 1; place >= 0; place--) places.set(messages[place]?.id ?? '', place);
  const parents = new Int32Array(messages.length).fill(ROOT);
  const missing = new Set<string>();
  for (const [place, { parentId }] of messages.entries()) {
    if (parentId === null) continue;
    const parent = places.get(parentId);
    if (parent === undefined) missing.add(parentId);
    else parents[place] = parent;
  }
  cutCycles(parents);

  const children = new Uint32Array(messages.length);
  const lastChild = new Int32Array(messages.length).fill(ROOT);
  const roots: number[] = [];
  for (const [place, parent] of parents.entries()) {
    if (parent === ROOT) roots.push(place);
    else {
      children[parent] = (children[parent] ?? 0) + 1;
      lastChild[parent] = place;
    }
  }
  const leaves: number[] = [];
  const branchPoints: number[] = [];
  for (const [place, count] of children.entries()) {
    if (count === 0) leaves.push(place);
    else if (count > 1) branchPoints.push(place);
  }
  let activeLeaf = roots.at(-1) ?? ROOT;
  for (let next = activeLeaf; next !== ROOT; next = lastChild[next] ?? ROOT) activeLeaf = next;
  return {
    parents,
    roots,
    leaves,
    branchPoints,
    missingParents: [...missing],
    activeLeaf,
    depth: depthOf(parents),
    lastChild,
  };
}

function depthOf(parents: Int32Array): number {
  const depths = new Uint32Array(parents.length);
  const path: number[] = [];
  let deepest = 0;
  for (let start = 0; start < parents.length; start++) {
    let at = start;
    for (; at !== ROOT && depths[at] === 0; at = parents[at] ?? ROOT) path.push(at);
    let depth = at === ROOT ? 0 : (depths[at] ?? 0);
    for (let next = path.pop(); next !== undefined; next = path.pop()) depths[next] = ++depth;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

/** Positions from the root down to `leaf`. */
export function pathTo({ parents }: Pick<TreeShape, 'parents'>, leaf: number): number[] {
  const path: number[] = [];
  for (let place = leaf; place !== ROOT; place = parents[place] ?? ROOT) path.push(place);
  return path.reverse();
}

/** Every position, each branch whole: a message, then the tree under each of its children in turn. */
export function depthFirst({ parents, roots }: Pick<TreeShape, 'parents' | 'roots'>): number[] {
  const firstChild = new Int32Array(parents.length).fill(ROOT);
  const nextSibling = new Int32Array(parents.length).fill(ROOT);
  for (let place = parents.length - 1; place >= 0; place--) {
    const parent = parents[place] ?? ROOT;
    if (parent === ROOT) continue;
    nextSibling[place] = firstChild[parent] ?? ROOT;
    firstChild[parent] = place;
  }
  const ordered: number[] = [];
  const waiting = [...roots].reverse();
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    ordered.push(place);
    const later = nextSibling[place] ?? ROOT;
    if (later !== ROOT) waiting.push(later);
    const child = firstChild[place] ?? ROOT;
    if (child !== ROOT) waiting.push(child);
  }
  return ordered;
}
