import type { Dispatcher } from 'undici';

const bySignal = new WeakMap<AbortSignal, OpenRequests>();

/**
 * The requests that a signal ends, behind one listener. With one each, of which the next is known to the one before also when
 * that is removed, a collector that looks at young objects only takes each request for reachable by all before it.
 */
export class OpenRequests {
  readonly #signal: AbortSignal;
  readonly #open: (Dispatcher.DispatchController | undefined)[] = [];

  private constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#abort(), { once: true });
  }

  static of(signal: AbortSignal): OpenRequests {
    let found = bySignal.get(signal);
    if (found === undefined) bySignal.set(signal, (found = new OpenRequests(signal)));
    return found;
  }

  /** Takes in a request that began, and gives its place; one that begins too late ends at once. */
  add(controller: Dispatcher.DispatchController): number {
    const free = this.#open.indexOf(undefined);
    const place = free === -1 ? this.#open.length : free;
    this.#open[place] = controller;
    if (this.#signal.aborted) controller.abort(this.#signal.reason as Error);
    return place;
  }

  /** The request in this place is over. */
  remove(place: number): void {
    this.#open[place] = undefined;
  }

  #abort(): void {
    // What is aborted with is the caller's word for it.
    for (const controller of [...this.#open]) controller?.abort(this.#signal.reason as Error);
  }
}
