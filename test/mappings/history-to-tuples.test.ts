import assert from 'node:assert/strict';
import { test } from 'node:test';

import { encodeMsgpack, MsgpackExtension } from '../../src/formats/msgpack-encoder.ts';
import { historyToTables } from '../../src/mappings/history-to-tables.ts';
import { TupleMaker, type TupleOptions } from '../../src/mappings/history-to-tuples.ts';
import { interruptId, taskId } from '../../src/mappings/task-ids.ts';
import type { HistoryEntry } from '../../src/models/langgraph.ts';

// Ids of tasks as servers gave them: LangGraph 1.4 in JavaScript, 1.2 in Python.
const given = [
  {
    runtime: 'js',
    checkpointId: '1f1e5a7c-ac25-6ab0-8003-de3e2d543e41',
    step: 4,
    node: 'plan',
    triggers: ['branch:to:plan'],
    id: '392432cd-1ce9-5819-9ee9-04d0071ebab4',
  },
  {
    runtime: 'js',
    checkpointId: '1f1e5a7c-abde-6de0-8001-3c78740656be',
    step: 2,
    node: 'assemble',
    triggers: ['join:cut+sand:assemble'],
    id: 'f67bb585-953a-53ed-876a-b0e4e87d09cb',
  },
  {
    runtime: 'js',
    checkpointId: '1f1e5a7c-abae-60a1-ffff-a8d883073060',
    step: 0,
    node: '__start__',
    triggers: ['__start__'],
    id: '2ede508a-8627-5cf7-84e5-bebd1f086eb1',
  },
  {
    runtime: 'js',
    checkpointId: '1f1e5a7c-ac4a-64a0-8004-2718c3500ca5',
    step: 5,
    node: 'paint',
    sendIndex: 1,
    triggers: [],
    id: '4ef68cb7-5b21-51ca-a88b-9e0819bb87a8',
  },
  {
    runtime: 'js',
    checkpointId: '1f1e5a7c-ada7-6690-8001-99047cd419b1',
    ns: 'research:dfecc961-06ac-53d8-9ab2-9d04f12a223a',
    step: 2,
    node: 'weigh',
    triggers: ['branch:to:weigh'],
    id: '18bc50e4-c786-5a0d-a8b4-a8ae0b41ee5a',
    asked: 'c8a3756936a5048b804901ca1fca8c00',
  },
  {
    runtime: 'python',
    checkpointId: '1f1e5a7c-c67a-608f-8003-cc39724528d7',
    step: 4,
    node: 'plan',
    triggers: ['branch:to:plan'],
    id: '6ad610b6-222d-d0c1-7048-745e7f0df9a4',
  },
  {
    runtime: 'python',
    checkpointId: '1f1e5a7c-c671-6b82-bfff-c9305c63af53',
    step: 0,
    node: '__start__',
    triggers: ['__start__'],
    id: '26e767d0-3f1a-704d-d845-ddefa4695d91',
  },
  {
    runtime: 'python',
    checkpointId: '1f1e5a7c-c67c-6653-8004-a24e120da4ef',
    step: 5,
    node: 'paint',
    sendIndex: 0,
    triggers: [],
    id: '91599b5a-2ee8-395e-c936-6c41449c899f',
  },
  {
    runtime: 'python',
    checkpointId: '1f1e5a7c-c66b-610d-8001-c462a3f3cab6',
    ns: 'research:fd747c05-6b04-8a55-3699-d6b36ce9e354',
    step: 2,
    node: 'weigh',
    triggers: ['branch:to:weigh'],
    id: '0b3bfee9-e4d6-7b5d-72d1-8d74577bf187',
    asked: '3355200360469600aac1ac41ba662189',
  },
] as const;

test('ids of tasks and questions are those that the servers give', () => {
  for (const task of given) {
    const { runtime, id, node } = task;
    const ns = 'ns' in task ? task.ns : '';
    assert.equal(taskId(runtime, { ns, ...task }), id, `${runtime} ${node}`);
    if ('asked' in task) assert.equal(interruptId(ns, node, id), task.asked);
  }
});

