import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  historyToSuperstep,
  predecessorOf,
  type GraphShape,
  type SuperstepOptions,
} from '../../src/mappings/history-to-supersteps.ts';
import { stateUpdate, type ChannelKind } from '../../src/mappings/state-update.ts';
import { writableMessage } from '../../src/mappings/writable-message.ts';
import type { HistoryEntry } from '../../src/models/langgraph.ts';

const human = (id: string, content = id) => ({ type: 'human', id, content });
const removeAll = { type: 'remove', id: '__remove_all__', content: '' };
const place = { threadId: 't', runtime: 'js' } as const;

test('stateUpdate', async (t) => {
  const cases: readonly {
    readonly name: string;
    readonly kind?: ChannelKind;
    readonly before?: unknown;
    readonly after: unknown;
    readonly update: unknown;
  }[] = [
    { name: 'what is the same is left out', before: [1], after: [1], update: undefined },
    { name: 'a last value is written as it is', kind: 'last', before: 1, after: 2, update: 2 },
    { name: 'null is a value', kind: 'last', before: 1, after: null, update: null },
    { name: 'a reducer is overwritten', kind: 'reducer', before: [1], after: [2], update: { __overwrite__: [2] } },
    { name: 'also with null', kind: 'reducer', before: [1], after: null, update: { __overwrite__: null } },
    { name: 'a sum without overwrite gets the difference', kind: 'sum', before: 4, after: 10, update: 6 },
    { name: 'a list without overwrite gets what is added', kind: 'append', before: [1], after: [1, 2], update: [2] },
    {
      name: 'messages that follow are added',
      kind: 'messages',
      before: [human('a')],
      after: [human('a'), human('b')],
      update: [human('b')],
    },
    { name: 'the first messages need no removal', kind: 'messages', after: [human('a')], update: [human('a')] },
    {
      name: 'messages that are gone',
      kind: 'messages',
      before: [human('a'), human('b')],
      after: [human('b')],
      update: [removeAll, human('b')],
    },
    {
      name: 'messages that were edited',
      kind: 'messages',
      before: [human('a')],
      after: [human('a', 'b')],
      update: [removeAll, human('a', 'b')],
    },
    { name: 'all messages gone', kind: 'messages', before: [human('a')], after: [], update: [removeAll] },
    { name: 'a channel nobody knows is taken for a last value', after: { x: 1 }, update: { x: 1 } },
  ];
  for (const { name, kind, before, after, update } of cases) {
    await t.test(name, () => {
      const kinds = new Map(kind === undefined ? [] : [['c', kind]]);
      const old = before === undefined ? {} : { c: before };
      const { values, impossible } = stateUpdate(old, { c: after }, kinds, place);
      assert.deepEqual(values, update === undefined ? {} : { c: update });
      assert.deepEqual(impossible, []);
    });
  }
  await t.test('says what no update brings about', () => {
    const kinds = new Map<string, ChannelKind>([
      ['list', 'append'],
      ['odd', 'unknown'],
    ]);
    const { values, impossible } = stateUpdate({ gone: 1, list: [1, 2], odd: 1 }, { list: [2], odd: 2 }, kinds, place);
    assert.deepEqual([values, impossible], [{}, ['gone', 'list', 'odd']]);
  });
});

