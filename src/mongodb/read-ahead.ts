/** How far to read ahead. */
export interface ReadAheadOptions<T> {
  /** Ends the reading. */
  readonly signal: AbortSignal;
  /** Reading goes on while less than this waits to be taken. One value may exceed it. */
  readonly maxBytes: number;
  readonly sizeOf: (value: T) => number;
}

/**
 * Gives what `open` gives, read ahead of whoever takes it, up to `maxBytes`: while one value is worked on, the next is on
 * its way. An error comes after the values before it. When the taker stops, the signal given to `open` fires.
 */
export async function* readAhead<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  { signal, maxBytes, sizeOf }: ReadAheadOptions<T>,
): AsyncGenerator<T> {
  const stop = new AbortController();
  const waiting: T[] = [];
  let bytes = 0;
  let end: { readonly error?: unknown } | undefined;
  let wakeTaker = (): void => undefined;
  let wakeReader = (): void => undefined;

  const reading = (async () => {
    try {
      for await (const value of open(AbortSignal.any([signal, stop.signal]))) {
        waiting.push(value);
        bytes += sizeOf(value);
        wakeTaker();
        while (bytes >= maxBytes && !stop.signal.aborted) await new Promise<void>((resolve) => (wakeReader = resolve));
        if (stop.signal.aborted) break;
      }
      end = {};
    } catch (error) {
      end = { error };
    }
    wakeTaker();
  })();

  try {
    for (;;) {
      const value = waiting.shift();
      if (value !== undefined) {
        bytes -= sizeOf(value);
        wakeReader();
        yield value;
      } else if (end === undefined) {
        await new Promise<void>((resolve) => (wakeTaker = resolve));
      } else if ('error' in end) {
        throw end.error;
      } else {
        return;
      }
    }
  } finally {
    stop.abort();
    wakeReader();
    await reading;
  }
}