const graph = {
  nodes: ['__start__', 'cut', 'sand', 'assemble', '__end__'],
  edges: [
    { source: '__start__', target: 'cut' },
    { source: 'cut', target: 'assemble' },
    { source: 'sand', target: 'assemble' },
  ],
};
const same: TupleOptions = { from: 'js', to: 'js', graph };

function entry(id: string, fields: Partial<HistoryEntry> & { readonly parent?: string }): HistoryEntry {
  const { parent, ...rest } = fields;
  return {
    values: {},
    next: [],
    tasks: [],
    metadata: { source: 'loop', step: 1 },
    created_at: '2026-01-01T00:00:00.000Z',
    checkpoint: { checkpoint_id: id, checkpoint_ns: '' },
    ...(parent === undefined ? {} : { parent_checkpoint: { checkpoint_id: parent } }),
    ...rest,
  };
}

/** The versions of channels by which checkpoint they are of, counted from 1; the rest of a version is the checkpoint's own. */
function counts(versions: Readonly<Record<string, number | string>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(versions).map(([name, version]) => [name, Math.floor(Number(version) / 2 ** 28)]),
  );
}

test('a checkpoint that takes the place of another in the history shares no version with it', () => {
  for (const to of ['js', 'python'] as const) {
    const versions = ['b', 'c'].map((id) => {
      const maker = new TupleMaker({ ...same, to });
      maker.tuple(entry('a', { values: { n: 1 } }));
      return maker.tuple(entry(id, { parent: 'a', values: { n: id } })).checkpoint.channel_versions['n'];
    });
    assert.notEqual(versions[0], versions[1]);
    assert.equal(typeof versions[0], to === 'js' ? 'number' : 'string');
  }
});

test('a channel gets a version of its own where it changes, and branches never share one', () => {
  const maker = new TupleMaker(same);
  const first = maker.tuple(entry('a', { values: { n: 1, kept: 'x' }, next: ['cut'] }));
  const left = maker.tuple(entry('b', { parent: 'a', values: { n: 2, kept: 'x' } }));
  const right = maker.tuple(entry('c', { parent: 'a', values: { n: 3, kept: 'x' } }));
  assert.deepEqual(counts(first.checkpoint.channel_versions), { n: 1, kept: 1, 'branch:to:cut': 1 });
  assert.deepEqual(counts(left.checkpoint.channel_versions), { n: 2, kept: 1, 'branch:to:cut': 2 });
  assert.deepEqual(counts(right.checkpoint.channel_versions), { n: 3, kept: 1, 'branch:to:cut': 3 });
  assert.deepEqual(counts(right.new_versions), { n: 3, 'branch:to:cut': 3 });
  // The node that ran has seen what triggered it; its channel is empty after it.
  assert.deepEqual(counts(left.checkpoint.versions_seen['cut'] ?? {}), { 'branch:to:cut': 1 });
  assert.deepEqual(left.checkpoint.channel_values, { n: 2, kept: 'x' });
});

test('versions are text that sorts for Python', () => {
  const maker = new TupleMaker({ ...same, to: 'python' });
  const { checkpoint } = maker.tuple(entry('a', { values: { n: 1 } }));
  assert.match(String(checkpoint.channel_versions['n']), /^0{31}1\.0{7}[0-9]{9}$/);
  assert.equal(checkpoint.updated_channels, null);
});

test('Sends that are done leave their channel, and those that wait are counted', () => {
  const maker = new TupleMaker(same);
  const send = (index: number, result: Record<string, unknown> | null) => ({
    id: `s${index}`,
    name: 'cut',
    path: ['__pregel_push', index],
    result,
  });
  const sent = maker.tuple(entry('a', { next: ['cut', 'cut'], tasks: [send(0, { n: 1 }), send(1, null)] }));
  assert.equal(maker.pendingSends, 1);
  assert.deepEqual(
    (sent.checkpoint.channel_values['__pregel_tasks'] as readonly { readonly node: string }[]).map(({ node }) => node),
    ['cut', 'cut'],
  );
  const after = maker.tuple(entry('b', { parent: 'a' }));
  assert.equal(maker.pendingSends, 0);
  assert.ok('__pregel_tasks' in after.new_versions && !('__pregel_tasks' in after.checkpoint.channel_values));
});

