/**
 * Tells loads that have written rows ahead of their turn to take them back: the load whose turn it is may be waiting for one
 * of their keys, while they wait for it.
 */
export class Contest {
  #round = 0;
  readonly #waiting = new Set<() => void>();

  /** What a load that is about to write ahead of its turn keeps, to see later whether it was called back. */
  get round(): number {
    return this.#round;
  }

  /** Calls all of them back. */
  raise(): void {
    this.#round += 1;
    for (const wake of this.#waiting) wake();
  }

  /** Waits for a turn. False when it was called back before: what it has written since `round` has to go. */
  async isMyTurn(turn: Promise<void>, round: number): Promise<boolean> {
    let isTurn = false;
    let wake = (): void => undefined;
    const calledBack = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.#waiting.add(wake);
    if (round !== this.#round) wake();
    try {
      const came = turn.then(() => {
        isTurn = true;
      });
      await Promise.race([came, calledBack]);
      // The turn may have come in the same moment.
      await Promise.resolve();
      return isTurn;
    } finally {
      this.#waiting.delete(wake);
    }
  }
}