test('writableMessage', async (t) => {
  const python = (message: { readonly type: string }) => writableMessage(message, 'p', 'python');
  await t.test('leaves what both servers take as it is', () => {
    const message = {
      type: 'ai',
      id: 'a',
      content: [{ type: 'text', text: 'x', odd: 1 }],
      tool_calls: [],
      unknown: { a: 1 },
    };
    assert.deepEqual(writableMessage(message, 'p', 'js'), message);
    assert.deepEqual(python(message), message);
  });
  await t.test('leaves out for Python what would be moved elsewhere', () => {
    const message = { type: 'ai', id: 'a', content: '', usage_metadata: null, invalid_tool_calls: [] };
    assert.deepEqual(python(message), { type: 'ai', id: 'a', content: '' });
    assert.deepEqual(python({ ...message, usage_metadata: { total_tokens: 1 } } as never), {
      type: 'ai',
      id: 'a',
      content: '',
      usage_metadata: { total_tokens: 1 },
    });
  });
  await t.test('replaces types that are refused', () => {
    const types = [
      [{ type: 'AIMessageChunk' }, 'ai'],
      [{ type: 'function', name: 'f' }, 'tool'],
      [{ type: 'chat', role: 'assistant' }, 'ai'],
      [{ type: 'generic', role: 'critic' }, 'human'],
    ] as const;
    for (const [message, expected] of types)
      assert.equal(writableMessage({ id: 'a', content: '', ...message }, 'p', 'js')['type'], expected);
    const chat = writableMessage({ type: 'chat', role: 'critic', id: 'a', content: '' }, 'p', 'js');
    assert.deepEqual(chat['additional_kwargs'], { role: 'critic' });
  });
  await t.test('gives a message without id one that is the same every time, and another in another place', () => {
    const message = { type: 'human', content: 'x' };
    const [first, again, elsewhere] = ['p', 'p', 'q'].map((where) => writableMessage(message, where, 'js')['id']);
    assert.equal(first, again);
    assert.notEqual(first, elsewhere);
    assert.match(String(first), /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

const graph: GraphShape = {
  nodes: ['__start__', 'ask', 'left', 'right', 'meet', 'route', '__end__'],
  edges: [
    { source: '__start__', target: 'ask' },
    { source: 'ask', target: 'left' },
    { source: 'ask', target: 'right' },
    { source: 'left', target: 'meet' },
    { source: 'right', target: 'meet' },
    { source: 'meet', target: 'route' },
    { source: 'route', target: 'ask', conditional: true },
    { source: 'route', target: '__end__', conditional: true },
  ],
};

function entry(fields: {
  readonly source?: string;
  readonly next?: readonly string[];
  readonly tasks?: readonly string[];
  readonly values?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
}): HistoryEntry {
  const { source = 'loop', next = [], tasks = next, values = {}, result } = fields;
  return {
    values,
    next,
    tasks: tasks.map((name, index) => ({ id: `${name}-${index}`, name, ...(result === undefined ? {} : { result }) })),
    metadata: { source, step: 1 },
    checkpoint: { checkpoint_id: 'c2' },
    parent_checkpoint: { checkpoint_id: 'c1' },
  };
}

test('historyToSuperstep', async (t) => {
  const options = (commandNodes: readonly string[] = []): SuperstepOptions => ({
    ...place,
    graph,
    kinds: new Map([['log', 'reducer']]),
    commandNodes: new Set(commandNodes),
  });
  const parentWith = (tasks: readonly string[]) => ({
    ...predecessorOf(entry({ next: tasks, values: { log: ['a'], n: 1 } })),
    id: 'c1',
  });
  const step = (given: HistoryEntry, tasks: readonly string[], commandNodes: readonly string[] = []) =>
    historyToSuperstep(given, parentWith(tasks), options(commandNodes)).updates;
  const values = { log: ['a', 'b'], n: 1 };
  const update = { log: { __overwrite__: ['a', 'b'] } };

  await t.test('writes as the node that ran', () => {
    assert.deepEqual(step(entry({ next: ['meet'], values }), ['left']), [{ as_node: 'left', values: update }]);
  });
  await t.test('writes as all that ran at once, the values with the first', () => {
    assert.deepEqual(step(entry({ next: ['meet'], values }), ['left', 'right']), [
      { as_node: 'left', values: update },
      { as_node: 'right', values: {} },
    ]);
  });
  await t.test('writes an input as one', () => {
    const given = entry({ source: 'input', next: ['__start__'], result: { log: ['hi'] } });
    assert.deepEqual(step(given, []), [{ as_node: '__input__', values: { log: ['hi'] } }]);
  });
  await t.test('writes an edit as the node that leads to what comes next', () => {
    const edits = [
      [['left', 'right'], 'ask'],
      [['meet'], 'left'],
      [['ask'], '__start__'],
    ] as const;
    for (const [next, node] of edits)
      assert.equal(step(entry({ source: 'update', next, values }), [])[0]?.as_node, node);
    // Of several that lead there, the one that was to run.
    assert.equal(step(entry({ source: 'update', next: ['meet'], values }), ['right'])[0]?.as_node, 'right');
  });
  await t.test('routes as a Command does, to what the node leads to', () => {
    assert.deepEqual(step(entry({ next: ['ask', 'other'], values }), ['route'], ['route']), [
      { as_node: 'route', command: { update, goto: ['ask'] } },
    ]);
  });
  await t.test('copies the sibling that a fork is a copy of', () => {
    const copy = historyToSuperstep(entry({ source: 'fork', next: ['ask'] }), parentWith(['ask']), options(), 'c9');
    assert.deepEqual([copy.on, copy.updates], ['c9', [{ as_node: '__copy__', values: null }]]);
  });
  await t.test('begins with what the graph begins with, when older checkpoints were left out', () => {
    const { on, updates } = historyToSuperstep(entry({ next: ['ask'], values }), undefined, options());
    assert.deepEqual(
      [on, updates],
      [undefined, [{ as_node: '__start__', values: { ...values, log: { __overwrite__: ['a', 'b'] } } }]],
    );
  });
});
