import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

import { openLanggraph } from '../../src/connections/langgraph.ts';
import { EtlError } from '../../src/errors.ts';
import { asThreadRecord, type ThreadRecord } from '../../src/models/langgraph.ts';
import { langgraphSource, type LanggraphSourceOptions } from '../../src/sources/langgraph.ts';
import { readAll, recordsOf, type RecordedBatch } from '../../src/testing/recorder.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { testSource } from '../../src/testing/index.ts';
import {
  startStub,
  stubThread,
  stubThreads,
  type LanggraphStub,
  type StubFault,
  type StubRequest,
  type StubThread,
} from '../helpers/langgraph/stub.ts';

/** Connections that try again at once. */
const connect: typeof openLanggraph = (options) => openLanggraph({ ...options, retryBaseMs: 1 });

function source(url: string, more: Partial<LanggraphSourceOptions> = {}) {
  return langgraphSource({ apiUrl: url, timeoutMs: 500, attempts: 3, ...more }, { connect });
}

function threadsOf(batches: readonly RecordedBatch[]): ThreadRecord[] {
  return recordsOf(batches).map((text) => asThreadRecord(JSON.parse(text)));
}

async function withStub<T>(
  options: Parameters<typeof startStub>[0],
  use: (stub: LanggraphStub) => Promise<T>,
): Promise<T> {
  const stub = await startStub(options);
  try {
    return await use(stub);
  } finally {
    await stub.close();
  }
}

const isHistory = ({ path }: StubRequest, number: number): boolean =>
  path === `/threads/${stubThread(number).row.thread_id}/history`;

// One stub for the contract, which compares what is open before and after: its sockets are closed as the client's are.
const contractStub = await startStub({
  threads: stubThreads(20, { checkpoints: 4 }),
  fault: (request) => (request.headers['x-bad'] === 'yes' && isHistory(request, 7) ? { status: 500 } : undefined),
});
after(() => contractStub.close());
testSource(() => source(contractStub.url, { batchSize: 4, pageSize: 3 }), {
  name: 'langgraph',
  records: 20,
  damaged: {
    make: () => source(contractStub.url, { batchSize: 3, headers: { 'x-bad': 'yes' } }),
    records: 19,
    rejected: 1,
    before: 7,
  },
});

