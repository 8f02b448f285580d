import { setTimeout as delay } from 'node:timers/promises';

/** How often and how patiently to try again. Times are in milliseconds. */
export interface RetryOptions {
  /** Ends the waiting at once, with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Tries in all, the first one counted. Default 8. */
  readonly attempts?: number | undefined;
  /** The longest first pause; it doubles from try to try. Default 250. */
  readonly baseMs?: number | undefined;
  /** No pause is longer, unless the other side asks for it. Default 15 000. */
  readonly maxMs?: number | undefined;
  /** Whether trying again can help. Default: always. */
  readonly isRetryable?: ((error: unknown) => boolean) | undefined;
  /** What the other side asked for (`Retry-After`), in milliseconds: waited for in full. See {@link parseRetryAfter}. */
  readonly retryAfter?: ((error: unknown) => number | undefined) | undefined;
  /** A pause the other side asks for that is longer than this ends the tries. Default 300 000. */
  readonly maxRetryAfterMs?: number | undefined;
  /** Told before each pause. */
  readonly onRetry?:
    | ((error: unknown, next: { readonly attempt: number; readonly waitMs: number }) => void)
    | undefined;
  /** For tests: the pause, and a number from 0 up to 1. */
  readonly sleep?: ((ms: number, signal: AbortSignal | undefined) => Promise<void>) | undefined;
  readonly random?: (() => number) | undefined;
}

/**
 * Calls `attempt` until it succeeds, an error comes that no repetition can mend, or the tries are used up; then throws the
 * last error as it is.
 *
 * Pauses double from `baseMs` to `maxMs`, each between half and the whole of that at random, so that many clients of one
 * server that went away do not come back all at once.
 */
export async function retry<T>(attempt: (attempt: number) => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const {
    signal,
    attempts = 8,
    baseMs = 250,
    maxMs = 15_000,
    maxRetryAfterMs = 300_000,
    isRetryable = () => true,
  } = options;
  const { sleep = pause, random = Math.random } = options;
  for (let tries = 1; ; tries++) {
    signal?.throwIfAborted();
    try {
      return await attempt(tries);
    } catch (error) {
      signal?.throwIfAborted();
      if (tries >= attempts || !isRetryable(error)) throw error;
      const asked = options.retryAfter?.(error);
      if (asked !== undefined && asked > maxRetryAfterMs) throw error;
      const longest = Math.min(maxMs, baseMs * 2 ** (tries - 1));
      const waitMs = Math.max(asked ?? 0, Math.round(longest * (0.5 + random() / 2)));
      options.onRetry?.(error, { attempt: tries + 1, waitMs });
      await sleep(waitMs, signal);
    }
  }
}

/**
 * A `Retry-After` header in milliseconds: whole seconds, or an HTTP date. Nothing when it is neither.
 *
 * @see RFC 9110 §10.2.3
 */
export function parseRetryAfter(header: string | null | undefined, now = Date.now()): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  // Only the three forms of an HTTP date: Date.parse alone would take a lone number or a year for one.
  if (!/^[A-Z][a-z]{2,8},? /.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await delay(ms, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
}
