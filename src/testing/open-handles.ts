import assert from 'node:assert/strict';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';

const descriptors = '/proc/self/fd';
// Turns of the event loop: enough for a close that is under way, too few for the garbage collector to help out.
const patience = 50;

/**
 * Runs something and checks that every file and socket it opened is closed soon after. Only where the system tells what is
 * open (Linux); elsewhere it just runs it.
 */
export async function closesWhatItOpens(run: () => Promise<void>): Promise<void> {
  const before = openHandles();
  await run();
  let left: string[] = [];
  for (let turn = 0; turn < patience; turn += 1) {
    left = newHandles(before);
    if (left.length === 0) return;
    await setImmediate();
  }
  assert.deepEqual(left, [], 'left open');
}

function newHandles(before: ReadonlySet<string>): string[] {
  return [...openHandles()].filter((handle) => !before.has(handle));
}

function openHandles(): ReadonlySet<string> {
  if (!existsSync(descriptors)) return new Set();
  const found = new Set<string>();
  for (const descriptor of readdirSync(descriptors)) {
    try {
      const target = readlinkSync(`${descriptors}/${descriptor}`);
      // Node's own: its event loop, and the folder being listed here.
      if (!target.startsWith('anon_inode:') && !target.endsWith('/fd')) found.add(`${descriptor} ${target}`);
    } catch {
      // Closed since it was listed.
    }
  }
  return found;
}
