import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { analyseTree } from '../../src/tree/analyse-tree.ts';
import { repairTree } from '../../src/tree/repair-tree.ts';
import type { TreeNode } from '../../src/tree/tree-node.ts';

/** Short notation: `b<a user 2` is message b, answer to a, written by the user at time 2. `<` alone is a root. */
function node(text: string, more: Partial<TreeNode> = {}): TreeNode {
  const [link = '', role, time] = text.split(' ');
  const [id = '', parentId = ''] = link.split('<');
  return {
    id,
    parentId: parentId === '' ? null : parentId,
    role,
    time: time === undefined ? undefined : Number(time),
    order: id,
    ...more,
  };
}

const cases: readonly { name: string; nodes: readonly TreeNode[]; expected: string; repairs: readonly string[] }[] = [
  { name: 'nothing at all', nodes: [], expected: '', repairs: [] },
  {
    name: 'a line, given backwards',
    nodes: [node('c<b user 3'), node('b<a bot 2'), node('a< user 1')],
    expected: 'a< b<a c<b',
    repairs: [],
  },
  {
    name: 'an exact duplicate',
    nodes: [node('a< user 1'), node('a< user 1')],
    expected: 'a<',
    repairs: ['duplicate-exact a'],
  },
  {
    name: 'a finished message stays over an unfinished one that was saved later',
    nodes: [
      node('a< user 1', { updated: 2, content: () => 'whole' }),
      node('a< user 1', { updated: 9, isUnfinished: true, content: () => 'ha' }),
    ],
    expected: 'a<',
    repairs: ['duplicate-conflicting a'],
  },
  {
    name: 'a message that is its own parent',
    nodes: [node('a< user 1'), node('b<b bot 2')],
    expected: 'a< b<',
    repairs: ['self-parent b'],
  },
  {
    name: 'a cycle of three with a tail, cut at its earliest message',
    nodes: [node('b<c user 2'), node('c<a bot 3'), node('a<b user 1'), node('d<c user 4')],
    expected: 'a< b<c c<a d<c',
    repairs: ['parent-cycle a', 'time-before-parent b'],
  },
  {
    name: 'a placeholder of an answer that has its id now',
    nodes: [node('a< user 1'), node('b<a bot 2'), node('c<b_ user 3')],
    expected: 'a< b<a c<b',
    repairs: ['parent-trailing-underscore c'],
  },
  {
    name: 'ids that do end in underscores',
    nodes: [node('a__< user 1'), node('b___<a__ bot 2'), node('c<b___ user 3'), node('d<b_____ user 4')],
    expected: 'a__< b___<a__ c<b___ d<b___',
    repairs: ['parent-trailing-underscore d'],
  },
  {
    name: 'a message that names its own placeholder',
    nodes: [node('a< user 1'), node('b<b_ bot 2')],
    expected: 'a< b<a',
    repairs: ['missing-parent b'],
  },
  {
    name: 'an unknown parent: the nearest earlier message of the other role',
    nodes: [node('a< user 1'), node('b<a bot 2'), node('x<b user 3'), node('c<gone user 4')],
    expected: 'a< b<a x<b c<b',
    repairs: ['missing-parent c'],
  },
  {
    name: 'an unknown parent and nobody else: a root',
    nodes: [node('a<gone user 1')],
    expected: 'a<',
    repairs: ['missing-parent a'],
  },
  {
    name: 'the nearest earlier message is a descendant: a root, not a cycle',
    nodes: [node('kid<top user 1'), node('top<gone bot 2')],
    expected: 'top< kid<top',
    repairs: ['missing-parent top', 'time-before-parent kid'],
  },
  {
    name: 'two that name nothing never adopt each other in a ring',
    nodes: [node('a<b_ user 1'), node('b<a_ bot 2')],
    expected: 'b< a<b',
    repairs: ['parent-trailing-underscore a', 'missing-parent b', 'time-before-parent a'],
  },
  {
    name: 'equal times keep parents first',
    nodes: [node('b< user 1'), node('a<b bot 1')],
    expected: 'b< a<b',
    repairs: ['time-equals-parent a'],
  },
  {
    name: 'no times',
    nodes: [node('b<a bot'), node('a< user')],
    expected: 'a< b<a',
    repairs: ['time-absent a', 'time-absent b'],
  },
  {
    name: 'no id',
    nodes: [
      node('a< user 1'),
      node('x<a bot 2', { id: null, order: 'fe01' }),
      node('y<a bot 3', { id: null, order: 'a' }),
    ],
    expected: 'a< fe01<a a-2<a',
    repairs: ['id-absent fe01', 'id-absent a-2'],
  },
];

test('repairTree', async (t) => {
  for (const { name, nodes, expected, repairs } of cases) {
    await t.test(name, () => {
      const repaired = repairTree(nodes);
      const text = repaired.nodes.map(({ id, parentId }) => `${id}<${parentId ?? ''}`);
      assert.deepEqual(
        text.sort(),
        expected
          .split(' ')
          .filter((part) => part !== '')
          .sort(),
      );
      assert.deepEqual(
        repaired.repairs.map(({ kind, messageId }) => `${kind} ${messageId ?? ''}`),
        repairs,
      );
    });
  }
});

test('repairTree keeps the finding about equal times to itself when asked', () => {
  assert.deepEqual(repairTree([node('a< user 1'), node('b<a bot 1')], { noteEqualTimes: false }).repairs, []);
});

