import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { EtlError } from '../../src/errors.ts';
import {
  asHistoryEntry,
  asThreadRecord,
  byNamespace,
  headOf,
  joinThreadParts,
  pendingInterrupts,
  THREAD_SCHEMA,
  type HistoryEntry,
  type ThreadRecord,
} from '../../src/models/langgraph.ts';
import { compareThread, contentAspects, fidelityAspects, isFaithful } from '../../src/models/langgraph-fidelity.ts';
import { entryDigest, namespacePath, summarizeEntry, threadDigest } from '../../src/models/langgraph-summary.ts';

/** Checkpoint `n`, after checkpoint `n - 1` unless said otherwise. */
function entry(n: number, more: Partial<HistoryEntry> = {}, ns = ''): HistoryEntry {
  return {
    values: { count: n },
    next: [],
    tasks: [],
    metadata: { source: 'loop', step: n },
    created_at: `2026-01-01T00:00:0${n}.000Z`,
    checkpoint: { checkpoint_id: `${ns}${n}`, checkpoint_ns: ns },
    parent_checkpoint: n === 0 ? null : { checkpoint_id: `${ns}${n - 1}`, checkpoint_ns: ns },
    ...more,
  };
}

function thread(history: readonly HistoryEntry[], more: Partial<ThreadRecord> = {}): ThreadRecord {
  return {
    schema: THREAD_SCHEMA,
    thread_id: 't1',
    thread: { thread_id: 't1' },
    origin: { runtime: 'js' },
    history,
    ...more,
  };
}

test('a thread is told from anything else', async (t) => {
  const good = thread([entry(0)]);
  assert.equal(asThreadRecord(good), good);
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ['nothing', null, /expected a thread .* received object/],
    ['a conversation', { schema: 'threadmill/conversation@1' }, /received schema "threadmill\/conversation@1"/],
    ['no history', { ...good, history: undefined }, /no "history"/],
    ['no row', { ...good, thread: null }, /lacks its id, row or origin/],
    [
      'an entry without id',
      { ...good, history: [entry(0), { ...entry(1), checkpoint: {} }] },
      /entry 2 has no checkpoint id/,
    ],
    ['an entry without next', { ...good, history: [{ ...entry(0), next: null }] }, /entry 1 has no "next"/],
    ['an entry without tasks', { ...good, history: [{ ...entry(0), tasks: undefined }] }, /entry 1 has no "tasks"/],
    ['an entry that is a number', { ...good, history: [7] }, /entry 1 is not an object/],
  ];
  for (const [name, value, message] of cases) {
    await t.test(name, () => {
      assert.throws(
        () => asThreadRecord(value),
        (error) => error instanceof EtlError && error.code === 'ETL_RECORD_INVALID' && message.test(error.message),
      );
    });
  }
});

test('entries of older tools and servers are filled in, and keep what is not known', async (t) => {
  const cases: readonly (readonly [string, unknown, Partial<HistoryEntry>])[] = [
    [
      'ids beside',
      { checkpoint_id: 'a', parent_checkpoint_id: 'b' },
      { checkpoint: { checkpoint_id: 'a' }, parent_checkpoint: { checkpoint_id: 'b' } },
    ],
    [
      'nulls',
      { checkpoint: { checkpoint_id: 'a' }, values: null, next: null, tasks: null },
      { values: {}, next: [], tasks: [] },
    ],
    [
      'a task without name',
      { checkpoint_id: 'a', tasks: [{ id: 'x' }, 3] },
      { tasks: [{ id: 'x', name: '', interrupts: [] }] },
    ],
    ['a state that is no object', { checkpoint_id: 'a', values: [1, 2] }, { values: [1, 2] }],
  ];
  for (const [name, value, expected] of cases) {
    await t.test(name, () => {
      const found = asHistoryEntry({ ...(value as object), strange: 1 });
      for (const [field, wanted] of Object.entries(expected)) assert.deepEqual(found[field], wanted);
      assert.equal(found['strange'], 1);
    });
  }
  assert.throws(() => asHistoryEntry({ values: {} }), /no checkpoint id/);
  assert.throws(() => asHistoryEntry('x'), /not an object/);
});

test('the head, its questions and the namespaces are found', () => {
  const task = { id: 'x', name: 'ask', interrupts: [{ id: 'i', value: 'go on?' }] };
  const record = thread([entry(0), entry(1, { tasks: [task] }), entry(0, {}, 'sub:x'), entry(1, {}, 'sub:x')]);
  assert.equal(headOf(record)?.checkpoint.checkpoint_id, '1');
  assert.deepEqual(pendingInterrupts(record), task.interrupts);
  assert.deepEqual(
    [...byNamespace(record.history)].map(([ns, entries]) => [ns, entries.length]),
    [
      ['', 2],
      ['sub:x', 2],
    ],
  );
  assert.deepEqual(pendingInterrupts(thread([])), []);
});

test('parts are joined in their order', () => {
  const parts = [0, 1].map((n) => thread([entry(n)], { part: { number: n + 1, isLast: n === 1 } }));
  assert.deepEqual(joinThreadParts(parts), thread([entry(0), entry(1)]));
  assert.throws(() => joinThreadParts([]), /no parts/);
});

