import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { analyseTree, depthFirst, pathTo } from '../../src/tree/analyse-tree.ts';

/** `a b<a c<a`: messages with the ids of their parents. */
function messages(text: string): { id: string; parentId: string | null }[] {
  return text
    .split(' ')
    .filter((part) => part !== '')
    .map((part) => {
      const [id = '', parentId = null] = part.split('<');
      return { id, parentId };
    });
}

const cases = [
  { tree: '', roots: '', leaves: '', branchPoints: '', active: '', depth: 0, missing: '' },
  { tree: 'a', roots: 'a', leaves: 'a', branchPoints: '', active: 'a', depth: 1, missing: '' },
  { tree: 'a b<a c<b', roots: 'a', leaves: 'c', branchPoints: '', active: 'a b c', depth: 3, missing: '' },
  { tree: 'a b<a c<a d<b', roots: 'a', leaves: 'c d', branchPoints: 'a', active: 'a c', depth: 3, missing: '' },
  { tree: 'a b<a r', roots: 'a r', leaves: 'b r', branchPoints: '', active: 'r', depth: 2, missing: '' },
  { tree: 'b<a a', roots: 'a', leaves: 'b', branchPoints: '', active: 'a b', depth: 2, missing: '' },
  { tree: 'a b<x c<x', roots: 'a b c', leaves: 'a b c', branchPoints: '', active: 'c', depth: 1, missing: 'x' },
  { tree: 'a<b b<a c<b', roots: 'a', leaves: 'c', branchPoints: '', active: 'a b c', depth: 3, missing: '' },
  { tree: 'a<a', roots: 'a', leaves: 'a', branchPoints: '', active: 'a', depth: 1, missing: '' },
];

test('analyseTree', async (t) => {
  for (const { tree, roots, leaves, branchPoints, active, depth, missing } of cases) {
    await t.test(tree === '' ? 'nothing' : tree, () => {
      const list = messages(tree);
      const names = (places: readonly number[]): string => places.map((place) => list[place]?.id).join(' ');
      const shape = analyseTree(list);
      assert.deepEqual(
        {
          roots: names(shape.roots),
          leaves: names(shape.leaves),
          branchPoints: names(shape.branchPoints),
          active: names(pathTo(shape, shape.activeLeaf)),
          depth: shape.depth,
          missing: shape.missingParents.join(' '),
        },
        { roots, leaves, branchPoints, active, depth, missing },
      );
    });
  }
});

test('depthFirst gives each branch whole, in the order of siblings', () => {
  const list = messages('a b<a c<a d<b e<d f<c r');
  assert.equal(
    depthFirst(analyseTree(list))
      .map((place) => list[place]?.id)
      .join(' '),
    'a b d e c f r',
  );
});

test('depthFirst visits everything once, parents first, whatever the list', () => {
  const wild = fc.array(
    fc.record({ id: fc.constantFrom(...'abcdefgh'), parentId: fc.option(fc.constantFrom(...'abcdefghx')) }),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(wild, (list) => {
      const shape = analyseTree(list);
      const order = depthFirst(shape);
      assert.deepEqual(
        [...order].sort((a, b) => a - b),
        list.map((_, place) => place),
      );
      const at = new Map(order.map((place, rank) => [place, rank]));
      for (const [place, parent] of shape.parents.entries())
        assert.ok(parent === -1 || (at.get(parent) ?? 0) < (at.get(place) ?? 0));
      assert.equal(shape.depth, Math.max(0, ...list.map((_, place) => pathTo(shape, place).length)));
    }),
    { numRuns: 500 },
  );
});
