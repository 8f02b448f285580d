import assert from 'node:assert/strict';
import { test } from 'node:test';

import { backupToThread, threadToBackup } from '../../src/mappings/threads-backup.ts';
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
  await t.test('without a history, by their values', () => {
    const values = { messages: [{ type: 'human', content: 'hi' }] };
    assert.deepEqual(backupToThread({ ...theirs, values, history: null }).thread, { ...expectedRow, values });
  });
});

test('what is no thread is told', () => {
  for (const value of [null, 7, [], {}, { thread_id: '' }, { thread_id: 7 }])
    assert.throws(() => backupToThread(value), /thread_id/);
  assert.throws(() => backupToThread({ thread_id: 'a', history: [{ values: {} }] }), /no checkpoint id/);
});
