import assert from 'node:assert/strict';
import { test } from 'node:test';

import { backupToThread, isWithoutHistory, threadToBackup } from '../../src/mappings/threads-backup.ts';
import { THREAD_SCHEMA, type ThreadRecord } from '../../src/models/langgraph.ts';
import { stubThread } from '../helpers/langgraph/stub.ts';

function record(checkpoints: number): ThreadRecord {
  const { row, history } = stubThread(1, { checkpoints });
  return {
    schema: THREAD_SCHEMA,
    thread_id: row.thread_id,
    thread: row,
    origin: { runtime: 'js', version: '1' },
    history,
  };
}

test('a thread comes back from a backup as it was', async (t) => {
  const inner = (ns: string) =>
    stubThread(1).history.map((entry) => ({ ...entry, checkpoint: { ...entry.checkpoint, checkpoint_ns: ns } }));
  const cases: readonly (readonly [string, ThreadRecord])[] = [
    ['without history', record(0)],
    ['with one checkpoint', record(1)],
    ['with several', record(5)],
    ['with subgraphs', { ...record(3), history: [...record(3).history, ...inner('a:1'), ...inner('b:2')] }],
    ['of which older checkpoints were left out', { ...record(3), limited: true }],
  ];
  for (const [name, thread] of cases) {
    await t.test(name, () => {
      const backup = threadToBackup(thread);
      assert.deepEqual(backupToThread(JSON.parse(JSON.stringify(backup))), thread);
      assert.deepEqual(
        backup.history.map(({ metadata }) => metadata?.step),
        thread.history
          .filter(({ checkpoint }) => checkpoint.checkpoint_ns === '')
          .map(({ metadata }) => metadata?.step)
          .reverse(),
      );
    });
  }
});

test("other tools' threads are read", async (t) => {
  const { row, history } = stubThread(1);
  const newestFirst = [...history].reverse();
  const theirs = {
    thread_id: row.thread_id,
    metadata: row.metadata,
    values: { messages: [] },
    created_at: row.created_at,
    updated_at: null,
  };
  const expectedRow = { thread_id: row.thread_id, created_at: row.created_at, metadata: row.metadata };
  await t.test('newest checkpoint first', () => {
    const found = backupToThread({ ...theirs, history: newestFirst });
    assert.deepEqual(found.history, history);
    assert.deepEqual(found.thread, expectedRow);
    assert.deepEqual(found.origin, { runtime: 'unknown' });
  });
  await t.test('oldest first', () => assert.deepEqual(backupToThread({ ...theirs, history }).history, history));
  await t.test('without a history, by their last state', () => {
    const values = { messages: [{ type: 'human', content: 'hi' }] };
    for (const given of [{ history: [] }, { history: null }, {}]) {
      const element = { ...theirs, ...given, values, updated_at: '2026-01-02T03:04:05.678901+00:00' };
      const found = backupToThread(element);
      assert.deepEqual(found.thread, { ...expectedRow, updated_at: element.updated_at });
      assert.equal(found.limited, true);
      assert.equal(found.history.length, 1);
      const [entry] = found.history;
      assert.deepEqual(entry?.values, values);
      assert.equal(entry?.created_at, '2026-01-02T03:04:05.678Z');
      // Version 6: later checkpoints of the thread sort after it.
      assert.match(entry?.checkpoint.checkpoint_id ?? '', /^1f0e[0-9a-f]{4}-[0-9a-f]{4}-6[0-9a-f]{3}-8000-/);
      assert.deepEqual(backupToThread(element), found, 'always the same one');
      assert.ok(isWithoutHistory(element));
    }
  });
  await t.test('without a history and a time, by their last state', () => {
    const { created_at: _, ...timeless } = { ...theirs, values: { n: 1 } };
    const [entry] = backupToThread(timeless).history;
    assert.equal(entry?.created_at, '1970-01-01T00:00:00.000Z');
    assert.match(entry?.checkpoint.checkpoint_id ?? '', /^1b21dd21-3814-6/);
  });
  await t.test('without anything, as an empty thread', () => {
    for (const values of [{}, null, undefined, 7]) {
      const found = backupToThread({ ...theirs, values, history: [] });
      assert.deepEqual([found.history, found.limited], [[], undefined]);
      assert.ok(!isWithoutHistory({ ...theirs, values, history: [] }));
    }
  });
});

test('what is no thread is told', () => {
  for (const value of [null, 7, [], {}, { thread_id: '' }, { thread_id: 7 }])
    assert.throws(() => backupToThread(value), /thread_id/);
  assert.throws(() => backupToThread({ thread_id: 'a', history: [{ values: {} }] }), /no checkpoint id/);
});
