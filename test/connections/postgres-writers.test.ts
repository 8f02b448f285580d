import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { test } from 'node:test';

import { PostgresWriters, type Turn } from '../../src/connections/postgres-writers.ts';
import type { PostgresClient } from '../../src/connections/postgres.ts';

interface Gate {
  readonly opened: Promise<void>;
  readonly open: () => void;
}

function gate(): Gate {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Writers over connections that only count. */
function writersOf(connections: number): { readonly writers: PostgresWriters<number>; readonly seen: Seen } {
  const seen: Seen = { opened: 0, closed: 0, warnings: [] };
  const writers = new PostgresWriters<number>({
    connections,
    open: () => {
      seen.opened += 1;
      const end = (): Promise<void> => {
        seen.closed += 1;
        return Promise.resolve();
      };
      // Of a connection nothing else is used.
      return Promise.resolve({ end } as unknown as PostgresClient);
    },
    signal: new AbortController().signal,
    warn: (text) => seen.warnings.push(text),
    isRetryable: (error) => error instanceof RangeError,
  });
  return { writers, seen };
}

interface Seen {
  opened: number;
  closed: number;
  readonly warnings: string[];
}

async function all(results: AsyncIterable<number>): Promise<number[]> {
  const found: number[] = [];
  for await (const result of results) found.push(result);
  return found;
}

test('results come in the order of the loads, whichever is written first, over no more connections than asked for', async () => {
  const { writers, seen } = writersOf(2);
  const committed: number[] = [];
  let writing = 0;
  const found: number[] = [];
  for (let number = 0; number < 20; number += 1) {
    const write = async ({ turn, isSending }: Turn): Promise<number> => {
      writing += 1;
      assert.ok(writing <= 2);
      isSending();
      // Every third takes longer.
      for (let times = 0; times < (number % 3 === 0 ? 10 : 1); times += 1) await setImmediate();
      await turn;
      committed.push(number);
      writing -= 1;
      return number;
    };
    found.push(...(await all(writers.submit({ write }))));
  }
  found.push(...(await all(writers.drain())));
  await writers.close();
  const numbers = Array.from({ length: 20 }, (_, number) => number);
  assert.deepEqual([committed, found], [numbers, numbers]);
  assert.deepEqual([seen.opened, seen.closed], [2, 2]);
});

test('one load more than are being written waits, and the next is asked for only when those in front are being sent', async () => {
  const { writers } = writersOf(1);
  const [sending, done] = [gate(), gate()];
  let isAsked = false;
  const first = all(
    writers.submit({
      write: async ({ isSending }) => {
        await sending.opened;
        isSending();
        await done.opened;
        return 1;
      },
    }),
  ).then(() => {
    isAsked = true;
  });
  await setImmediate();
  assert.equal(isAsked, false);
  sending.open();
  await first;
  const write = ({ isSending }: Turn): Promise<number> => {
    isSending();
    return Promise.resolve(2);
  };
  assert.deepEqual(await all(writers.submit({ write })), []);
  const third = all(writers.submit({ write }));
  done.open();
  assert.deepEqual(await third, [1]);
  assert.deepEqual(await all(writers.drain()), [2, 2]);
  await writers.close();
});

test('what may be mended is tried again on a new connection, and told', async () => {
  const { writers, seen } = writersOf(1);
  const clients = new Set<PostgresClient>();
  let ended = 0;
  const write = ({ client }: Turn): Promise<number> => {
    clients.add(client);
    return clients.size < 2 ? Promise.reject(new RangeError('not yet')) : Promise.resolve(7);
  };
  await all(writers.submit({ write, ended: () => (ended += 1) }));
  assert.deepEqual(await all(writers.drain()), [7]);
  await writers.close();
  assert.deepEqual([clients.size, ended, seen.warnings], [2, 1, ['tried again after: not yet']]);
  assert.deepEqual([seen.opened, seen.closed], [2, 2]);
});

test('a load that fails ends those behind it, and what came before it is given first', async () => {
  const { writers, seen } = writersOf(2);
  let ended = 0;
  const load = (result: () => number): Parameters<typeof writers.submit>[0] => ({
    write: async ({ turn }) => {
      await turn;
      return result();
    },
    ended: () => (ended += 1),
  });
  const found = [
    ...(await all(writers.submit(load(() => 1)))),
    ...(await all(
      writers.submit(
        load(() => {
          throw new Error('refused');
        }),
      ),
    )),
    ...(await all(writers.submit(load(() => 3)))),
  ];
  const drained = writers.drain();
  while (found.length < 1) found.push((await drained.next()).value as number);
  await assert.rejects(all(drained), /refused/);
  await writers.close();
  assert.deepEqual([found, ended, seen.opened - seen.closed], [[1], 3, 0]);
});
