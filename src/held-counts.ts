interface Held<Key> {
  readonly seq: number;
  readonly key: Key;
  times: number;
}

/** Counts that belong to batches not committed yet: they wait until the batch is safe. */
export class HeldCounts<Key extends string = string> {
  #held: Held<Key>[] = [];

  /** Adds to what belongs to batch `seq`. */
  hold(key: Key, times: number, seq: number): void {
    // Few kinds, and few batches that wait.
    const known = this.#held.findLast((held) => held.key === key);
    if (known?.seq === seq) known.times += times;
    else this.#held.push({ seq, key, times });
  }

  /** Takes what belongs to the batches up to `seq` off the waiting list. */
  settle(seq: number, add: (key: Key, times: number) => void): void {
    const later: Held<Key>[] = [];
    for (const held of this.#held) {
      if (held.seq <= seq) add(held.key, held.times);
      else later.push(held);
    }
    this.#held = later;
  }
}
