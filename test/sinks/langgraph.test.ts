import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'node:test';

import { openLanggraph } from '../../src/connections/langgraph.ts';
import { EtlError } from '../../src/errors.ts';
import { conversationToThread } from '../../src/mappings/conversation-to-thread.ts';
import type { NodeUpdate } from '../../src/mappings/history-to-supersteps.ts';
import type { Conversation } from '../../src/models/conversation.ts';
import { THREAD_SCHEMA, type ThreadRecord } from '../../src/models/langgraph.ts';
import { pipeline } from '../../src/pipeline.ts';
import type { RunReport } from '../../src/report.ts';
import { langgraphSink, type LanggraphSinkOptions } from '../../src/sinks/langgraph.ts';
import { testIn } from '../../src/testing/scratch.ts';
import type { Source } from '../../src/stage.ts';
import { conversationOf } from '../helpers/conversation.ts';
import { stubThread, type StubThread } from '../helpers/langgraph/stub.ts';
import { startWritingStub, type WritingStub } from '../helpers/langgraph/writing-stub.ts';

/** Connections that try again at once. */
const connect: typeof openLanggraph = (options) => openLanggraph({ ...options, retryBaseMs: 1 });

function recordOf({ row, history }: StubThread): ThreadRecord {
  return { schema: THREAD_SCHEMA, thread_id: row.thread_id, thread: row, origin: { runtime: 'js' }, history };
}

/** The same thread as several records of two checkpoints each. */
function partsOf(record: ThreadRecord): readonly ThreadRecord[] {
  const parts: ThreadRecord[] = [];
  for (let from = 0; from < record.history.length; from += 2) {
    const history = record.history.slice(from, from + 2);
    parts.push({ ...record, part: { number: parts.length + 1, isLast: from + 2 >= record.history.length }, history });
  }
  return parts;
}

/** A batch for each list of records; only the last record of a thread moves the cursor. */
function recordsSource(batches: readonly (readonly unknown[])[]): Source<ThreadRecord> {
  return {
    role: 'source',
    name: 'records',
    async *read(ctx) {
      const from = (ctx.cursor as { readonly batch: number } | undefined)?.batch ?? 0;
      for (const [index, records] of batches.entries()) {
        if (index < from) continue;
        const part = (records.at(-1) as ThreadRecord | undefined)?.part;
        const cursor = part?.isLast === false ? {} : { cursor: { batch: index + 1 } };
        yield { records: records as readonly ThreadRecord[], bytes: 100, ...cursor };
      }
    },
  };
}

interface Restoring {
  readonly stub: WritingStub;
  readonly directory: string;
  readonly options?: Partial<LanggraphSinkOptions>;
  readonly newRun?: boolean;
}

async function restore(
  batches: readonly (readonly unknown[])[],
  { stub, directory, options = {}, newRun = false }: Restoring,
): Promise<RunReport> {
  const sink = langgraphSink(
    { apiUrl: stub.url, timeoutMs: 500, attempts: 3, mode: 'history', ...options },
    { connect, progressFolder: join(directory, 'progress'), retryBaseMs: 1 },
  );
  const onReject = { to: join(directory, 'rejects.jsonl') };
  return await pipeline(recordsSource(batches), { name: 'restore', onReject }).to(sink).run({ newRun });
}

/** A test with a stub that answers what `fault` says, and with a folder. */
function testStub(
  name: string,
  fault: NonNullable<Parameters<typeof startWritingStub>[0]>['fault'],
  run: (stub: WritingStub, directory: string) => Promise<void>,
): void {
  testIn(name, async (directory) => {
    const stub = await startWritingStub(fault === undefined ? {} : { fault });
    try {
      await run(stub, directory);
    } finally {
      await stub.close();
    }
  });
}

const idOf = (number: number): string => stubThread(number).row.thread_id;
const isCreate = (id: string, body: Readonly<Record<string, unknown>>, path: string): boolean =>
  path === '/threads' && body['thread_id'] === id;

