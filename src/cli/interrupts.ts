import type { Io } from './io.ts';

/** The two ways of ending a run early, and how to stop listening for them. */
export interface Interrupts {
  /** Stop reading, write and commit what was read. */
  readonly stop: AbortSignal;
  /** Drop everything now. */
  readonly abort: AbortSignal;
  end(): void;
}

/**
 * Listens for Ctrl-C and SIGTERM: the first asks for an orderly end, the second for one at once. From then on the system's
 * own handling is back, so that a third ends the process whatever it is doing.
 */
export function listenForInterrupts({ signals }: Pick<Io, 'signals'>, say: (text: string) => void): Interrupts {
  const stop = new AbortController();
  const abort = new AbortController();
  function interrupted(): void {
    if (!stop.signal.aborted) {
      say('stopping: what was read is still written; once more to drop it');
      stop.abort();
      return;
    }
    say('aborting');
    end();
    abort.abort();
  }
  function end(): void {
    signals.off('SIGINT', interrupted);
    signals.off('SIGTERM', interrupted);
  }
  signals.on('SIGINT', interrupted);
  signals.on('SIGTERM', interrupted);
  return { stop: stop.signal, abort: abort.signal, end };
}
