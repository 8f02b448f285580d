import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import type { Conversation } from '../../src/models/conversation.ts';
import { conversationSchema } from '../../src/models/conversation-schema.ts';
import { pipeline } from '../../src/pipeline.ts';
import { treeOf } from '../../src/tree/conversation-tree.ts';
import { detectBranches } from '../../src/transforms/detect-branches.ts';
import { linearize, type LinearizeOptions } from '../../src/transforms/linearize.ts';
import { conversationOf } from '../helpers/conversation.ts';

/** A conversation of these messages: `a b<a c<a`. */
function conversation(text: string, { activeLeaf, id = 'c' }: { activeLeaf?: string; id?: string } = {}): Conversation {
  const messages = text
    .split(' ')
    .filter((part) => part !== '')
    .map((part) => {
      const [message = '', parentId = null] = part.split('<');
      return { id: message, parentId, role: 'user' as const, createdAt: null, parts: [] };
    });
  const tree = treeOf(messages, {
    activeLeaf,
    repairs: [{ kind: 'self-parent', messageId: 'b' }, { kind: 'owner-missing' }],
  });
  return conversationOf(messages, { id, tree });
}

async function run(
  records: readonly unknown[],
  options: LinearizeOptions,
): Promise<{ records: Conversation[]; rejected: number; expanded: number }> {
  const taken: Conversation[] = [];
  const directory = await mkdtemp(join(tmpdir(), 'linearize-'));
  try {
    const report = await pipeline(records as Conversation[], { onReject: { to: join(directory, 'rejects.jsonl') } })
      .through(linearize(options))
      .to(async (stream) => {
        for await (const record of stream) taken.push(record);
      })
      .run();
    return { records: taken, rejected: report.counts.rejected, expanded: report.counts.expanded };
  } finally {
    await rm(directory, { recursive: true });
  }
}

const ids = ({ messages }: Conversation): string => messages.map(({ id }) => id).join(' ');

const cases: readonly {
  name: string;
  tree: string;
  options: LinearizeOptions;
  activeLeaf?: string;
  expected: readonly string[];
}[] = [
  { name: 'nothing', tree: '', options: {}, expected: ['c:'] },
  { name: 'a line stays', tree: 'a b<a c<b', options: {}, expected: ['c: a b c'] },
  { name: 'a line out of order is put in order', tree: 'c<b b<a a', options: {}, expected: ['c: a b c'] },
  { name: 'the newest branch is the active one', tree: 'a b<a c<b d<a e<d', options: {}, expected: ['c: a d e'] },
  {
    name: 'unless the source keeps another',
    tree: 'a b<a c<b d<a e<d',
    activeLeaf: 'c',
    options: {},
    expected: ['c: a b c'],
  },
  { name: 'of several roots the last is shown', tree: 'a b<a r s<r', options: {}, expected: ['c: r s'] },
  {
    name: 'all, branch after branch',
    tree: 'a b<a d<a c<b e<d',
    options: { branches: 'all' },
    expected: ['c: a b c d e'],
  },
  { name: 'split', tree: 'a b<a d<a c<b e<d', options: { branches: 'split' }, expected: ['c~1: a b c', 'c: a d e'] },
  { name: 'split of a line', tree: 'a b<a', options: { branches: 'split' }, expected: ['c: a b'] },
  {
    name: 'split of two roots',
    tree: 'a b',
    activeLeaf: 'a',
    options: { branches: 'split' },
    expected: ['c: a', 'c~2: b'],
  },
  { name: 'split of nothing', tree: '', options: { branches: 'split' }, expected: ['c:'] },
];

test('linearize', async (t) => {
  for (const { name, tree, options, activeLeaf, expected } of cases) {
    await t.test(name, async () => {
      const { records, expanded } = await run(
        [conversation(tree, activeLeaf === undefined ? {} : { activeLeaf })],
        options,
      );
      assert.deepEqual(
        records.map((record) => `${record.id}: ${ids(record)}`.trim()),
        expected,
      );
      assert.equal(expanded, expected.length - 1);
      for (const record of records) assert.ok(conversationSchema.safeParse(record).success);
    });
  }
});

test('a branch says what it is one of, and keeps only its own repairs', async () => {
  const { records } = await run([conversation('a b<a c<a')], { branches: 'split' });
  assert.deepEqual(
    records.map(({ branch }) => branch),
    [
      { of: 'c', leaf: 'b', number: 1, count: 2, active: false },
      { of: 'c', leaf: 'c', number: 2, count: 2, active: true },
    ],
  );
  assert.deepEqual(
    records.map(({ tree }) => tree.repairs.map(({ kind }) => kind)),
    [['self-parent', 'owner-missing'], ['owner-missing']],
  );
  assert.ok(records.every(({ tree }) => !tree.hasBranching));
});

test('linearizing twice is linearizing once', async () => {
  for (const branches of ['active', 'all', 'split'] as const) {
    const once = await run([conversation('a b<a d<a c<b e<d r s<r')], { branches });
    assert.deepEqual((await run(once.records, { branches })).records, once.records);
  }
});

test('a conversation in line passes as the very same object', async () => {
  const line = conversation('a b<a');
  for (const branches of ['active', 'all', 'split'] as const)
    assert.equal((await run([line], { branches })).records[0], line);
});

test('other records, and more branches than allowed, are rejected; the rest goes on', async () => {
  const { records, rejected } = await run([{ id: 'x' }, null, conversation('a b<a c<a d<a'), conversation('a')], {
    branches: 'split',
    maxBranches: 2,
  });
  assert.equal(rejected, 3);
  assert.deepEqual(records.map(ids), ['a']);
});

test('a chain of 20,000 and 5,000 siblings', async () => {
  const chain = conversation(
    Array.from({ length: 20_000 }, (_, i) => (i === 0 ? 'm0' : `m${i}<m${i - 1}`))
      .reverse()
      .join(' '),
  );
  const [line] = (await run([chain], {})).records;
  assert.equal(line?.messages[19_999]?.id, 'm19999');
  const siblings = conversation(`q ${Array.from({ length: 5000 }, (_, i) => `s${i}<q`).join(' ')}`);
  assert.equal((await run([siblings], { branches: 'split', maxBranches: 5000 })).records.length, 5000);
  assert.deepEqual((await run([siblings], {})).records.map(ids), ['q s4999']);
});

test('detect-branches describes what other stages made of a tree', async () => {
  const { tree, ...bare } = conversation('a b<a c<a d<gone');
  const wrong = { ...bare, tree: { ...tree, branchPoints: [], leaves: ['z'], depth: 9, activeLeaf: 'b' } };
  const right = conversation('a b<a');
  const taken: Conversation[] = [];
  await pipeline([bare as Conversation, wrong, right])
    .through(detectBranches())
    .to(async (stream) => {
      for await (const record of stream) taken.push(record);
    })
    .run();
  const [first, second, third] = taken.map(({ tree: found }) => found);
  const described = {
    hasBranching: true,
    roots: ['a', 'd'],
    leaves: ['b', 'c', 'd'],
    activeLeaf: 'd',
    branchPoints: ['a'],
    missingParentIds: ['gone'],
    depth: 2,
    repairs: [],
  };
  assert.deepEqual(first, described);
  assert.deepEqual(second, { ...described, activeLeaf: 'b', repairs: tree.repairs });
  assert.equal(third, right.tree);
});