test('results beside a question or an error are written, and counted where JavaScript does not show them', () => {
  const asked = { id: 't1', name: 'cut', interrupts: [{ id: 'i', value: 'ok?' }], result: { n: 1 } };
  const failed = { id: 't2', name: 'sand', error: 'gone', result: { n: 2 } };
  const waiting = { id: 't3', name: 'plan', interrupts: [{ id: 'j', value: 'when?' }], result: null };
  for (const [to, count] of [
    ['js', 2],
    ['python', 0],
  ] as const) {
    const maker = new TupleMaker({ ...same, from: 'python', to });
    const { writes } = maker.tuple(
      entry('a', { tasks: [asked, failed, waiting, { id: 't4', name: 'x', result: {} }] }),
    );
    assert.equal(maker.hiddenResults, count);
    assert.equal(writes.filter(([, channel]) => channel === 'n').length, 2);
  }
});

test('errors of tasks are written as each runtime keeps them', async (t) => {
  const python = "TypeError('gone')";
  const js = '{"message":"gone","name":"TypeError"}';
  for (const { to, error, expected } of [
    { to: 'python', error: python, expected: python },
    { to: 'python', error: js, expected: js },
    { to: 'js', error: js, expected: { message: 'gone', name: 'TypeError' } },
    { to: 'js', error: python, expected: { message: python, name: 'Error' } },
  ] as const) {
    await t.test(`${error} to ${to}`, () => {
      const { writes } = new TupleMaker({ ...same, from: to, to }).tuple(
        entry('a', { tasks: [{ id: 't1', name: 'cut', error }] }),
      );
      assert.deepEqual(writes, [['t1', '__error__', expected]]);
    });
  }
});

test('between runtimes the ids of tasks and questions are made anew, wherever they stand', () => {
  const { checkpointId, id, asked, ns } = given[4];
  const root = '1f1e5a7c-ad7d-6e80-8001-377e29686648';
  const maker = new TupleMaker({ from: 'js', to: 'python', graph });
  const outer = ns.split(':')[1] ?? '';
  const above = maker.tuple(
    entry(root, { metadata: { step: 1 }, next: ['research'], tasks: [{ id: outer, name: 'research' }] }),
  );
  assert.deepEqual(above.writes, []);
  const expected = taskId('python', {
    checkpointId: root,
    ns: '',
    step: 2,
    node: 'research',
    triggers: ['branch:to:research'],
  });
  const inside = maker.tuple(
    entry(checkpointId, {
      metadata: { step: 1, langgraph_checkpoint_ns: ns },
      next: ['weigh'],
      tasks: [{ id, name: 'weigh', interrupts: [{ id: asked, value: 'go on?' }] }],
      checkpoint: { checkpoint_id: checkpointId, checkpoint_ns: ns },
    }),
  );
  assert.equal(inside.ns, `research:${expected}`);
  assert.equal(inside.metadata['langgraph_checkpoint_ns'], inside.ns);
  const [[task, channel, value] = []] = inside.writes;
  const newId = taskId('python', {
    checkpointId,
    ns: inside.ns,
    step: 2,
    node: 'weigh',
    triggers: ['branch:to:weigh'],
  });
  assert.deepEqual([task, channel], [newId, '__interrupt__']);
  assert.deepEqual(value, [{ id: interruptId(inside.ns, 'weigh', newId), value: 'go on?' }]);
});

