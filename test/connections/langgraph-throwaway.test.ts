import assert from 'node:assert/strict';

import { ThrowawayThreads } from '../../src/connections/langgraph-throwaway.ts';
import { openLanggraph } from '../../src/connections/langgraph.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { startStub } from '../helpers/langgraph/stub.ts';

const signal = new AbortController().signal;

for (const { name, failures, warnings } of [
  { name: 'a thread whose deletion went wrong is deleted at the end', failures: 1, warnings: 0 },
  { name: 'one that cannot be deleted is named at the end, and deleted by the next attempt', failures: 2, warnings: 1 },
]) {
  testIn(name, async (folder) => {
    let first: string | undefined;
    let failed = 0;
    const stub = await startStub({
      threads: [],
      fault: ({ method, path }) => {
        if (method !== 'DELETE') return undefined;
        first ??= path;
        return path === first && (failed += 1) <= failures ? { status: 500, text: 'no' } : undefined;
      },
    });
    const deleted = (): readonly string[] =>
      stub.requests.flatMap(({ method, path }) => (method === 'DELETE' ? [path.slice('/threads/'.length)] : []));
    try {
      const connection = await openLanggraph({ apiUrl: stub.url, retryBaseMs: 1, attempts: 1 });
      try {
        const told: string[] = [];
        const threads = await ThrowawayThreads.open(connection, folder, signal);
        const [id, other] = [await threads.use(async (given) => given), await threads.use(async (given) => given)];
        await threads.close((message) => told.push(message));
        assert.equal(told.length, warnings);
        assert.ok(told.every((message) => message.includes(id) && !message.includes(other)));
        assert.deepEqual(deleted(), [id, other, id]);
        await (await ThrowawayThreads.open(connection, folder, signal)).close(() => assert.fail('nothing is left'));
        assert.deepEqual(deleted(), warnings === 0 ? [id, other, id] : [id, other, id, id]);
        await (await ThrowawayThreads.open(connection, folder, signal)).close(() => assert.fail('nothing is left'));
        assert.equal(deleted().length, 3 + warnings);
      } finally {
        await connection.close();
      }
    } finally {
      await stub.close();
    }
  });
}
