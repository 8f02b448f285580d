interface Sample {
  readonly at: number;
  readonly records: number;
  readonly bytes: number;
}

/** How fast it goes right now: over the last ten seconds or so, as samples come in. Times in milliseconds. */
export class RateMeter {
  readonly #windowMs: number;
  #samples: Sample[] = [];

  constructor(windowMs = 10_000) {
    this.#windowMs = windowMs;
  }

  add(sample: Sample): void {
    this.#samples.push(sample);
    // One sample from before the window stays, so that the window is always covered.
    while ((this.#samples[1]?.at ?? Number.POSITIVE_INFINITY) <= sample.at - this.#windowMs) this.#samples.shift();
  }

  /** Per second; 0 while nothing is known. */
  get rates(): { readonly records: number; readonly bytes: number } {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.at <= first.at) return { records: 0, bytes: 0 };
    const seconds = (last.at - first.at) / 1000;
    return { records: (last.records - first.records) / seconds, bytes: (last.bytes - first.bytes) / seconds };
  }
}
