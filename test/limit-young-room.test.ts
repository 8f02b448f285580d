import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { enoughYoungRoom, limitYoungRoom, youngRoom } from '../src/limit-young-room.ts';

const many = 3_000_000;

/** Makes objects that live for a while, until this is so; false when that does not come. */
async function makeObjectsUntil(isEnough: () => boolean): Promise<boolean> {
  const kept: unknown[] = [];
  for (let i = 0; i < many; i++) {
    kept[i % 200_000] = { i, list: [i] };
    if (i % 20_000 !== 0) continue;
    if (isEnough()) return true;
    // Others have their turn, as while documents go by.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return false;
}

test('room for young objects that has grown is given back, and stays small until the end', async (t) => {
  const isLarge = (): boolean => youngRoom() > 2 * enoughYoungRoom;
  if (!(await makeObjectsUntil(isLarge))) {
    t.skip('this engine does not let the room grow');
    return;
  }
  const restore = limitYoungRoom();
  const other = limitYoungRoom();
  try {
    assert.ok(await makeObjectsUntil(() => youngRoom() <= enoughYoungRoom), 'it is given back');
    // A thread that starts has the engine forget by how much the room may grow.
    await once(new Worker('', { eval: true }), 'exit');
    other();
    other();
    await makeObjectsUntil(() => false);
    assert.ok(await makeObjectsUntil(() => youngRoom() <= enoughYoungRoom), 'it is small whatever goes through it');
  } finally {
    restore();
  }
  assert.ok(await makeObjectsUntil(() => youngRoom() > enoughYoungRoom), 'it grows again afterwards');
});
