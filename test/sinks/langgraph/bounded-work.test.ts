import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { BoundedWork } from '../../../src/sinks/langgraph/bounded-work.ts';

/** A piece of work that ends when it is told to. */
interface Piece {
  readonly end: (error?: Error) => void;
}

function pieces(): { readonly begun: Map<string, Piece>; readonly work: (name: string) => () => Promise<void> } {
  const begun = new Map<string, Piece>();
  return {
    begun,
    work: (name) => () =>
      new Promise<void>((resolve, reject) => {
        begun.set(name, { end: (error) => (error === undefined ? resolve() : reject(error)) });
      }),
  };
}

describe('bounded work', () => {
  test('begins in its order, so much at a time, and what waits by itself at once', async () => {
    const bounded = new BoundedWork(2);
    const { begun, work } = pieces();
    for (const name of ['a', 'b', 'c', 'd']) bounded.add(10, work(name));
    const beside = bounded.begin(5, work('beside'));
    assert.deepEqual([...begun.keys()], ['a', 'b', 'beside']);
    assert.deepEqual([bounded.count, bounded.bytes], [5, 45]);
    begun.get('b')?.end();
    await bounded.change();
    await Promise.resolve();
    assert.deepEqual([...begun.keys()], ['a', 'b', 'beside', 'c']);
    begun.get('beside')?.end();
    await beside;
    assert.deepEqual([bounded.count, bounded.bytes], [3, 30]);
    assert.equal(begun.has('d'), false);
  });

  test('begins nothing after the first failure, which is the one that is told', async () => {
    const bounded = new BoundedWork(1);
    const { begun, work } = pieces();
    bounded.add(1, work('a'));
    bounded.add(1, work('b'));
    begun.get('a')?.end(new Error('first'));
    await bounded.change();
    bounded.fail(new Error('second'));
    await bounded.close();
    assert.deepEqual(bounded.failure, { error: new Error('first') });
    assert.deepEqual([...begun.keys()], ['a']);
  });

  test('waits on closing for what is under way, and for nothing else', async () => {
    const bounded = new BoundedWork(1);
    const { begun, work } = pieces();
    bounded.add(1, work('a'));
    bounded.add(1, work('b'));
    let isClosed = false;
    const closing = bounded.close().then(() => {
      isClosed = true;
    });
    await Promise.resolve();
    assert.equal(isClosed, false);
    begun.get('a')?.end();
    await closing;
    assert.deepEqual([...begun.keys()], ['a']);
  });
});
