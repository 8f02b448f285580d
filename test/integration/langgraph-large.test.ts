import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import type { HistoryEntry } from '../../src/models/langgraph.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { checkpointId, startStub, stubThread, type StubThread } from '../helpers/langgraph/stub.ts';
import { startWritingStub, type WritingStub } from '../helpers/langgraph/writing-stub.ts';
import type { MoveArguments } from './fixtures/move-large-thread.ts';

const script = fileURLToPath(new URL('./fixtures/move-large-thread.ts', import.meta.url));
const run = promisify(execFile);

/** A thread with these states, each made on the one before. */
function threadOf(states: readonly Readonly<Record<string, unknown>>[]): StubThread {
  const { row } = stubThread(0);
  const at = (step: number): HistoryEntry['checkpoint'] => ({
    thread_id: row.thread_id,
    checkpoint_id: checkpointId(step),
    checkpoint_ns: '',
  });
  const history = states.map((values, step) => ({
    values,
    next: step === states.length - 1 ? [] : ['work'],
    tasks: step === states.length - 1 ? [] : [{ id: `task-${step}`, name: 'work', interrupts: [] }],
    metadata: { source: 'loop', step },
    created_at: row.created_at,
    checkpoint: at(step),
    parent_checkpoint: step === 0 ? null : at(step - 1),
  }));
  return { row, history };
}

/** Takes the thread out of one server, into a file, and from there into another, in processes with so large a heap. */
async function moved(
  thread: StubThread,
  folder: string,
  heapMegabytes: { readonly out: number; readonly in: number },
): Promise<{ readonly records: number; readonly target: WritingStub }> {
  const source = await startStub({ threads: [thread] });
  const target = await startWritingStub({ isQuiet: true });
  const move = async (way: 'out' | 'in', { url }: { readonly url: string }): Promise<number> => {
    const given: MoveArguments = { way, apiUrl: url, folder };
    const flags = [`--max-old-space-size=${heapMegabytes[way]}`, '--import', 'tsx'];
    const { stdout } = await run(process.execPath, [...flags, script, JSON.stringify(given)]);
    return (JSON.parse(stdout) as { readonly written: number }).written;
  };
  try {
    const records = await move('out', source);
    assert.equal(await move('in', target), records);
    return { records, target };
  } finally {
    await source.close();
    await target.close();
  }
}

testIn(
  'a thread of 10,000 checkpoints goes out and in, in parts, with a heap that does not hold it',
  async (folder) => {
    const states = Array.from({ length: 10_000 }, (_, turns) => ({ turns, notes: `${turns} `.repeat(800) }));
    const thread = threadOf(states);
    // All of its text is 45 MB, and as objects it is more: what a process needs by itself is 40.
    const { records, target } = await moved(thread, folder, { out: 64, in: 80 });
    const lines = (await readFile(join(folder, 'threads.jsonl'), 'utf8')).trimEnd().split('\n');
    assert.equal(lines.length, records);
    assert.ok(records > 20, `${records} parts`);
    const there = target.threads.get(thread.row.thread_id)?.history ?? [];
    assert.deepEqual(
      there.map(({ values }) => values),
      states,
    );
  },
);

testIn('a state of 50 MB goes out and in', async (folder) => {
  const notes = 'fifty megabytes, '.repeat(3_000_000);
  const states = [{ turns: 0 }, { turns: 1, notes }, { turns: 2, notes }];
  const thread = threadOf(states);
  const { target } = await moved(thread, folder, { out: 64, in: 1000 });
  const there = target.threads.get(thread.row.thread_id)?.history ?? [];
  assert.equal(there.length, 3);
  for (const [index, { values }] of there.entries()) assert.ok(isSame(values, states[index]), `checkpoint ${index}`);
});

/** Without a difference of 50 MB to be printed. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
