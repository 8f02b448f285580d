import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { test } from 'node:test';

import { readAhead } from '../../src/mongodb/read-ahead.ts';

const options = (maxBytes: number) => ({
  signal: new AbortController().signal,
  maxBytes,
  sizeOf: (value: number) => value,
});

/** Waits until everything that can go on by itself has. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await setImmediate();
}

test('gives every value in order, then the end', async () => {
  async function* values() {
    for (let i = 1; i <= 100; i++) yield i;
  }
  const given: number[] = [];
  for await (const value of readAhead(values, options(10))) given.push(value);
  assert.deepEqual(
    given,
    Array.from({ length: 100 }, (_, i) => i + 1),
  );
});

test('reads ahead up to the limit and no further', async () => {
  let read = 0;
  async function* values() {
    for (;;) {
      read += 1;
      yield 4;
    }
  }
  const reading = readAhead(values, options(10));
  await reading.next();
  await settle();
  // One is with the taker; 4 + 4 + 4 reaches 10.
  assert.equal(read, 4);
  await reading.next();
  await settle();
  assert.equal(read, 5);
  await reading.return(undefined);
});

test('an error comes after the values before it', async () => {
  async function* values() {
    yield 1;
    yield 2;
    throw new Error('broken');
  }
  const given: number[] = [];
  await assert.rejects(async () => {
    for await (const value of readAhead(values, options(100))) {
      await settle();
      given.push(value);
    }
  }, /broken/);
  assert.deepEqual(given, [1, 2]);
});

test('stops the reading when the taker stops, in the middle of a wait', async () => {
  let closed = false;
  async function* values(signal: AbortSignal) {
    try {
      yield 1;
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    } finally {
      closed = true;
    }
  }
  for await (const _ of readAhead(values, options(100))) break;
  assert.ok(closed);
});

test('stops when the run is aborted', async () => {
  const abort = new AbortController();
  async function* values(signal: AbortSignal) {
    yield 1;
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  }
  await assert.rejects(async () => {
    for await (const _ of readAhead(values, { ...options(100), signal: abort.signal })) abort.abort(new Error('stop'));
  }, /stop/);
});
