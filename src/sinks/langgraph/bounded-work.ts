/**
 * Pieces of work that are done in their order, so many at a time. One that waits is a function and no more: promises, and what
 * they hold, are made for those under way.
 */
export class BoundedWork {
  readonly #concurrency: number;
  readonly #waiting: { readonly size: number; readonly work: () => Promise<void> }[] = [];
  readonly #running = new Set<Promise<void>>();
  #active = 0;
  #count = 0;
  #bytes = 0;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** Pieces that are not done. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of these. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What went wrong first: nothing new begins after that. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** Begins a piece of so many bytes when it is its turn. */
  add(size: number, work: () => Promise<void>): void {
    this.#count += 1;
    this.#bytes += size;
    this.#waiting.push({ size, work });
    this.#next();
  }

  /** Begins a piece at once, beside the others: for one that waits by itself for what it needs. */
  begin(size: number, work: () => Promise<void>): Promise<void> {
    this.#count += 1;
    this.#bytes += size;
    return this.#run(size, work);
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#waiting.length = 0;
    this.changed();
  }

  /** Lets nothing new begin and waits for what is under way. */
  async close(): Promise<void> {
    this.#waiting.length = 0;
    await Promise.all(this.#running);
  }

  /** Waits until a piece is done, or somebody says that something changed. */
  async change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  changed(): void {
    this.#wake();
  }

  #next(): void {
    while (this.#active < this.#concurrency) {
      const piece = this.#waiting.shift();
      if (piece === undefined) return;
      this.#active += 1;
      void this.#run(piece.size, piece.work).then(() => {
        this.#active -= 1;
        this.#next();
      });
    }
  }

  #run(size: number, work: () => Promise<void>): Promise<void> {
    const running = work()
      .catch((error: unknown) => this.fail(error))
      .then(() => {
        this.#running.delete(running);
        this.#count -= 1;
        this.#bytes -= size;
        this.changed();
      });
    this.#running.add(running);
    return running;
  }
}
