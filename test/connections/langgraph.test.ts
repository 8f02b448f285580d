import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { openLanggraph, type LanggraphConnection, type LanggraphOptions } from '../../src/connections/langgraph.ts';
import { httpStatusOf } from '../../src/connections/langgraph-errors.ts';
import { rateLimit } from '../../src/connections/langgraph-rate.ts';
import { EtlError } from '../../src/errors.ts';
import { startStub, stubThreads, type StubFault, type StubRequest } from '../helpers/langgraph/stub.ts';

const signal = new AbortController().signal;
const impatient = { retryBaseMs: 1, timeoutMs: 200, attempts: 3 };

/** Runs something against a stub that answers `/info` well and everything else as `fault` says. */
async function withStub<T>(
  fault: (request: StubRequest, asked: number) => StubFault | undefined,
  use: (connection: LanggraphConnection, requests: readonly StubRequest[]) => Promise<T>,
  options: Partial<LanggraphOptions> = {},
): Promise<T> {
  let asked = 0;
  const stub = await startStub({
    threads: stubThreads(3),
    fault: (request) => (request.path === '/info' ? undefined : fault(request, (asked += 1))),
  });
  const connection = await openLanggraph({ apiUrl: stub.url, ...impatient, ...options });
  try {
    return await use(connection, stub.requests);
  } finally {
    await connection.close();
    await stub.close();
  }
}

const count = { method: 'POST', path: '/threads/count', body: {} } as const;

async function failure(call: Promise<unknown>): Promise<EtlError> {
  const error: unknown = await call.then(
    () => assert.fail('nothing went wrong'),
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof EtlError, String(error));
  return error;
}

describe('what a server does wrong once is tried again', () => {
  const faults: readonly (readonly [string, StubFault])[] = [
    ['a limit of the rate', { status: 429, headers: { 'retry-after': '0' } }],
    ['an error of its own', { status: 500, text: 'Internal Server Error' }],
    ['a proxy without a server', { status: 502, text: '<html>Bad Gateway</html>' }],
    ['a page instead of JSON', { status: 200, text: '<html>try again</html>' }],
    ['JSON that ends early', { status: 200, text: '[1, 2' }],
    ['a closed connection', 'reset'],
    ['an answer that breaks off', 'cut'],
    ['silence', 'hang'],
  ];
  for (const [name, fault] of faults) {
    test(name, async () => {
      await withStub(
        (_, asked) => (asked === 1 ? fault : undefined),
        async (connection, requests) => {
          assert.equal(await connection.json(count, signal), 3);
          assert.equal(requests.length, 3, '/info, and two of the same');
        },
      );
    });
  }
});

describe('what a server does wrong every time', () => {
  const cases: readonly (readonly [string, StubFault, string, number | undefined, number, RegExp])[] = [
    ['is told with its answer', { status: 500, text: 'boom' }, 'ETL_REQUEST_FAILED', 500, 3, /500: boom/],
    ['says what to do about keys', { status: 401, text: '{"detail":"no"}' }, 'ETL_AUTH_FAILED', 401, 1, /service key/],
    ['says what to do about rights', { status: 403, text: 'no' }, 'ETL_AUTH_FAILED', 403, 1, /custom\s+authentication/],
    ['says that the address may be wrong', { status: 404 }, 'ETL_REQUEST_FAILED', 404, 1, /address of a LangGraph API/],
    ['says that a run may be under way', { status: 409 }, 'ETL_REQUEST_FAILED', 409, 1, /run is under way/],
    ['is a wrong request', { status: 422, text: '{"detail":"limit"}' }, 'ETL_REQUEST_FAILED', 422, 1, /limit/],
    [
      'is a rate too high',
      { status: 429, headers: { 'retry-after': '0' } },
      'ETL_CONNECT_FAILED',
      429,
      3,
      /requestsPerSecond/,
    ],
    ['is a page', { status: 200, text: '<html>log in</html>' }, 'ETL_REQUEST_FAILED', undefined, 3, /<html>log in/],
    ['is a closed connection', 'reset', 'ETL_CONNECT_FAILED', undefined, 3, /broke off/],
    ['is silence', 'hang', 'ETL_CONNECT_FAILED', undefined, 3, /in time/],
  ];
  for (const [name, fault, code, status, tries, text] of cases) {
    test(name, async () => {
      await withStub(
        () => fault,
        async (connection, requests) => {
          const error = await failure(connection.json(count, signal));
          assert.equal(error.code, code);
          assert.equal(httpStatusOf(error), status);
          assert.match(error.describe(), text);
          assert.equal(requests.length - 1, tries);
        },
      );
    });
  }
});

test('of one thread, 404 says that it or its graph may be missing', async () => {
  await withStub(
    () => ({ status: 404 }),
    async (connection) => {
      const error = await failure(
        connection.json({ path: '/threads/4b1c7a5e-0000-4000-8000-000000000000/history' }, signal),
      );
      assert.match(error.describe(), /The thread is gone, or its graph is not deployed/);
    },
  );
});