async function reasons(directory: string): Promise<string[]> {
  const text = await readFile(join(directory, 'rejects.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { readonly reason: string }).reason);
}

describe('restoring by history', () => {
  testStub(
    'makes one request for a thread that is a line, besides looking at it',
    undefined,
    async (stub, directory) => {
      const thread = stubThread(1, { checkpoints: 6 });
      const report = await restore([[recordOf(thread)]], { stub, directory });
      assert.equal(report.counts.written, 1);
      const own = stub.requests.filter(({ path, body }) => isCreate(idOf(1), body, path) || path.includes(idOf(1)));
      assert.deepEqual(
        own.map(({ method, path }) => `${method} ${path.split('/').at(-1) ?? ''}`),
        ['POST threads', 'POST history'],
      );
      const written = stub.threads.get(idOf(1));
      assert.deepEqual(
        written?.history.map(({ values }) => values),
        thread.history.map(({ values }) => values),
      );
      assert.deepEqual(written?.metadata, thread.row.metadata);
    },
  );

  testStub('makes forks on the checkpoint they were made on', undefined, async (stub, directory) => {
    const { row, history } = stubThread(1, { checkpoints: 5 });
    const [first, second, third, fourth, fifth] = history;
    assert.ok(first && second && third && fourth && fifth);
    const forked = [first, second, third, { ...fourth, parent_checkpoint: second.checkpoint }, fifth];
    await restore([[recordOf({ row, history: forked })]], { stub, directory });
    const written = stub.threads.get(idOf(1))?.history ?? [];
    const places = written.map(({ parent }) => written.findIndex(({ id }) => id === parent));
    assert.deepEqual(places, [-1, 0, 1, 1, 3]);
    assert.deepEqual(
      written.map(({ values }) => values),
      forked.map(({ values }) => values),
    );
  });

  testStub('takes a thread that comes in parts as one', undefined, async (stub, directory) => {
    const thread = stubThread(1, { checkpoints: 9 });
    const batches = [...partsOf(recordOf(thread)).map((part) => [part]), [recordOf(stubThread(2))]];
    const report = await restore(batches, { stub, directory });
    assert.deepEqual([report.counts.written, report.counts.rejected], [6, 0]);
    assert.deepEqual(
      stub.threads.get(idOf(1))?.history.map(({ values }) => values),
      thread.history.map(({ values }) => values),
    );
  });

  testStub('writes the report of every thread, once also after a stop', undefined, async (stub, directory) => {
    const fidelityReport = join(directory, 'fidelity.jsonl');
    const threads = [[recordOf(stubThread(1))], [recordOf(stubThread(2))]];
    await restore(threads, { stub, directory, options: { fidelityReport } });
    const lines = (await readFile(fidelityReport, 'utf8')).trimEnd().split('\n');
    const found = lines.map((line) => JSON.parse(line) as { thread_id: string; matched: { values: number } });
    assert.deepEqual(
      found.map(({ thread_id: id, matched }) => [id, matched.values]),
      [
        [idOf(1), 3],
        [idOf(2), 3],
      ],
    );
  });
});

describe('threads that the target has', () => {
  const whole = stubThread(1, { checkpoints: 6 });
  const half = { ...whole, history: whole.history.slice(0, 3) };
  const other = stubThread(1, { checkpoints: 6, textLength: 7 });
  const cases: readonly {
    readonly ifExists: NonNullable<LanggraphSinkOptions['ifExists']>;
    readonly there: StubThread;
    readonly becomes: { readonly written: number; readonly skipped: number; readonly rejected: number };
    readonly values: StubThread;
  }[] = [
    { ifExists: 'skip', there: whole, becomes: { written: 0, skipped: 1, rejected: 0 }, values: whole },
    { ifExists: 'skip', there: half, becomes: { written: 0, skipped: 1, rejected: 0 }, values: half },
    { ifExists: 'skip', there: other, becomes: { written: 0, skipped: 1, rejected: 0 }, values: other },
    { ifExists: 'continue', there: whole, becomes: { written: 0, skipped: 1, rejected: 0 }, values: whole },
    { ifExists: 'continue', there: half, becomes: { written: 1, skipped: 0, rejected: 0 }, values: whole },
    { ifExists: 'continue', there: other, becomes: { written: 0, skipped: 0, rejected: 1 }, values: other },
    { ifExists: 'replace', there: whole, becomes: { written: 0, skipped: 1, rejected: 0 }, values: whole },
    { ifExists: 'replace', there: half, becomes: { written: 1, skipped: 0, rejected: 0 }, values: whole },
    { ifExists: 'replace', there: other, becomes: { written: 1, skipped: 0, rejected: 0 }, values: whole },
    { ifExists: 'fail', there: whole, becomes: { written: 0, skipped: 0, rejected: 1 }, values: whole },
  ];
  for (const { ifExists, there, becomes, values } of cases) {
    const what = there === whole ? 'the same' : there === half ? 'its beginning' : 'another history';
    testStub(`with ${what}, under ifExists ${ifExists}`, undefined, async (stub, directory) => {
      await restore([[recordOf(there)]], { stub, directory: join(directory, 'before') });
      const { counts } = await restore([[recordOf(whole)]], { stub, directory, options: { ifExists } });
      const { written, skipped, rejected } = counts;
      assert.deepEqual({ written, skipped, rejected }, becomes);
      assert.deepEqual(
        stub.threads.get(idOf(1))?.history.map((checkpoint) => checkpoint.values),
        values.history.map((entry) => entry.values),
      );
    });
  }

  testStub(
    'and that somebody else owns there are rejected with what to do',
    (request) => {
      const isTheirs = isCreate(idOf(1), request.body, request.path);
      return isTheirs ? { status: 409, text: '{"error":"Thread already exists"}' } : undefined;
    },
    async (stub, directory) => {
      const { counts } = await restore([[recordOf(stubThread(1)), recordOf(stubThread(2))]], { stub, directory });
      assert.deepEqual([counts.written, counts.rejected], [1, 1]);
      assert.match((await reasons(directory))[0] ?? '', /belongs to somebody else/);
    },
  );
});

describe('a target that is not well', () => {
  testStub(
    'costs only the thread it fails on, and nothing is left of that',
    ({ path, body }) => {
      return isCreate(idOf(1), body, path) ? { status: 500, text: 'Internal Server Error' } : undefined;
    },
    async (stub, directory) => {
      const threads = [0, 1, 2].map((number) => recordOf(stubThread(number)));
      const { counts } = await restore([threads], { stub, directory });
      assert.deepEqual([counts.written, counts.rejected], [2, 1]);
      assert.deepEqual([...stub.threads.keys()].sort(), [idOf(0), idOf(2)]);
      assert.match((await reasons(directory))[0] ?? '', /500: Internal Server Error/);
    },
  );

  testStub('leaves no half thread behind when a superstep is refused', undefined, async (stub, directory) => {
    const { row, history } = stubThread(1, { checkpoints: 6 });
    // The stub fails at this node, after it has carried out those before it.
    const entry = history[3];
    assert.ok(entry);
    const broken = history.map((each, index) =>
      index === 3 ? { ...entry, tasks: [{ id: 't', name: 'nowhere' }] } : each,
    );
    const graph = { nodes: [{ id: '__start__' }, { id: 'work' }, { id: 'nowhere' }], edges: [] };
    const faulty = await startWritingStub({
      fault: ({ path }) => (path.startsWith('/assistants/') ? { status: 200, text: JSON.stringify(graph) } : undefined),
    });
    try {
      const { counts } = await restore([[recordOf({ row, history: broken })]], { stub: faulty, directory });
      assert.equal(counts.rejected, 1);
      assert.deepEqual([...faulty.threads.keys()], []);
    } finally {
      await faulty.close();
    }
    assert.equal(stub.requests.length, 0);
  });

  let lost = 0;
  testStub(
    'whose answer is lost is asked how far it came',
    ({ path, body }) => {
      if (!isCreate(idOf(1), body, path) || lost > 0) return undefined;
      lost += 1;
      return 'after-reset';
    },
    async (stub, directory) => {
      const thread = stubThread(1, { checkpoints: 6 });
      const { counts, findings } = await restore([[recordOf(thread)]], { stub, directory });
      assert.equal(counts.written, 1);
      assert.equal(stub.threads.get(idOf(1))?.history.length, 6);
      assert.equal(findings['restored by history: checkpoints'], 6);
    },
  );

  let busy = 0;
  testStub(
    'that asks for a pause gets it',
    ({ path, body }) => {
      if (!isCreate(idOf(1), body, path) || busy >= 2) return undefined;
      busy += 1;
      return { status: 429, headers: { 'retry-after': '0' } };
    },
    async (stub, directory) => {
      const { counts } = await restore([[recordOf(stubThread(1))]], { stub, directory });
      assert.deepEqual([counts.written, counts.rejected], [1, 0]);
      assert.equal(stub.threads.get(idOf(1))?.history.length, 3);
    },
  );

  testStub('that does not have the graph costs the threads of that graph', undefined, async (stub, directory) => {
    const strange = recordOf(stubThread(1, { metadata: { graph_id: 'gone' } }));
    const { counts } = await restore([[strange, recordOf(stubThread(2))]], { stub, directory });
    assert.deepEqual([counts.written, counts.rejected], [1, 1]);
    assert.match((await reasons(directory))[0] ?? '', /the graph "gone" is not deployed/);
    assert.deepEqual([...stub.threads.keys()], [idOf(2)]);
  });

  testStub(
    'that never answers one thread costs that one',
    ({ path, body }) => {
      return isCreate(idOf(1), body, path) ? 'hang' : undefined;
    },
    async (stub, directory) => {
      const threads = [0, 1, 2].map((number) => recordOf(stubThread(number)));
      const options = { timeoutMs: 50 };
      const { counts } = await restore([threads], { stub, directory, options });
      assert.deepEqual([counts.written, counts.rejected], [2, 1]);
    },
  );

  for (const { name, status, code } of [
    { name: 'a key that is refused half-way', status: 401, code: 'ETL_AUTH_FAILED' },
    { name: 'a limit that is never lifted', status: 429, code: 'ETL_CONNECT_FAILED' },
  ] as const) {
    let isBad = true;
    testStub(
      `${name} stops the run, and the same command goes on`,
      ({ path, body }) => {
        return isBad && path === '/threads' && body['thread_id'] === idOf(3) ? { status } : undefined;
      },
      async (stub, directory) => {
        const batches = Array.from({ length: 6 }, (_, number) => [recordOf(stubThread(number))]);
        const options = { concurrency: 1, attempts: 1 };
        await assert.rejects(
          restore(batches, { stub, directory, options }),
          (error) => error instanceof EtlError && error.code === code,
        );
        isBad = false;
        const { counts, status: ended } = await restore(batches, { stub, directory, options });
        assert.deepEqual([ended, counts.written, counts.skipped, counts.rejected], ['finished', 6, 0, 0]);
        for (const { history } of stub.threads.values()) assert.equal(history.length, 3);
      },
    );
  }
});

describe('threads that a stopped run wrote without a commit', () => {
  /** A thread with a checkpoint of a subgraph, which the API cannot make again. */
  const withSubgraph = (number: number): ThreadRecord => {
    const record = recordOf(stubThread(number, { checkpoints: 4 }));
    const [first] = record.history;
    assert.ok(first);
    const inside = { ...first, checkpoint: { ...first.checkpoint, checkpoint_ns: 'inner:1' }, parent_checkpoint: null };
    return { ...record, history: [...record.history, inside] };
  };
  const batches = [[0, 1, 2, 3].map(withSubgraph)];
  for (const mode of ['history', 'state'] as const) {
    let isBad = true;
    testStub(
      `are counted by the next attempt as if nothing had happened, by ${mode}`,
      ({ path, body }) => (isBad && isCreate(idOf(3), body, path) ? { status: 401 } : undefined),
      async (stub, directory) => {
        const options = { mode, concurrency: 1 };
        await assert.rejects(restore(batches, { stub, directory, options }));
        assert.equal(stub.threads.size, 3);
        isBad = false;
        const resumed = await restore(batches, { stub, directory, options });
        const whole = await startWritingStub();
        try {
          const unbroken = await restore(batches, { stub: whole, directory: join(directory, 'unbroken'), options });
          assert.deepEqual(resumed.findings, unbroken.findings);
          assert.deepEqual([resumed.counts.written, resumed.counts.skipped], [4, 0]);
        } finally {
          await whole.close();
        }
      },
    );
  }
});

describe('conversations of two people with one id', () => {
  function twoTurns(owner: string, text: string): Conversation {
    const id = idOf(1);
    const messages = ['q', 'a'].map((name, index) => ({
      id: name,
      parentId: index === 0 ? null : 'q',
      role: index === 0 ? ('user' as const) : ('assistant' as const),
      createdAt: `2026-03-01T08:00:0${index}.000Z`,
      parts: [{ type: 'text' as const, text: `${text} ${index}` }],
    }));
    return conversationOf(messages, {
      id,
      key: `librechat:${owner}:${id}`,
      owner: { id: owner },
      createdAt: '2026-03-01T08:00:00.000Z',
      updatedAt: '2026-03-01T08:00:01.000Z',
      source: { system: 'librechat' },
    });
  }
  const threadOf = (owner: string, text: string, threadIds: 'unique' | 'same'): ThreadRecord =>
    conversationToThread(twoTurns(owner, text), { graphId: 'desk', threadIds }).thread;

  testStub('become two threads', undefined, async (stub, directory) => {
    const threads = ['ana', 'ben'].map((owner) => threadOf(owner, owner, 'unique'));
    const { counts } = await restore([threads], { stub, directory });
    assert.deepEqual([counts.written, counts.skipped, counts.rejected], [2, 0, 0]);
    assert.deepEqual([...stub.threads.values()].map(({ metadata }) => metadata['owner']).toSorted(), ['ana', 'ben']);
  });

  for (const ifExists of ['skip', 'continue', 'replace', 'fail'] as const) {
    for (const text of ['another text', 'ana'] as const) {
      testStub(
        `that keep it: the second is rejected under ifExists ${ifExists}, with ${text === 'ana' ? 'the same text' : text}`,
        undefined,
        async (stub, directory) => {
          const [first, second] = [threadOf('ana', 'ana', 'same'), threadOf('ben', text, 'same')];
          const { counts } = await restore([[first, second]], { stub, directory, options: { ifExists } });
          assert.deepEqual([counts.written, counts.skipped, counts.rejected], [1, 0, 1]);
          assert.match((await reasons(directory))[0] ?? '', /another conversation/);
          const [there] = [...stub.threads.values()];
          assert.deepEqual([there?.metadata['owner'], there?.history.length], ['ana', 2]);
          // A run of its own finds the thread there from the beginning.
          const again = { stub, directory: join(directory, 'again'), options: { ifExists } };
          assert.equal((await restore([[second]], again)).counts.rejected, 1);
        },
      );
    }
  }
});

describe('a graph with channels that the source does not have', () => {
  testIn('adds them, and the thread is the same all the same', async (directory) => {
    const stub = await startWritingStub({ defaults: { trail: [], cost: 0 } });
    try {
      const fidelityReport = join(directory, 'fidelity.jsonl');
      const batches = [[recordOf(stubThread(1, { checkpoints: 5 }))]];
      const first = await restore(batches, { stub, directory, options: { fidelityReport } });
      assert.equal(first.findings['not the same: values'], undefined);
      assert.equal(first.findings['added by the graph: channels'], 2);
      const line = JSON.parse(await readFile(fidelityReport, 'utf8')) as { readonly added_channels: unknown };
      assert.deepEqual(line.added_channels, ['cost', 'trail']);
      // Looked at again, it is the same, and what comes after can be added.
      const again = await restore(batches, { stub, directory: join(directory, 'again') });
      assert.deepEqual([again.counts.skipped, again.findings['already there: same']], [1, 1]);
      const longer = [[recordOf(stubThread(1, { checkpoints: 7 }))]];
      const options = { ifExists: 'continue' } as const;
      const more = await restore(longer, { stub, directory: join(directory, 'more'), options });
      assert.deepEqual([more.counts.written, stub.threads.get(idOf(1))?.history.length], [1, 7]);
    } finally {
      await stub.close();
    }
  });

  testIn('adds them to a thread in parts, which is the same, and is gone on with', async (directory) => {
    const stub = await startWritingStub({ defaults: { trail: [], cost: 0 } });
    try {
      const parts = (checkpoints: number): ThreadRecord[][] =>
        partsOf(recordOf(stubThread(1, { checkpoints }))).map((part) => [part]);
      const first = await restore(parts(5), { stub, directory });
      assert.equal(first.findings['not the same: values'], undefined);
      assert.equal(first.findings['added by the graph: channels'], 2);
      const options = { ifExists: 'continue' } as const;
      const more = await restore(parts(7), { stub, directory: join(directory, 'more'), options });
      assert.deepEqual([more.counts.written, more.counts.rejected], [4, 0]);
      assert.equal(more.findings['not the same: values'], undefined);
      assert.equal(stub.threads.get(idOf(1))?.history.length, 7);
    } finally {
      await stub.close();
    }
  });

  testIn('does not hide a value that became another one', async (directory) => {
    const stub = await startWritingStub({
      defaults: { trail: [] },
      // Another text than the one that was sent.
      fault: ({ path, body }) => {
        if (path === '/threads') replaceText(body);
        return undefined;
      },
    });
    try {
      const fidelityReport = join(directory, 'fidelity.jsonl');
      const { findings } = await restore([[recordOf(stubThread(1))]], { stub, directory, options: { fidelityReport } });
      assert.equal(findings['not the same: values'], 3);
      // It says where.
      assert.match(
        await readFile(fidelityReport, 'utf8'),
        /messages\[0\]\.content: \\".*\\" here, \\"changed\\" there/,
      );
    } finally {
      await stub.close();
    }
  });

  /** Changes the messages of a request on their way. */
  function replaceText(body: Readonly<Record<string, unknown>>): void {
    const supersteps = (body['supersteps'] ?? []) as readonly { readonly updates: readonly NodeUpdate[] }[];
    for (const { values } of supersteps.flatMap(({ updates }) => updates)) {
      const { messages = [] } = (values ?? {}) as { readonly messages?: readonly { content?: string }[] };
      for (const message of messages) if (message.content !== '') message.content = 'changed';
    }
  }
});

describe('records that are no threads', () => {
  testStub(
    'and threads with ids that no server takes cost no others',
    // As the servers refuse such an id, whatever else is asked for with it.
    ({ path, body }) =>
      JSON.stringify([path, body['ids'], body['thread_id']]).includes('not-a-uuid')
        ? { status: 422, text: '{"detail":"Invalid thread ID not-a-uuid"}' }
        : undefined,
    async (stub, directory) => {
      const odd = { ...recordOf(stubThread(2)), thread_id: 'not-a-uuid' };
      const { counts } = await restore([[recordOf(stubThread(1)), odd, recordOf(stubThread(3))]], { stub, directory });
      assert.deepEqual([counts.written, counts.rejected], [2, 1]);
      assert.match((await reasons(directory))[0] ?? '', /422: .*not-a-uuid"}$/);
    },
  );

  testStub('and parts without their beginning or end are rejected', undefined, async (stub, directory) => {
    const [one, two, three] = partsOf(recordOf(stubThread(1, { checkpoints: 6 })));
    assert.ok(one && two && three);
    const { counts } = await restore([[{ id: 'no thread' }], [two], [three], [one, two]], { stub, directory });
    assert.equal(counts.written, 0);
    assert.equal(counts.rejected, 5);
    assert.deepEqual([...stub.threads.keys()], []);
  });

  testStub('threads without a graph are created empty, or named by `graphId`', undefined, async (stub, directory) => {
    const { row, history } = stubThread(1);
    const { graph_id: _, ...metadata } = row.metadata;
    const unnamed = recordOf({ row: { ...row, metadata }, history });
    const empty = recordOf({ ...stubThread(2, { checkpoints: 0 }) });
    const first = await restore([[unnamed, empty]], { stub, directory });
    assert.deepEqual([first.counts.written, first.counts.rejected], [1, 1]);
    const named = { stub, directory, options: { graphId: 'desk' }, newRun: true };
    const second = await restore([[unnamed]], named);
    assert.equal(second.counts.written, 1);
    assert.equal(stub.threads.get(idOf(1))?.history.length, 3);
  });
});

describe('a thread that is busy on the target', () => {
  /** A thread whose fourth checkpoint is a fork: it is made by a request of its own. */
  function forkedThread(): StubThread {
    const { row, history } = stubThread(1, { checkpoints: 6 });
    const [, second, , fourth] = history;
    assert.ok(second && fourth);
    const forked = history.map((entry) =>
      entry === fourth ? { ...entry, parent_checkpoint: second.checkpoint } : entry,
    );
    return { row, history: forked };
  }
  const isUpdate = ({ method, path }: { readonly method: string; readonly path: string }): boolean =>
    method === 'POST' && path === `/threads/${idOf(1)}/state`;
  const isAppend = (body: Readonly<Record<string, unknown>>): boolean =>
    body['thread_id'] === idOf(1) && body['if_exists'] === 'do_nothing';
  const busy = { status: 409, text: '{"detail":"Thread is busy"}' };
  const valuesOf = ({ history }: { readonly history: readonly { readonly values: unknown }[] }): unknown[] =>
    history.map(({ values }) => values);

  for (const ifExists of ['skip', 'continue', 'replace'] as const) {
    testStub(
      `for good is rejected under ifExists ${ifExists}, and nothing of it stays`,
      (request) => (isUpdate(request) ? busy : undefined),
      async (stub, directory) => {
        const threads = [recordOf(forkedThread()), recordOf(stubThread(2))];
        const { counts, findings } = await restore([threads], { stub, directory, options: { ifExists } });
        assert.deepEqual([counts.written, counts.skipped, counts.rejected], [1, 0, 1]);
        assert.deepEqual([...stub.threads.keys()], [idOf(2)]);
        assert.match((await reasons(directory))[0] ?? '', /409: .*Thread is busy/);
        assert.deepEqual(
          Object.keys(findings).filter((finding) => finding.startsWith('already there')),
          [],
        );
      },
    );

    for (const what of ['an update', 'the steps that follow'] as const) {
      let refused = 0;
      testStub(
        `for a while is waited for under ifExists ${ifExists}: ${what}`,
        (request) => {
          const isMeant = what === 'an update' ? isUpdate(request) : isAppend(request.body);
          if (!isMeant || refused >= 2) return undefined;
          refused += 1;
          return busy;
        },
        async (stub, directory) => {
          const thread = forkedThread();
          const { counts } = await restore([[recordOf(thread)]], { stub, directory, options: { ifExists } });
          assert.deepEqual([counts.written, counts.skipped, counts.rejected], [1, 0, 0]);
          assert.equal(refused, 2);
          assert.deepEqual(valuesOf(stub.threads.get(idOf(1)) ?? { history: [] }), valuesOf(thread));
        },
      );
    }
  }

  testStub(
    'and cannot be deleted either is rejected with both reasons',
    (request) =>
      isUpdate(request) || (request.method === 'DELETE' && request.path.includes(idOf(1))) ? busy : undefined,
    async (stub, directory) => {
      const { counts } = await restore([[recordOf(forkedThread())]], { stub, directory });
      assert.equal(counts.rejected, 1);
      assert.match((await reasons(directory))[0] ?? '', /busy.*could not be deleted: DELETE .* answered 409/);
    },
  );
});

describe('a thread that somebody else makes at the same time', () => {
  for (const [name, inParts] of [
    ['in one piece', false],
    ['in parts', true],
  ] as const) {
    let isMade = false;
    testStub(
      `is skipped and never deleted: ${name}`,
      // It is not there when it is looked for.
      ({ path }) => (path === '/threads/search' && isMade ? { status: 200, text: '[]' } : undefined),
      async (stub, directory) => {
        const theirs = stubThread(1, { checkpoints: 4, textLength: 9 });
        await restore([[recordOf(theirs)]], { stub, directory: join(directory, 'before') });
        isMade = true;
        const ours = recordOf(stubThread(1, { checkpoints: 4 }));
        const batches = inParts ? partsOf(ours).map((part) => [part]) : [[ours]];
        const { counts } = await restore(batches, { stub, directory });
        assert.deepEqual([counts.written, counts.skipped, counts.rejected], [0, inParts ? 2 : 1, 0]);
        assert.deepEqual(
          stub.threads.get(idOf(1))?.history.map(({ values }) => values),
          theirs.history.map(({ values }) => values),
        );
        const deleted = stub.requests.filter(({ method, path }) => method === 'DELETE' && path.includes(idOf(1)));
        assert.deepEqual(deleted, []);
      },
    );
  }
});