test('an inferred time orders, and is noted once as absent', () => {
  const { nodes, repairs } = repairTree([node('a< user 5'), node('b<a bot 5', { isTimeInferred: true })]);
  assert.deepEqual(
    nodes.map(({ id }) => id),
    ['a', 'b'],
  );
  assert.deepEqual(
    repairs.map(({ kind }) => kind),
    ['time-absent'],
  );
});

// Few ids, parents and times, so that every kind of damage meets every other.
const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'a_', 'a__', 'b_', 'c___');
const wildNode = fc.record({
  id: fc.option(ids, { freq: 12 }),
  parentId: fc.option(fc.oneof(ids, fc.constantFrom('gone', 'd_', 'e_', '_')), { freq: 4 }),
  time: fc.option(fc.nat(4), { nil: undefined }),
  order: fc.uuid(),
  role: fc.constantFrom('user', 'assistant', 'tool'),
  isUnfinished: fc.boolean(),
  updated: fc.nat(3),
});
const wildTree = fc.uniqueArray(wildNode, { selector: ({ order }) => order, maxLength: 24 });

test('whatever comes in, a forest comes out that holds every message once, parents first', () => {
  fc.assert(
    fc.property(wildTree, (nodes) => {
      const { nodes: repaired, dropped } = repairTree(nodes);
      const seen = new Set<string>();
      for (const { id, parentId } of repaired) {
        assert.ok(parentId === null || seen.has(parentId), `${id} comes before its parent`);
        assert.ok(!seen.has(id), `${id} is there twice`);
        seen.add(id);
      }
      const everything = new Set([...repaired, ...dropped].map(({ node }) => node));
      assert.equal(everything.size, nodes.length);
      assert.equal(repaired.length + dropped.length, nodes.length);
      for (const { id } of nodes) assert.ok(id === null || seen.has(id), `${id} is lost`);
    }),
    { numRuns: 500 },
  );
});

test('the order of the input does not matter', () => {
  const shuffled = wildTree.chain((nodes) =>
    fc.tuple(fc.constant(nodes), fc.shuffledSubarray(nodes, { minLength: nodes.length })),
  );
  fc.assert(
    fc.property(shuffled, ([nodes, again]) => assert.deepEqual(repairTree(again), repairTree(nodes))),
    { numRuns: 500 },
  );
});

test('repairing a repaired tree changes nothing', () => {
  fc.assert(
    fc.property(wildTree, (nodes) => {
      const once = repairTree(nodes).nodes.map(({ node: kept, id, parentId }) => ({ ...kept, id, parentId }));
      const twice = repairTree(once);
      assert.deepEqual(
        twice.nodes.map(({ node: kept }) => kept),
        once,
      );
      assert.deepEqual(
        twice.nodes.map(({ parentId }) => parentId),
        once.map(({ parentId }) => parentId),
      );
      assert.deepEqual(
        twice.repairs.filter(({ kind }) => !kind.startsWith('time-')),
        [],
      );
    }),
    { numRuns: 500 },
  );
});

test('siblings stay in the order of time, so the last child leads to the active leaf', () => {
  fc.assert(
    fc.property(wildTree, (nodes) => {
      const { nodes: repaired } = repairTree(nodes);
      const timeOf = (place: number): number => repaired[place]?.node.time ?? Number.NEGATIVE_INFINITY;
      const { parents } = analyseTree(repaired);
      const lastOf = new Map<number, number>();
      for (const [place, parent] of parents.entries()) {
        const elder = lastOf.get(parent);
        assert.ok(elder === undefined || timeOf(elder) <= timeOf(place));
        lastOf.set(parent, place);
      }
    }),
    { numRuns: 500 },
  );
});

test('more messages without their parents than a call takes arguments are mended', () => {
  const orphans = Array.from({ length: 200_000 }, (_, i) => ({
    id: `m${i}`,
    parentId: `gone${i}`,
    time: i,
    role: 'user',
  }));
  const { nodes, repairs, missingParents } = repairTree(orphans);
  assert.equal(nodes.length, 200_000);
  assert.equal(repairs.length, 200_000);
  assert.equal(missingParents.length, 200_000);
});

test('chains 20,000 deep, 5,000 siblings and a cycle of 20,000 need no recursion', () => {
  const chain = Array.from({ length: 20_000 }, (_, i) =>
    node(`${i}<${i === 0 ? '' : i - 1} ${i % 2 === 0 ? 'user' : 'bot'} ${i}`),
  );
  assert.equal(analyseTree(repairTree(chain).nodes).depth, 20_000);
  // Dated backwards: every message pulls its whole chain forward.
  const backwards = chain.map((one, i) => ({ ...one, time: -i }));
  assert.equal(repairTree(backwards).nodes[0]?.id, '0');
  const siblings = [node('q< user 0'), ...Array.from({ length: 5000 }, (_, i) => node(`s${i}<q bot ${i + 1}`))];
  const shape = analyseTree(repairTree(siblings).nodes);
  assert.equal(shape.leaves.length, 5000);
  assert.equal(shape.activeLeaf, 5000);
  const ring = chain.map((one, i) => ({ ...one, parentId: String((i + 1) % chain.length) }));
  assert.deepEqual(repairTree(ring).repairs[0], {
    kind: 'parent-cycle',
    messageId: '0',
    detail: 'cut a cycle of 20000; its parent was 1',
  });
});
