import assert from 'node:assert/strict';
import { test } from 'node:test';

import { conversationToThread } from '../../src/mappings/conversation-to-thread.ts';
import { shownAgain } from '../../src/mappings/conversation-to-thread-shown.ts';
import { threadToConversation } from '../../src/mappings/thread-to-conversation.ts';
import type { Message } from '../../src/models/conversation.ts';
import type { HistoryEntry, ThreadRecord } from '../../src/models/langgraph.ts';
import { summarizeEntry } from '../../src/models/langgraph-summary.ts';
import { treeOf } from '../../src/tree/conversation-tree.ts';
import { conversationOf } from '../helpers/conversation.ts';

const messages: readonly Message[] = (
  [
    ['q', null, 'user'],
    ['a', 'q', 'assistant'],
    ['b', 'q', 'assistant'],
    ['r', 'a', 'user'],
  ] as const
).map(([id, parentId, role], second) => ({
  id,
  parentId,
  role,
  createdAt: `2026-03-01T08:00:0${second}.000Z`,
  parts: [{ type: 'text', text: id }],
}));

function showing(leaf: string): ThreadRecord {
  const conversation = conversationOf(messages, { tree: treeOf(messages, { activeLeaf: leaf }) });
  return conversationToThread(conversation, { graphId: 'desk' }).thread;
}

const idsOf = (history: readonly HistoryEntry[]): readonly string[] =>
  history.map(({ checkpoint }) => checkpoint.checkpoint_id);

/** A target after these were brought to it, one after the other: what it lacks is put to what it has, by id. */
function targetAfter(...leaves: readonly string[]): readonly HistoryEntry[] {
  let there: readonly HistoryEntry[] = [];
  for (const leaf of leaves) {
    const { history } = shownAgain(showing(leaf), there.map(summarizeEntry));
    const known = new Set(idsOf(there));
    there = [...there, ...history.filter(({ checkpoint }) => !known.has(checkpoint.checkpoint_id))];
  }
  return there;
}

test('a conversation that goes back to a branch shows it again by one copy more', () => {
  const shown = (...leaves: readonly string[]): string | null | undefined => {
    const there = targetAfter(...leaves);
    assert.deepEqual(idsOf(there), idsOf(there).toSorted(), 'a later copy has a later id');
    return threadToConversation({ ...showing('r'), history: there }).conversation.tree.activeLeaf;
  };
  const turns = ['r', 'b', 'r', 'r', 'b', 'b', 'r', 'a', 'b', 'r'];
  for (const count of turns.keys()) assert.equal(shown(...turns.slice(0, count + 1)), turns[count], `turn ${count}`);
  assert.equal(targetAfter('r', 'b', 'r', 'r', 'b', 'b').length, messages.length + 3);
});

test('a thread is given as it is where nothing is to be shown again', async (t) => {
  const own = showing('r');
  const other = targetAfter('r', 'b');
  const last = other.at(-1);
  assert.ok(last !== undefined);
  const wentOn = { ...last, values: { messages: [{ type: 'human', id: 'new', content: 'and now?' }] } };
  const { threadmill: _, ...metadata } = own.thread.metadata ?? {};
  const cases: Readonly<Record<string, readonly [record: ThreadRecord, there: readonly HistoryEntry[]]>> = {
    'the target has nothing': [own, []],
    'it has the same': [own, own.history],
    'it has the beginning': [own, own.history.slice(0, 2)],
    'it shows the same branch': [own, targetAfter('r', 'b', 'r')],
    'somebody went on there': [own, [...other, { ...wentOn, metadata: { source: 'loop', step: 9 } }]],
    'somebody went on and copied that': [
      own,
      [
        ...other,
        { ...wentOn, metadata: { source: 'loop', step: 9 } },
        { ...last, metadata: { source: 'fork', step: 9 } },
      ],
    ],
    'somebody copied another state': [own, [...other, { ...wentOn, metadata: { source: 'fork', step: 9 } }]],
    'the thread is of no conversation': [{ ...own, thread: { ...own.thread, metadata } }, other],
    'it has no checkpoints': [{ ...own, history: [] }, other],
  };
  for (const [name, [record, there]] of Object.entries(cases))
    await t.test(name, () => assert.equal(shownAgain(record, there.map(summarizeEntry)), record));
});
