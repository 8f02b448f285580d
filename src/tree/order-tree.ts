import { ROOT } from './link-parents.ts';

/**
 * Puts a forest into the order messages are kept in: by time, but parents before their children, and siblings (roots are
 * siblings, too) always in the order of time among themselves.
 *
 * Places are numbered in the order of time. Every node has one that must come before it: its elder sibling, or else its
 * parent. So a node that is dated before it pulls that chain forward. Linear, without recursion.
 */
export function orderTree(parents: Int32Array): Int32Array {
  const before = predecessors(parents);
  const ordered = new Int32Array(parents.length);
  const isPlaced = new Uint8Array(parents.length);
  const waiting: number[] = [];
  let count = 0;
  for (let place = 0; place < parents.length; place++) {
    for (let at = place; at !== ROOT && isPlaced[at] === 0; at = before[at] ?? ROOT) waiting.push(at);
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      isPlaced[at] = 1;
      ordered[count++] = at;
    }
  }
  return ordered;
}

function predecessors(parents: Int32Array): Int32Array {
  const before = new Int32Array(parents.length);
  const lastChild = new Int32Array(parents.length).fill(ROOT);
  let lastRoot = ROOT;
  for (let place = 0; place < parents.length; place++) {
    const parent = parents[place] ?? ROOT;
    if (parent === ROOT) {
      before[place] = lastRoot;
      lastRoot = place;
    } else {
      const elder = lastChild[parent] ?? ROOT;
      before[place] = elder === ROOT ? parent : elder;
      lastChild[parent] = place;
    }
  }
  return before;
}
