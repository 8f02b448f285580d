import { ObjectId } from 'bson';
import type { Random } from './random.ts';

/** Simulated time: only moves forward, in whole milliseconds, so that insertion order is creation order. */
export interface Clock {
  now(): number;
  /** Moves on by a random step and returns the new time. */
  tick(minMs: number, maxMs: number): number;
}

/** Starts a clock at a time in epoch milliseconds. */
export function createClock(startMs: number, random: Random): Clock {
  let time = startMs;
  return {
    now: () => time,
    tick: (minMs, maxMs) => (time += Math.max(1, random.int(minMs, maxMs))),
  };
}

/** Makes ObjectIds as one process of a driver does: seconds, five fixed bytes, a counter. */
export function createObjectIds(random: Random): (timeMs: number) => ObjectId {
  const process = random.hex(5);
  let counter = random.int(0, 0xffff);
  return (timeMs) => {
    counter = (counter + 1) & 0xffffff;
    const seconds = Math.floor(timeMs / 1000);
    return new ObjectId(seconds.toString(16).padStart(8, '0') + process + counter.toString(16).padStart(6, '0'));
  };
}