test('rows hold every changed channel as its runtime serializes it', () => {
  const message = { type: 'human', id: 'h1', content: 'hi' };
  const tuple = (to: 'js' | 'python') =>
    new TupleMaker({ ...same, to }).tuple(
      entry('a', {
        values: { messages: [message], n: 1, none: null },
        tasks: [{ id: 't1', name: 'cut', result: { n: 2, none: null }, interrupts: [{ id: 'q', value: '?' }] }],
      }),
    );
  const js = historyToTables(tuple('js'), 'js');
  const version = String(tuple('js').checkpoint.channel_versions['n']);
  assert.deepEqual(
    js.blobs.map(({ channel, version, type, blob }) => [channel, version, type, blob?.toString()]),
    [
      [
        'messages',
        version,
        'json',
        '[{"lc":1,"type":"constructor","id":["langchain_core","messages","HumanMessage"],"kwargs":{"id":"h1","content":"hi"}}]',
      ],
      ['n', version, 'json', '1'],
      ['none', version, 'json', 'null'],
    ],
  );
  assert.deepEqual(
    js.writes.map(({ channel, index }) => [channel, index]),
    [
      ['n', 0],
      ['none', 1],
      ['__interrupt__', -3],
    ],
  );
  assert.equal(js.checkpoint.checkpoint.includes('channel_values'), false);
  const python = historyToTables(tuple('python'), 'python');
  const [messages, n, none] = python.blobs;
  // 91: a list of one; c7 .. 05: a model of pydantic, named by module and class.
  assert.match(
    messages?.blob?.toString('latin1') ?? '',
    /^\x91\xc7.\x05\x94\xbdlangchain_core\.messages\.human\xacHumanMessage/s,
  );
  assert.deepEqual([n?.type, n?.blob?.toString('hex'), none?.type, none?.blob?.length], ['msgpack', '01', 'null', 0]);
  assert.deepEqual((JSON.parse(python.checkpoint.checkpoint) as { channel_values: unknown }).channel_values, {});
});

test('a channel that was emptied is a row without a value; U+0000 goes out of jsonb', () => {
  const maker = new TupleMaker(same);
  maker.tuple(entry('a', { values: { n: 1 } }));
  const { blobs, checkpoint } = historyToTables(
    maker.tuple(entry('b', { parent: 'a', metadata: { odd: 'a\0b\\u0000' } })),
    'js',
  );
  assert.deepEqual(
    blobs.map(({ type, blob }) => [type, blob]),
    [['empty', null]],
  );
  assert.deepEqual(JSON.parse(checkpoint.metadata), { odd: 'ab\\u0000' });
});

test('encodeMsgpack gives the bytes that Python gives', () => {
  const cases: readonly (readonly [value: unknown, hex: string])[] = [
    [true, 'c3'],
    [null, 'c0'],
    [7, '07'],
    [-1, 'ff'],
    [-33, 'd0df'],
    [-300, 'd1fed4'],
    [128, 'cc80'],
    [256, 'cd0100'],
    [65_536, 'ce00010000'],
    [2 ** 40, 'cf0000010000000000'],
    [-(2 ** 40), 'd3ffffff0000000000'],
    [1.5, 'cb3ff8000000000000'],
    [-0, 'cb8000000000000000'],
    ['hi', 'a26869'],
    ['ä'.repeat(16), `d920${'c3a4'.repeat(16)}`],
    [[1, [2]], '92019102'],
    [{ a: 1, gone: undefined }, '81a16101'],
    [Buffer.from('ab'), 'c4026162'],
    [new MsgpackExtension(7, []), 'd40790'],
    [new MsgpackExtension(0, ['builtins', 'set', [1, 2, 3]]), 'c7120093a86275696c74696e73a373657493010203'],
  ];
  for (const [value, hex] of cases) assert.equal(encodeMsgpack(value).toString('hex'), hex, JSON.stringify(value));
  assert.equal(encodeMsgpack('x'.repeat(70_000)).subarray(0, 5).toString('hex'), 'db00011170');
  assert.equal(
    encodeMsgpack(Array.from({ length: 20 }, () => 0))
      .subarray(0, 3)
      .toString('hex'),
    'dc0014',
  );
});