describe('what comes out', () => {
  test('is the text of the server: numbers that no object could hold, escapes, the order of members', async () => {
    const values = '{"b":3.0,"a":1152921504606846977123,"c":1e400,"d":-0.0,"e":"\\u00e9\\/","a":2}';
    const ref = '{"checkpoint_ns":"","checkpoint_id":"1f000000-0000-6000-8000-000000000001"}';
    const entry = `{"values":${values},"next":[],"tasks":[],"checkpoint":${ref}}`;
    const fault = (request: StubRequest): StubFault | undefined =>
      isHistory(request, 0) ? { status: 200, text: `[ ${entry} ]` } : undefined;
    await withStub({ threads: stubThreads(1), fault }, async (stub) => {
      const { batches } = await readAll(source(stub.url));
      const [text = ''] = recordsOf(batches);
      assert.ok(text.endsWith(`"history":[${entry}]}`), text);
    });
  });

  test('is every thread, oldest first, with its row and history as the server gave them', async () => {
    const threads = [stubThread(2), stubThread(0, { checkpoints: 0 }), stubThread(1, { checkpoints: 7 })];
    await withStub({ threads: [...threads] }, async (stub) => {
      const { batches } = await readAll(source(stub.url, { pageSize: 2 }));
      const expected = threads
        .toSorted((a, b) => (a.row.created_at < b.row.created_at ? -1 : 1))
        .map(({ row, history }) => ({
          schema: 'threadmill/langgraph-thread@1',
          thread_id: row.thread_id,
          thread: row,
          origin: { runtime: 'js', version: '1.5.1' },
          history,
        }));
      assert.deepEqual(threadsOf(batches), expected);
    });
  });

  for (const runtime of ['js', 'python', 'unknown'] as const) {
    test(`is the same from a server of kind ${runtime}, page after page`, async () => {
      await withStub({ threads: stubThreads(2, { checkpoints: 11 }), runtime }, async (stub) => {
        const { batches } = await readAll(source(stub.url, { pageSize: 4 }));
        for (const { history } of threadsOf(batches))
          assert.deepEqual(
            history.map(({ metadata }) => metadata?.step),
            [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
          );
      });
    });
  }

  test('has the checkpoints of subgraphs, and of subgraphs in them', async () => {
    const inner = (ns: string, thread: StubThread): StubThread['history'] =>
      thread.history.map((entry) => ({ ...entry, checkpoint: { ...entry.checkpoint, checkpoint_ns: ns } }));
    const naming = (thread: StubThread['history'], ns: string): StubThread['history'] =>
      thread.map((entry, index) =>
        index === 1 ? { ...entry, tasks: [{ id: 't', name: 'sub', checkpoint: { checkpoint_ns: ns } }] } : entry,
      );
    const thread = stubThread(1);
    const history = [
      ...naming(thread.history, 'sub:t'),
      ...naming(inner('sub:t', thread), 'sub:t|deep:u'),
      ...inner('sub:t|deep:u', thread),
    ];
    await withStub({ threads: [{ ...thread, history }] }, async (stub) => {
      const namespaces = async (more: Partial<LanggraphSourceOptions>) =>
        threadsOf((await readAll(source(stub.url, more))).batches)[0]?.history.map(
          ({ checkpoint }) => checkpoint.checkpoint_ns,
        );
      const expected = ['', '', '', 'sub:t', 'sub:t', 'sub:t', 'sub:t|deep:u', 'sub:t|deep:u', 'sub:t|deep:u'];
      assert.deepEqual(await namespaces({}), expected);
      assert.deepEqual(await namespaces({ pageSize: 2 }), expected);
      assert.deepEqual(await namespaces({ subgraphs: false }), ['', '', '']);
    });
  });

  test('is limited to the newest checkpoints when that is asked for, and says so', async () => {
    await withStub(
      { threads: [stubThread(0, { checkpoints: 5 }), stubThread(1, { checkpoints: 3 })] },
      async (stub) => {
        const threads = threadsOf((await readAll(source(stub.url, { historyLimit: 3, pageSize: 2 }))).batches);
        assert.deepEqual(
          threads.map(({ history, limited }) => [history.map(({ metadata }) => metadata?.step), limited]),
          [
            [[1, 2, 3], true],
            [[-1, 0, 1], undefined],
          ],
        );
      },
    );
  });

  testIn('is given in parts when a thread is large, in memory of a part, and leaves no file', async () => {
    const threads = [stubThread(0), stubThread(1, { checkpoints: 60, textLength: 500 }), stubThread(2)];
    await withStub({ threads }, async (stub) => {
      const { batches } = await readAll(source(stub.url, { partBytes: 100_000, pageSize: 10 }));
      const records = threadsOf(batches);
      const parts = records.filter(({ part }) => part !== undefined);
      assert.ok(parts.length > 5, `${parts.length} parts`);
      assert.deepEqual(
        parts.map(({ part }) => part),
        parts.map((_, index) => ({ number: index + 1, isLast: index === parts.length - 1 })),
      );
      assert.deepEqual(
        parts.flatMap(({ history }) => history),
        threads[1]?.history,
      );
      assert.deepEqual([records[0]?.part, records.at(-1)?.part], [undefined, undefined]);
      // A run is gone on with at whole threads only.
      for (const { records: texts, at } of batches) {
        const last = JSON.parse(texts.at(-1) ?? '{}') as ThreadRecord;
        assert.equal(at !== undefined, last.part?.isLast ?? true);
      }
    });
  });

  test('is filtered by metadata, state, ids and the time of the last change', async () => {
    const threads = stubThreads(6).map((thread, index) => ({
      ...thread,
      row: {
        ...thread.row,
        status: index % 2 === 0 ? 'idle' : 'interrupted',
        metadata: { owner: index < 3 ? 'ana' : 'ben' },
      },
    }));
    await withStub({ threads }, async (stub) => {
      const found = async (more: Partial<LanggraphSourceOptions>): Promise<number[]> =>
        threadsOf((await readAll(source(stub.url, more))).batches).map(({ thread_id }) =>
          Number.parseInt(thread_id.slice(-4), 16),
        );
      assert.deepEqual(await found({ metadata: { owner: 'ana' } }), [0, 1, 2]);
      assert.deepEqual(await found({ status: 'interrupted', metadata: { owner: 'ben' } }), [3, 5]);
      assert.deepEqual(await found({ since: stubThread(4).row.created_at }), [4, 5]);
      const ids = [5, 1, 5].map((number) => stubThread(number).row.thread_id);
      assert.deepEqual(await found({ ids }), [5, 1]);
    });
  });
});

describe('threads that change while they are read', () => {
  /** Reads everything, 100 threads a page as the list does it, while something happens after so many requests. */
  async function readWhile(count: number, change: (threads: StubThread[], request: StubRequest) => void) {
    const stub = await startStub({
      threads: stubThreads(count, { checkpoints: 1 }),
      fault: (request) => void change(stub.threads, request),
    });
    try {
      // What is deleted between its page and its turn is rejected.
      const { batches, report } = await readAll(source(stub.url), { policy: { to: '/dev/null' } });
      return { numbers: threadsOf(batches).map(({ thread }) => thread.metadata?.['number'] as number), report };
    } finally {
      await stub.close();
    }
  }
  const isPage = ({ path }: StubRequest): boolean => path === '/threads/search';

  test('those that are deleted before their page make no others be missed', async () => {
    let pages = 0;
    const { numbers, report } = await readWhile(1800, (threads, request) => {
      // Before the second page, forty of the first: every page after it is shifted.
      if (isPage(request) && (pages += 1) === 2) threads.splice(20, 40);
    });
    assert.deepEqual(new Set(numbers.filter((n) => n < 20 || n >= 60)).size, 1760);
    assert.equal(new Set(numbers).size, numbers.length, 'none comes twice');
    assert.equal(report.findings['threads: deleted while they were read'], 40);
  });

  test('so many that whole pages are gone', async () => {
    let pages = 0;
    const { numbers } = await readWhile(2600, (threads, request) => {
      if (isPage(request) && (pages += 1) === 3) threads.splice(0, 900);
    });
    const left = numbers.filter((number) => number >= 900);
    assert.equal(new Set(left).size, 1700);
    assert.equal(new Set(numbers).size, numbers.length);
  });

  test('those that are made meanwhile come too', async () => {
    let made = 0;
    const { numbers } = await readWhile(30, (threads, request) => {
      if (isPage(request) && made < 3) threads.push(stubThread(1000 + (made += 1)));
    });
    assert.deepEqual(new Set(numbers), new Set([...Array.from({ length: 30 }, (_, i) => i), 1001, 1002, 1003]));
  });

  test('many of one and the same time come once each', async () => {
    const time = '2026-05-05T00:00:00.000Z';
    const threads = stubThreads(1300, { checkpoints: 0 }).map((thread) => ({
      ...thread,
      row: { ...thread.row, created_at: time },
    }));
    await withStub({ threads }, async (stub) => {
      const { batches } = await readAll(source(stub.url));
      const ids = threadsOf(batches).map(({ thread_id }) => thread_id);
      assert.equal(new Set(ids).size, 1300);
      assert.equal(ids.length, 1300);
    });
  });

  test('threads that the companion graph is asked on, which come and go, are none of them', async () => {
    let pages = 0;
    const ours = (number: number) => stubThread(number, { metadata: { threadmill: 'companion' } });
    const { numbers, report } = await readWhile(600, (threads, request) => {
      if (!isPage(request)) return;
      pages += 1;
      if (pages === 1) threads.splice(3, 0, ours(1000), ours(1001));
      // One of them is gone before its turn; others are made behind the last.
      if (pages === 2) threads.splice(3, 1);
      if (pages < 9) threads.push(ours(2000 + pages));
    });
    assert.deepEqual(numbers, [...Array(600).keys()]);
    assert.deepEqual([report.counts.rejected, report.findings, report.warnings], [0, {}, []]);
  });

  test('a list that hides some is told by the count', async () => {
    const fault = ({ path, body }: StubRequest): StubFault | undefined =>
      path === '/threads/count' && body['metadata'] === undefined ? { status: 200, text: '12' } : undefined;
    await withStub({ threads: stubThreads(10), fault }, async (stub) => {
      const { report } = await readAll(source(stub.url));
      assert.equal(report.findings['threads: counted by the server and not listed'], 2);
      assert.match(report.warnings[0]?.message ?? '', /counts 12 threads, and listed 10/);
    });
  });
});

describe('a thread that cannot be read is left out with the reason', () => {
  const faults: readonly (readonly [string, StubFault, RegExp])[] = [
    ['an error for ever', { status: 500, text: 'boom' }, /500: boom/],
    [
      'a graph that is not deployed',
      { status: 404, text: 'Graph "old" not found' },
      /history answered 404: Graph "old" not found/,
    ],
    ['a page of an error', { status: 502, text: '<html>oops</html>' }, /<html>oops/],
    ['JSON of another kind', { status: 200, text: '{"detail":"no"}' }, /not an array/],
    ['JSON that is broken', { status: 200, text: '[{"values":{}]' }, /not an array/],
    ['connections that close', 'reset', /broke off/],
    ['silence', 'hang', /in time/],
    ['answers that break off', 'cut', /broke off/],
  ];
  for (const [name, fault, reason] of faults) {
    testIn(name, async (directory) => {
      const options = {
        threads: stubThreads(5),
        fault: (request: StubRequest) => (isHistory(request, 2) ? fault : undefined),
      };
      await withStub(options, async (stub) => {
        const policy = { to: join(directory, 'rejects.jsonl') };
        const { batches, report } = await readAll(source(stub.url, { timeoutMs: 100 }), { policy });
        assert.deepEqual(
          threadsOf(batches).map(({ thread }) => thread.metadata?.['number']),
          [0, 1, 3, 4],
        );
        assert.equal(report.counts.rejected, 1);
        assert.match(report.rejects.reasons[0]?.reason ?? '', reason);
      });
    });
  }

  testIn('an id that does not exist', async (directory) => {
    await withStub({ threads: stubThreads(2) }, async (stub) => {
      const ids = [stubThread(9).row.thread_id, stubThread(1).row.thread_id];
      const { batches, report } = await readAll(source(stub.url, { ids }), {
        policy: { to: join(directory, 'r.jsonl') },
      });
      assert.equal(threadsOf(batches).length, 1);
      assert.match(JSON.stringify(report.rejects.reasons), /404/);
    });
  });
});

describe('what is wrong with the server stops the run, which can be gone on with', () => {
  const faults: readonly (readonly [string, StubFault, string])[] = [
    ['a key that is no longer valid', { status: 401, text: 'expired' }, 'ETL_AUTH_FAILED'],
    ['a rate that stays too high', { status: 429, headers: { 'retry-after': '0' } }, 'ETL_CONNECT_FAILED'],
    ['a server that is gone', 'reset', 'ETL_CONNECT_FAILED'],
    ['a page to log in', { status: 200, text: '<html>Who are you?</html>' }, 'ETL_CONNECT_FAILED'],
    ['a page of a proxy', { status: 502, text: '<html>Bad Gateway</html>' }, 'ETL_CONNECT_FAILED'],
  ];
  for (const [name, fault, code] of faults) {
    testIn(name, async (directory) => {
      let isBroken = false;
      const options = {
        threads: stubThreads(30),
        fault: (request: StubRequest): StubFault | undefined => {
          isBroken ||= isHistory(request, 20);
          return isBroken ? fault : undefined;
        },
      };
      await withStub(options, async (stub) => {
        const given: RecordedBatch[] = [];
        const first = langgraphSource({ apiUrl: stub.url, attempts: 2, batchSize: 5, concurrency: 2 }, { connect });
        const recording = {
          ...first,
          async *read(ctx: Parameters<typeof first.read>[0]) {
            for await (const batch of first.read(ctx)) {
              given.push({
                records: batch.records.map((record) => JSON.stringify(record)),
                at: batch.cursor,
                bytes: 0,
              });
              yield batch;
            }
          },
        };
        const policy = { to: join(directory, 'rejects.jsonl') };
        await assert.rejects(
          readAll(recording, { policy }),
          (error) => error instanceof EtlError && error.code === code,
        );
        const before = threadsOf(given).length;
        assert.ok(before >= 18 && before < 22, `${before} threads came before it`);
        isBroken = false;
        const last = given.at(-1)?.at;
        options.fault = () => undefined;
        const healthy = await startStub({ threads: stub.threads });
        try {
          const { batches } = await readAll(source(healthy.url), { from: JSON.parse(JSON.stringify(last)) });
          const numbers = [...threadsOf(given), ...threadsOf(batches)].map(({ thread }) => thread.metadata?.['number']);
          assert.deepEqual(
            numbers,
            Array.from({ length: 30 }, (_, i) => i),
          );
        } finally {
          await healthy.close();
        }
      });
    });
  }
});

test('no more threads are read at a time than are asked for', async () => {
  let now = 0;
  let most = 0;
  await withStub({ threads: stubThreads(40) }, async (stub) => {
    const counting: typeof openLanggraph = async (options) => {
      const connection = await connect(options);
      return {
        ...connection,
        async read(request, signal) {
          if (request.path.endsWith('/history')) most = Math.max(most, (now += 1));
          try {
            return await connection.read(request, signal);
          } finally {
            if (request.path.endsWith('/history')) now -= 1;
          }
        },
      };
    };
    await readAll(langgraphSource({ apiUrl: stub.url, concurrency: 3 }, { connect: counting }));
  });
  assert.equal(most, 3);
});

test('it says what it would read', async () => {
  await withStub({ threads: stubThreads(4), runtime: 'python' }, async (stub) => {
    const signal = new AbortController().signal;
    assert.equal((await source(stub.url).estimate?.(signal))?.records, 4);
    assert.match((await source(stub.url).check?.(signal)) ?? '', /LangGraph API 0\.16\.7 \(Python\), 4 threads/);
  });
});

testIn(
  'an answer of many megabytes is read piece by piece, and gone on with where it breaks off',
  async (directory) => {
    const thread = stubThread(0, { checkpoints: 40, textLength: 15_000 });
    let cuts = 0;
    const fault = (request: StubRequest): StubFault | undefined =>
      isHistory(request, 0) && (cuts += 1) <= 2 ? 'cut' : undefined;
    await withStub({ threads: [thread], fault }, async (stub) => {
      const { batches } = await readAll(source(stub.url));
      assert.deepEqual(
        threadsOf(batches).flatMap(({ history }) => history),
        thread.history,
      );
      assert.ok(stub.requests.filter((request) => isHistory(request, 0)).length >= 3);
    });
    assert.deepEqual(await readdir(directory), []);
  },
);
