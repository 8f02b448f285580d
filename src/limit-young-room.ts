import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

import { collectSooner } from './collect-sooner.ts';

/** Two halves, of which one is in use at a time. The engine would double this twice more, to 32 MB, and not give it back. */
export const enoughYoungRoom = 8 * 1024 * 1024;
const lookEveryMs = 20;
/** An engine that does not stop growing is not to be told over and over: collections that shrink cost more than others. */
const restMs = 1000;
// Names of the engine's measures, which a later one may not have: it would complain on the standard error. Node 20 to 24.
const isKnownEngine = Number.parseInt(process.versions.v8, 10) <= 13;

let uses = 0;
let timer: NodeJS.Timeout | undefined;
let isShrinking = false;
let shrunkAt = Number.NEGATIVE_INFINITY;
let collectLater: (() => void) | undefined;

/**
 * Keeps the room for young objects of this thread at 8 MB, from now on until the function that comes back is called; room that
 * has grown beyond is given back. For work that makes few objects and many buffers: the engine grows the room by what outlives
 * two looks for garbage, which most things on their way through a pipeline do. Measured on a gigabyte: 25 MB less, at no cost.
 * Work that makes many objects is a fifth slower with it.
 *
 * Other threads have room that does not grow meanwhile. An engine that is not known goes on as before.
 *
 * @see V8 `src/heap/heap.cc`: `ConfigureHeap` sets the factor of growth to 2 again with every thread that is started, so that
 *   it has to be told again and again; `ShouldOptimizeForMemoryUsage` has the next full collection give back young room.
 */
export function limitYoungRoom(): () => void {
  if (!isKnownEngine) return () => undefined;
  uses += 1;
  if (uses === 1) {
    look();
    timer = setInterval(look, lookEveryMs).unref();
  }
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    uses -= 1;
    if (uses > 0) return;
    clearInterval(timer);
    shrink(false);
    setFlagsFromString('--semi-space-growth-factor=2');
  };
}

/** How much room for young objects this thread has, in bytes. */
export function youngRoom(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0;
}

function look(): void {
  const room = youngRoom();
  setFlagsFromString(`--semi-space-growth-factor=${room < enoughYoungRoom ? 2 : 1}`);
  shrink(room > enoughYoungRoom && (isShrinking || performance.now() - shrunkAt > restMs));
}

function shrink(isWanted: boolean): void {
  if (isWanted === isShrinking) return;
  isShrinking = isWanted;
  if (!isWanted) shrunkAt = performance.now();
  // Both are for every thread: the sooner this one collects, the shorter.
  if (isWanted) collectLater = collectSooner(1);
  else collectLater?.();
  setFlagsFromString(isWanted ? '--optimize-for-size' : '--no-optimize-for-size');
}