test('a request that must not be carried out twice is sent again only when the server refused to take it up', async () => {
  const cases: readonly (readonly [fault: StubFault, tries: number])[] = [
    [{ status: 500 }, 1],
    [{ status: 503 }, 1],
    [{ status: 200, text: '<html>' }, 1],
    ['reset', 1],
    ['hang', 1],
    [{ status: 429, headers: { 'retry-after': '0' } }, 3],
  ];
  for (const [fault, tries] of cases) {
    await withStub(
      () => fault,
      async (connection, requests) => {
        await failure(connection.json({ ...count, isRepeatable: false }, signal));
        assert.equal(requests.length - 1, tries, JSON.stringify(fault));
      },
    );
  }
});

test('an answer larger than asked for comes with the rest of it to read', async () => {
  await withStub(
    () => ({ status: 200, text: JSON.stringify(Array.from({ length: 50_000 }, (_, i) => i)) }),
    async (connection) => {
      const { bytes, rest } = await connection.read({ ...count, bufferBytes: 1000 }, signal);
      assert.ok(bytes.length < 200_000 && rest !== undefined);
      const chunks: Uint8Array[] = [bytes];
      for await (const chunk of rest) chunks.push(chunk);
      assert.equal((JSON.parse(Buffer.concat(chunks).toString()) as unknown[]).length, 50_000);
    },
  );
});

test('an abort ends a request that has no answer', async () => {
  const abort = new AbortController();
  await withStub(
    () => {
      abort.abort(new Error('enough'));
      return 'hang';
    },
    (connection) => assert.rejects(connection.json(count, abort.signal), /enough/),
  );
});

test('the key and further headers go with every request, the path of the address before every path', async () => {
  const stub = await startStub();
  try {
    const more = { apiKey: 'secret-key', headers: { authorization: 'Bearer token' } };
    const error = await failure(
      openLanggraph({ apiUrl: `${stub.url}/prefix/`, ...impatient, ...more }).then(async (c) => {
        try {
          return await c.json(count, signal);
        } finally {
          await c.close();
        }
      }),
    );
    assert.ok(!error.describe().includes('secret-key'));
    assert.deepEqual(
      stub.requests.map(({ path }) => path),
      ['/prefix/info', '/prefix/threads/count'],
    );
    for (const { headers } of stub.requests) {
      assert.equal(headers['x-api-key'], 'secret-key');
      assert.equal(headers['authorization'], 'Bearer token');
    }
  } finally {
    await stub.close();
  }
});

test('servers are told apart by what they say of themselves', async (t) => {
  for (const runtime of ['js', 'python', 'unknown'] as const) {
    await t.test(runtime, async () => {
      const stub = await startStub({ runtime });
      const connection = await openLanggraph({ apiUrl: stub.url });
      await connection.close();
      await stub.close();
      assert.equal(connection.info.runtime, runtime);
    });
  }
});

test('an address without an API is told', async (t) => {
  const cases: readonly (readonly [string, StubFault, string, RegExp])[] = [
    [
      'a site',
      { status: 200, text: '<!doctype html><title>Welcome</title>' },
      'ETL_REQUEST_FAILED',
      /Is this the address/,
    ],
    ['a locked door', { status: 401 }, 'ETL_AUTH_FAILED', /service key/],
  ];
  for (const [name, fault, code, text] of cases) {
    await t.test(name, async () => {
      const stub = await startStub({ fault: () => fault });
      try {
        const error = await failure(openLanggraph({ apiUrl: stub.url, ...impatient }));
        assert.equal(error.code, code);
        assert.match(error.describe(), text);
      } finally {
        await stub.close();
      }
    });
  }
  await t.test('nothing', async () => {
    const stub = await startStub();
    await stub.close();
    assert.equal((await failure(openLanggraph({ apiUrl: stub.url, ...impatient }))).code, 'ETL_CONNECT_FAILED');
  });
  await t.test('no address', async () => {
    assert.equal((await failure(openLanggraph({ apiUrl: 'localhost:2024' }))).code, 'ETL_CONFIG_INVALID');
  });
});

test('the official client goes the same way', async () => {
  await withStub(
    () => undefined,
    async (connection, requests) => {
      const client = await connection.client();
      assert.equal((await client.threads.search({ limit: 2 })).length, 2);
      assert.equal(requests.at(-1)?.path, '/threads/search');
    },
    { apiKey: 'k' },
  );
});

describe('the rate limit', () => {
  /** A clock that only sleeping moves. */
  function clock() {
    let time = 0;
    const now = (): number => time;
    const sleep = async (ms: number): Promise<void> => {
      time += ms;
    };
    return { now, sleep };
  }

  test('spaces requests evenly', async () => {
    const { now, sleep } = clock();
    const limit = rateLimit(10, { now, sleep });
    const times: number[] = [];
    for (let i = 0; i < 4; i++) {
      await limit.take(signal);
      times.push(now());
    }
    assert.deepEqual(times, [0, 100, 200, 300]);
  });

  test('holds all requests back while the server asks for a pause', async () => {
    const { now, sleep } = clock();
    const limit = rateLimit(undefined, { now, sleep });
    await limit.take(signal);
    limit.pause(5000);
    limit.pause(100);
    await limit.take(signal);
    assert.equal(now(), 5000);
  });
});
