/** What bounds the work under way. */
export interface WindowLimits<Out> {
  /** Items worked on at the same time. As many again may be done and wait for their turn. */
  readonly concurrency: number;
  /** What a result weighs while it waits: none is begun while all that wait weigh `maxWeight` or more. */
  readonly weigh: (result: Out) => number;
  readonly maxWeight: number;
}

interface Begun<In, Out> {
  readonly item: In;
  readonly result: Promise<Out>;
}

/**
 * Works on items several at a time and gives the results in the order of the items.
 *
 * Not p-limit: its promises take 25 µs an item, half as long as a request to a fast server does.
 */
export class OrderedWindow<In, Out> {
  readonly #work: (item: In) => Promise<Out>;
  readonly #limits: WindowLimits<Out>;
  readonly #begun: Begun<In, Out>[] = [];
  #items: readonly In[] = [];
  #next = 0;
  #running = 0;
  #weight = 0;

  /** @param work Gives a result for everything: it never throws. */
  constructor(work: (item: In) => Promise<Out>, limits: WindowLimits<Out>) {
    this.#work = work;
    this.#limits = limits;
  }

  /** All items are begun: it wants more. */
  get isHungry(): boolean {
    return this.#next >= this.#items.length;
  }

  /** What comes next, once it is hungry. */
  offer(items: readonly In[]): void {
    this.#items = items;
    this.#next = 0;
    this.#fill();
  }

  /** The next item and its result; nothing when there is none. */
  async shift(): Promise<{ readonly item: In; readonly result: Out } | undefined> {
    const first = this.#begun.shift();
    if (first === undefined) return undefined;
    const result = await first.result;
    this.#weight -= this.#limits.weigh(result);
    this.#fill();
    return { item: first.item, result };
  }

  /** Begins nothing more. Gives what was begun and is not taken. */
  stop(): readonly Promise<Out>[] {
    this.#items = [];
    return this.#begun.map(({ result }) => result);
  }

  #fill(): void {
    const { concurrency, maxWeight } = this.#limits;
    while (
      this.#next < this.#items.length &&
      this.#running < concurrency &&
      this.#begun.length < 2 * concurrency &&
      (this.#weight < maxWeight || this.#begun.length === 0)
    )
      this.#begin(this.#items[this.#next++] as In);
  }

  #begin(item: In): void {
    this.#running += 1;
    const result = this.#work(item).then((done) => {
      this.#running -= 1;
      this.#weight += this.#limits.weigh(done);
      this.#fill();
      return done;
    });
    this.#begun.push({ item, result });
  }
}