describe('the digest of a checkpoint', () => {
  const message = { type: 'ai', id: 'm', content: 'hi', tool_calls: [], additional_kwargs: {} };
  const js = entry(1, { values: { messages: [message], note: null }, created_at: '2026-01-01T00:00:01.000Z' });

  test('is the same whichever server wrote the message, the time and the stamps', () => {
    const python = entry(1, {
      values: {
        note: null,
        messages: [{ content: 'hi', id: 'm', type: 'ai', name: null, usage_metadata: null, invalid_tool_calls: [] }],
      },
      created_at: '2026-01-01T00:00:01+00:00',
      metadata: { step: 1, source: 'loop', langgraph_request_id: 'r', thread_id: 't' },
    });
    for (const level of ['content', 'exact'] as const) assert.equal(entryDigest(python, level), entryDigest(js, level));
  });

  const changes: readonly (readonly [string, Partial<HistoryEntry>, 'content' | 'exact'])[] = [
    ['a text', { values: { messages: [{ ...message, content: 'ho' }], note: null } }, 'content'],
    ['a null that is gone', { values: { messages: [message] } }, 'content'],
    ['a next node', { next: ['work'] }, 'content'],
    ['a question', { tasks: [{ id: 'x', name: 'ask', interrupts: [{ value: 1 }] }] }, 'content'],
    ['the time', { created_at: '2026-01-01T00:00:02.000Z' }, 'exact'],
    ['the parent', { parent_checkpoint: { checkpoint_id: '7' } }, 'exact'],
    ['the metadata', { metadata: { source: 'loop', step: 1, run_id: 'r' } }, 'exact'],
  ];
  for (const [name, change, level] of changes) {
    test(`tells ${name}${level === 'exact' ? ', when it is to be exact' : ''}`, () => {
      const changed = { ...js, ...change };
      assert.notEqual(entryDigest(changed, 'exact'), entryDigest(js, 'exact'));
      assert.equal(entryDigest(changed) === entryDigest(js), level === 'exact');
    });
  }

  test('of a thread depends on the order', () => {
    const [a, b] = [summarizeEntry(entry(0)), summarizeEntry(entry(1))];
    assert.notEqual(threadDigest([a, b]), threadDigest([b, a]));
    assert.equal(namespacePath('inner:1e4b|deep:77'), 'inner|deep');
  });
});

describe('comparing two histories', () => {
  const summaries = (entries: readonly HistoryEntry[]) => entries.map(summarizeEntry);
  const history = [entry(0), entry(1), entry(2), entry(0, {}, 'sub:x'), entry(1, {}, 'sub:x')];

  test('finds nothing where all is the same', () => {
    const found = compareThread('t1', summaries(history), summaries(history));
    assert.deepEqual(found.differences, []);
    assert.deepEqual(found.checkpoints, { source: 5, target: 5, paired: 5 });
    assert.deepEqual(found.subgraphs, { source: 2, target: 2, paired: 2 });
    for (const aspect of fidelityAspects) assert.equal(found.matched[aspect], 5);
    assert.ok(isFaithful(found, fidelityAspects));
  });

  test('pairs by order where the other side made ids of its own', () => {
    const replayed = history.map((each) => {
      const ns = each.checkpoint.checkpoint_ns === '' ? '' : 'sub:y';
      const rename = (id: string): string => `new ${id.replace('sub:x', 'sub:y')}`;
      const parent = each.parent_checkpoint;
      return {
        ...each,
        created_at: '2026-02-02T00:00:00Z',
        checkpoint: { checkpoint_id: rename(each.checkpoint.checkpoint_id), checkpoint_ns: ns },
        parent_checkpoint:
          parent === null || parent === undefined ? null : { checkpoint_id: rename(parent.checkpoint_id) },
      };
    });
    const found = compareThread('t1', summaries(history), summaries(replayed));
    assert.equal(found.checkpoints.paired, 5);
    assert.ok(isFaithful(found, contentAspects));
    assert.equal(found.matched.ids, 0);
    assert.equal(found.matched.times, 0);
    assert.equal(found.matched.parents, 5);
  });

  const planted: readonly (readonly [string, readonly HistoryEntry[], string])[] = [
    ['a missing checkpoint', history.slice(0, -1), 'missing'],
    ['an extra checkpoint', [...history, entry(2, {}, 'sub:x')], 'extra'],
    ['another value', history.map((each, i) => (i === 1 ? { ...each, values: { count: 9 } } : each)), 'values'],
    ['another next node', history.map((each, i) => (i === 1 ? { ...each, next: ['x'] } : each)), 'next'],
    [
      'another parent',
      history.map((each, i) => (i === 2 ? { ...each, parent_checkpoint: { checkpoint_id: '0' } } : each)),
      'parents',
    ],
    ['another order', [history[1], history[0], ...history.slice(2)] as HistoryEntry[], 'order'],
    [
      'another source',
      history.map((each, i) => (i === 1 ? { ...each, metadata: { source: 'update', step: 1 } } : each)),
      'source',
    ],
  ];
  for (const [name, other, kind] of planted) {
    test(`names ${name}`, () => {
      const found = compareThread('t1', summaries(history), summaries(other));
      assert.ok(
        found.differences.some((difference) => difference.kind === kind),
        JSON.stringify(found.differences),
      );
      assert.ok(!isFaithful(found, fidelityAspects));
    });
  }

  test('keeps only so many differences', () => {
    const found = compareThread('t1', summaries(history), [], { maxDifferences: 2 });
    assert.equal(found.differences.length, 2);
    assert.equal(found.checkpoints.source, 5);
  });
});
