import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseRetryAfter, retry, type RetryOptions } from '../src/retry.ts';

/** Fails `failures` times, then gives the number of the try. Pauses are noted, not waited for. */
function flaky(failures: number, options: RetryOptions = {}) {
  const pauses: number[] = [];
  const sleep = async (ms: number): Promise<void> => void pauses.push(ms);
  const attempt = async (tries: number): Promise<number> => {
    if (tries <= failures) throw new Error(`failure ${tries}`);
    return tries;
  };
  return { pauses, result: () => retry(attempt, { sleep, random: () => 1, ...options }) };
}

test('retry', async (t) => {
  await t.test('gives the first result without a pause', async () => {
    const { pauses, result } = flaky(0);
    assert.equal(await result(), 1);
    assert.deepEqual(pauses, []);
  });

  await t.test('doubles the pauses up to the longest', async () => {
    const { pauses, result } = flaky(6, { baseMs: 100, maxMs: 1000 });
    assert.equal(await result(), 7);
    assert.deepEqual(pauses, [100, 200, 400, 800, 1000, 1000]);
  });

  await t.test('never pauses for less than half of that', async () => {
    const { pauses, result } = flaky(3, { baseMs: 100, random: () => 0 });
    await result();
    assert.deepEqual(pauses, [50, 100, 200]);
  });

  await t.test('throws the last error when the tries are used up', async () => {
    const { pauses, result } = flaky(10, { attempts: 3 });
    await assert.rejects(result(), { message: 'failure 3' });
    assert.equal(pauses.length, 2);
  });

  await t.test('throws at once what no repetition can mend', async () => {
    const { pauses, result } = flaky(1, { isRetryable: () => false });
    await assert.rejects(result(), { message: 'failure 1' });
    assert.deepEqual(pauses, []);
  });

  await t.test('waits as long as the other side asks', async () => {
    const { pauses, result } = flaky(2, { baseMs: 10, retryAfter: () => 7000 });
    await result();
    assert.deepEqual(pauses, [7000, 7000]);
  });

  await t.test('gives up when the other side asks for too long', async () => {
    const { result } = flaky(1, { retryAfter: () => 3_600_000 });
    await assert.rejects(result(), { message: 'failure 1' });
  });

  await t.test('tells what it is about to do', async () => {
    const told: unknown[] = [];
    const { result } = flaky(1, { baseMs: 100, onRetry: (error, next) => told.push([(error as Error).message, next]) });
    await result();
    assert.deepEqual(told, [['failure 1', { attempt: 2, waitMs: 100 }]]);
  });

  await t.test('an abort ends a real pause with its reason', async () => {
    const abort = new AbortController();
    const reason = new Error('stop');
    const waiting = retry(() => Promise.reject(new Error('down')), {
      signal: abort.signal,
      baseMs: 60_000,
      maxMs: 60_000,
      onRetry: () => abort.abort(reason),
    });
    await assert.rejects(waiting, reason);
  });

  await t.test('does not start once aborted', async () => {
    const { result } = flaky(0, { signal: AbortSignal.abort(new Error('stop')) });
    await assert.rejects(result(), { message: 'stop' });
  });
});

test('parseRetryAfter', async (t) => {
  const now = Date.parse('Wed, 21 Oct 2026 07:28:00 GMT');
  const cases: [string | null, number | undefined][] = [
    ['0', 0],
    ['120', 120_000],
    [' 5 ', 5000],
    ['Wed, 21 Oct 2026 07:28:30 GMT', 30_000],
    ['Wed, 21 Oct 2026 07:00:00 GMT', 0],
    ['Wednesday, 21-Oct-26 07:28:30 GMT', 30_000],
    ['-5', undefined],
    ['1.5', undefined],
    ['2026', 2_026_000],
    ['soon', undefined],
    ['', undefined],
    [null, undefined],
  ];
  for (const [header, expected] of cases) {
    await t.test(`${JSON.stringify(header)} is ${expected} ms`, () =>
      assert.equal(parseRetryAfter(header, now), expected),
    );
  }
});
