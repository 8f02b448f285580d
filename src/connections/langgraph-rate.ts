import { setTimeout as delay } from 'node:timers/promises';

/** Lets requests begin no faster than a rate, and none at all for a while after the server asked for a pause. */
export interface RateLimit {
  /** Resolves when the next request may begin; nothing to wait for when that is now. */
  take(signal: AbortSignal): Promise<void> | undefined;
  /** No request begins for this long. */
  pause(ms: number): void;
}

/**
 * One rate for all requests of a connection, evenly spaced.
 *
 * @param requestsPerSecond Absent: as fast as they come.
 * @param now For tests: the clock, in milliseconds.
 */
export function rateLimit(
  requestsPerSecond: number | undefined,
  {
    now = () => performance.now(),
    sleep = pauseFor,
  }: { readonly now?: () => number; readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void> } = {},
): RateLimit {
  const interval = requestsPerSecond === undefined ? 0 : 1000 / requestsPerSecond;
  let next = 0;
  let pausedUntil = 0;
  const wait = async (signal: AbortSignal): Promise<void> => {
    const turn = Math.max(now(), next);
    next = turn + interval;
    // A pause may be asked for while waiting.
    for (let until = Math.max(turn, pausedUntil); until > now(); until = Math.max(turn, pausedUntil)) {
      await sleep(until - now(), signal);
    }
  };
  return {
    take: (signal) => (interval === 0 && now() >= pausedUntil ? undefined : wait(signal)),
    pause(ms) {
      pausedUntil = Math.max(pausedUntil, now() + ms);
    },
  };
}

async function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  await delay(Math.ceil(ms), undefined, { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw error;
  });
}
